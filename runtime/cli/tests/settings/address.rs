//! The broker's address: what it is made of, and that no part of a password is shown.

use super::{bureaucrat, failure, refused};
use serde_json::Value;

#[test]
fn no_password_is_shown_and_a_cut_one_is_explained() {
    let home = tempfile::tempdir().unwrap();
    let ini = home.path().join("some.ini");
    for address in [
        "amqp://u:pSECRET/wSECRET@mq/v",
        "amqp://u:pSECRET?wSECRET@mq/v",
        "amqp://u:pSECRET#wSECRET@mq/v",
    ] {
        let mut command = bureaucrat(home.path());
        let output = command
            .env("BUREAUCRAT_AMQP", address)
            .arg("config")
            .output()
            .unwrap();
        let words = failure(&output);
        assert!(words.starts_with("error: BUREAUCRAT_AMQP: "), "{words}");
        assert!(words.contains("percent-encoded"), "{words}");
        assert!(
            !words.contains("SECRET") && output.stdout.is_empty(),
            "{words}"
        );
        let words = refused(bureaucrat(home.path()).args(["--amqp", address, "list"]));
        assert!(
            words.starts_with("error: --amqp: ") && !words.contains("SECRET"),
            "{words}"
        );
        std::fs::write(&ini, format!("[amqp]\nurl = {address}\n")).unwrap();
        let mut command = bureaucrat(home.path());
        let words = failure(&command.arg("-c").arg(&ini).arg("config").output().unwrap());
        assert!(
            words.contains("some.ini:2: url: ") && !words.contains("SECRET"),
            "{words}"
        );
    }
    for arguments in [
        ["amqp://u:SECRET@mq", "list"],
        ["list", "amqp://u:SECRET@mq"],
        ["--ampq", "amqp://u:SECRET@mq"],
        ["--ampq=amqp://u:SECRET@mq", "list"],
    ] {
        let words = refused(bureaucrat(home.path()).args(arguments));
        assert!(!words.contains("SECRET"), "{words}");
    }
    let good = "amqp://u:SECRET@mq1,mq2:1/v;amqps://x:%53ECRET@[fd00::7]?verify=no";
    let mut command = bureaucrat(home.path());
    command
        .env("BUREAUCRAT_AMQP_PASSWORD", "SECRET")
        .args(["--amqp", good, "config"]);
    let output = command.output().unwrap();
    let (shown, remarks) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    let expected = "amqp://u@mq1:5672/v, amqp://u@mq2:1/v, amqps://x@[fd00::7]:5671/%2F";
    let mut lines = shown.lines();
    let line = lines.find(|line| line.starts_with("amqp ")).unwrap();
    assert!(
        line.contains(" --amqp ") && line.ends_with(expected),
        "{shown}"
    );
    assert!(
        !shown.contains("SECRET") && !remarks.contains("SECRET"),
        "{shown}{remarks}"
    );
    assert!(remarks.contains("`verify` has no effect"), "{remarks}");
}

#[test]
fn the_address_is_made_of_what_is_given() {
    let home = tempfile::tempdir().unwrap();
    let ini = home.path().join("some.ini");
    let secret = home.path().join("secret");
    std::fs::write(&secret, "from-file\n").unwrap();
    for (text, expected, remark) in [
        ("host = fd00::7", "amqp://guest@[fd00::7]:5672/%2F", ""),
        (
            "host = mq1, mq2:1\nvhost = v",
            "amqp://guest@mq1:5672/v, amqp://guest@mq2:1/v",
            "",
        ),
        ("host = mq\ntls = yes", "amqps://guest@mq:5671/%2F", ""),
        (
            "host = mq\ntls = yes\nca_file = ~/ca.pem",
            "amqps://guest@mq:5671/%2F",
            "",
        ),
        (
            "host = mq\nca_file = ~/ca.pem",
            "amqp://guest@mq:5672/%2F",
            "address with amqps://",
        ),
        (
            "url = amqp://x@mq/v\nhost = other",
            "amqp://x@mq:5672/v",
            "some.ini:3: it has no",
        ),
        (
            "url = amqp://mq\nuser = ada\npasswd_file = ~/secret",
            "amqp://ada@mq:5672/%2F",
            "",
        ),
        (
            "ca_flie = x",
            "amqp://guest@localhost:5672/%2F",
            "did you mean `ca_file`?",
        ),
    ] {
        std::fs::write(&ini, format!("[amqp]\n{text}\n")).unwrap();
        let mut command = bureaucrat(home.path());
        let output = command
            .args(["-c", "some.ini", "config", "--json"])
            .output()
            .unwrap();
        let remarks = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}: {remarks}");
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(shown["amqp"]["value"], expected, "{text}");
        assert_eq!(remarks.is_empty(), remark.is_empty(), "{text}: {remarks}");
        assert!(remarks.contains(remark), "{text}: {remarks}");
    }
}
