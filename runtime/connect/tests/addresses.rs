//! Addresses: what each text means, and that nothing of a wrong one is repeated.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_connect::{Addresses, Defaults, Encryption, Password, Secret, Tls};
use std::path::PathBuf;

fn defaults() -> Defaults {
    Defaults {
        user: "dora".to_owned(),
        password: Password::Known(Secret::new("default-secret")),
        ..Defaults::default()
    }
}

fn parsed(text: &str) -> Addresses {
    Addresses::parse(text, &defaults()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn an_address_means_what_other_clients_take_it_for() {
    for (text, expected) in [
        ("amqp://", "amqp://dora@localhost:5672/%2F"),
        ("amqp://mq", "amqp://dora@mq:5672/%2F"),
        ("amqp://mq/", "amqp://dora@mq:5672/%2F"),
        ("amqp://mq//", "amqp://dora@mq:5672/%2F"),
        ("amqp://mq/%2f", "amqp://dora@mq:5672/%2F"),
        ("amqp://mq/%2F", "amqp://dora@mq:5672/%2F"),
        ("amqp://mq/shop", "amqp://dora@mq:5672/shop"),
        ("amqp://mq/a/b", "amqp://dora@mq:5672/a%2Fb"),
        ("amqp://mq/a%20b", "amqp://dora@mq:5672/a%20b"),
        ("amqp://u:p@mq:5673/v", "amqp://u@mq:5673/v"),
        ("amqp://u@mq", "amqp://u@mq:5672/%2F"),
        ("amqp://u:@mq", "amqp://u@mq:5672/%2F"),
        ("amqp://:p@mq", "amqp://dora@mq:5672/%2F"),
        ("amqp://u%40x:p%2Fw%3A%25@mq", "amqp://u%40x@mq:5672/%2F"),
        ("amqp://u@x:p@mq", "amqp://u%40x@mq:5672/%2F"),
        ("amqp://u:p@", "amqp://u@localhost:5672/%2F"),
        ("amqp://u:p@:5673/v", "amqp://u@localhost:5673/v"),
        ("AMQP://mq", "amqp://dora@mq:5672/%2F"),
        ("amqps://mq", "amqps://dora@mq:5671/%2F"),
        ("amqps://mq:5672", "amqps://dora@mq:5672/%2F"),
        (
            "pyamqp://guest@localhost//",
            "amqp://guest@localhost:5672/%2F",
        ),
        (
            "amqp://[2001:db8::7]/%2f",
            "amqp://dora@[2001:db8::7]:5672/%2F",
        ),
        (
            "amqp://u:p@[2001:db8::7]:5673/%2f",
            "amqp://u@[2001:db8::7]:5673/%2F",
        ),
        (
            "amqp://[fe80::1%25eth0]:1",
            "amqp://dora@[fe80::1%eth0]:1/%2F",
        ),
        (
            "amqp://127.0.0.1:1/v?heartbeat=5",
            "amqp://dora@127.0.0.1:1/v",
        ),
        (" amqp://mq ", "amqp://dora@mq:5672/%2F"),
        (
            "amqp://u:p@mq1:1/v,amqp://mq2",
            "amqp://u@mq1:1/v, amqp://dora@mq2:5672/%2F",
        ),
        (
            "amqp://a//;amqps://b//;",
            "amqp://dora@a:5672/%2F, amqps://dora@b:5671/%2F",
        ),
        (
            "amqp://u:p,w;x@mq1,mq2:5673/v",
            "amqp://u@mq1:5672/v, amqp://u@mq2:5673/v",
        ),
    ] {
        assert_eq!(parsed(text).to_string(), expected, "{text}");
    }
}

#[test]
fn what_could_be_a_password_is_never_repeated() {
    for (text, expected) in [
        (
            "amqp://u:p/wSECRET@mq/v",
            "percent-encoded: @ is %40, / is %2F",
        ),
        ("amqp://u:p?wSECRET@mq/v", "percent-encoded"),
        ("amqp://u:p#wSECRET@mq/v", "percent-encoded"),
        ("amqp://u:1/SECRET@mq/v", "percent-encoded"),
        ("amqp://a@b:1/SECRET@mq/v", "percent-encoded"),
        ("amqp://u:SECRET%zz@mq", "in the password, a %"),
        ("amqp://u:SECRET%ff@mq", "in the password, a %"),
        ("amqp://u:SECRET", "the port is not a number"),
        ("amqp://mq:SECRET/v", "the port is not a number"),
        ("amqp://mq:0", "the port is not a number"),
        ("amqp://mq:70000", "the port is not a number"),
        ("amqp://mq/v#SECRET", "percent-encoded"),
        ("amqp://SECRET mq", "the host is not a name"),
        ("amqp://fd00::7/SECRET", "[fd00::7]"),
        ("amqp://[fd00::7/SECRET", "[fd00::7]"),
        ("amqp://[SECRET]/", "[fd00::7]"),
        ("u:SECRET@mq", "begins with amqp://"),
        ("SECRET", "begins with amqp://"),
        ("", "begins with amqp://"),
        ("http://u:SECRET@mq:15672", "management"),
        ("redis://u:SECRET@mq", "bureaucrat needs RabbitMQ"),
        (
            "amqp://mq?heartbeat=SECRET",
            "heartbeat must be a number of seconds",
        ),
        (
            "amqp://mq?auth_mechanism=SECRET",
            "plain, amqplain or external",
        ),
        ("amqp://mq,SECRET!", "the host is not a name"),
    ] {
        let error = Addresses::parse(text, &defaults()).map(|read| read.to_string());
        let words = error.expect_err(text).to_string();
        assert!(words.contains(expected), "{text}: {words}");
        assert!(!words.contains("SECRET"), "{text}: {words}");
    }
}

#[test]
fn nothing_shows_a_password() {
    for text in [
        "amqp://u:SECRET@mq",
        "amqps://SECRET%41:SECRET@mq?verify=SECRET",
    ] {
        let read = parsed(text);
        let shown = format!("{read:?} {}", read.remarks().join(" "));
        assert!(!shown.replace("SECRETA", "").contains("SECRET"), "{shown}");
    }
    let shown = format!("{:?}", defaults());
    assert!(!shown.contains("default-secret"), "{shown}");
}

#[test]
fn parameters_that_have_no_effect_are_named() {
    for (text, expected) in [
        (
            "amqp://mq?heartbeat=30&frame_max=8192&connection_timeout=500",
            &[] as &[&str],
        ),
        (
            "amqps://mq?cacertfile=/ca.pem&certfile=/c.pem&keyfile=/k.pem",
            &[],
        ),
        (
            "amqps://mq?verify=verify_peer&server_name_indication=mq.example",
            &[],
        ),
        (
            "amqp://mq?cacertfile=/ca.pem",
            &["`cacertfile` has no effect: the address begins"],
        ),
        ("amqps://mq?verify=verify_none", &["`verify` has no effect"]),
        (
            "amqps://mq?cacertfil=/ca.pem",
            &["`cacertfil` has no effect; known are"],
        ),
        (
            "amqp://mq?a=1&b=2;amqp://mq2?a=1",
            &["`a` has no effect", "`b` has no effect"],
        ),
    ] {
        let read = parsed(text);
        let remarks = read.remarks();
        assert_eq!(remarks.len(), expected.len(), "{text}: {remarks:?}");
        for (remark, expected) in remarks.iter().zip(expected) {
            assert!(remark.contains(expected), "{text}: {remark}");
        }
    }
}

#[test]
fn every_parameter_that_is_named_as_known_has_an_effect() {
    for name in bureaucrat_connect::PARAMETERS {
        let value = match name {
            "auth_mechanism" => "plain",
            "frame_max" | "channel_max" => "8192",
            _ => "5",
        };
        let text = format!("amqps://mq?{name}={value}");
        assert_eq!(parsed(&text).remarks(), [""; 0], "{text}");
        let unknown = parsed("amqps://mq?nosuch=1").remarks().join("");
        assert!(unknown.contains(name), "{unknown}");
    }
}

#[test]
fn limits_that_no_connection_could_keep_are_refused() {
    for (parameter, expected) in [
        ("frame_max=0", None),
        ("frame_max=4096", None),
        (
            "frame_max=10",
            Some("the parameter frame_max must be a number of bytes from 4096"),
        ),
        (
            "frame_max=-1",
            Some("the parameter frame_max must be a number of bytes from 4096"),
        ),
        ("channel_max=0", None),
        ("channel_max=8", None),
        (
            "channel_max=1",
            Some("the parameter channel_max must be a number from 8"),
        ),
        (
            "heartbeat=70000",
            Some("the parameter heartbeat must be a number of seconds"),
        ),
        ("connection_timeout=soon", Some("a number of milliseconds")),
        (
            "auth_mechanism=cram",
            Some("must be plain, amqplain or external"),
        ),
    ] {
        let text = format!("amqp://mq?{parameter}");
        let read = Addresses::parse(&text, &defaults()).map_err(|error| error.to_string());
        match (read, expected) {
            (Ok(_), None) => {}
            (Err(said), Some(expected)) if said.contains(expected) => {}
            (read, _) => panic!("{text}: {:?}", read.err()),
        }
    }
}

#[test]
fn parts_make_an_address() {
    let of = |hosts: &str, port, encryption| {
        let defaults = Defaults {
            tls: Tls {
                ca_file: Some(PathBuf::from("/ca.pem")),
                ..Tls::default()
            },
            ..defaults()
        };
        Addresses::of_parts(hosts, port, "a/b", encryption, &defaults)
            .map(|read| read.to_string())
            .map_err(|error| error.to_string())
    };
    for (hosts, port, encryption, expected) in [
        ("mq", None, Encryption::Plain, "amqp://dora@mq:5672/a%2Fb"),
        ("mq", Some(1), Encryption::Tls, "amqps://dora@mq:1/a%2Fb"),
        (
            "mq:5673",
            Some(1),
            Encryption::Plain,
            "amqp://dora@mq:5673/a%2Fb",
        ),
        (
            "fd00::7",
            None,
            Encryption::Plain,
            "amqp://dora@[fd00::7]:5672/a%2Fb",
        ),
        (
            "[fd00::7]:1",
            None,
            Encryption::Tls,
            "amqps://dora@[fd00::7]:1/a%2Fb",
        ),
        (
            "mq1, mq2:2",
            None,
            Encryption::Plain,
            "amqp://dora@mq1:5672/a%2Fb, amqp://dora@mq2:2/a%2Fb",
        ),
    ] {
        assert_eq!(
            of(hosts, port, encryption),
            Ok(expected.to_owned()),
            "{hosts}"
        );
    }
    for hosts in ["mq/v", "mq mq", "amqp://mq", "fd00::7:zz"] {
        assert!(of(hosts, None, Encryption::Plain).is_err(), "{hosts}");
    }
}
