//! The words for each trouble, and what they advise.

use super::*;

#[test]
fn every_trouble_says_what_to_do() {
    let of_broker = |code, stage, words: &str| Trouble::Said {
        words: Said {
            code,
            words: words.to_owned(),
            stage,
        },
        user: "ada".to_owned(),
        vhost: "shop".to_owned(),
    };
    let login = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN";
    let vhost = "NOT_ALLOWED - vhost shop not found";
    let limit = "NOT_ALLOWED - access to vhost 'shop' refused for user 'ada': connection \
                 limit (1) is reached";
    let denied = "NOT_ALLOWED - access to vhost 'shop' refused for user 'ada'";
    for (trouble, expected) in [
        (
            of_broker(403, Stage::Greeted, login),
            "Check the user `ada` and its password",
        ),
        (
            of_broker(530, Stage::LoggedIn, vhost),
            "There is no virtual host `shop`",
        ),
        (
            of_broker(530, Stage::LoggedIn, limit),
            "The limit of connections",
        ),
        (
            of_broker(530, Stage::LoggedIn, denied),
            "Give the user `ada` permissions",
        ),
        (
            of_broker(320, Stage::Open, "CONNECTION_FORCED - x"),
            "The broker shuts down",
        ),
        (
            of_broker(541, Stage::Open, "INTERNAL_ERROR"),
            "(541). Something is wrong",
        ),
        (
            Trouble::Silent {
                stage: Stage::Silence,
                waited: Duration::from_secs(2),
                port: 5671,
            },
            "no answer within 2 s; port 5671 is usually RabbitMQ's port for TLS",
        ),
        (
            Trouble::Silent {
                stage: Stage::Silence,
                waited: Duration::from_secs(2),
                port: 5672,
            },
            "is this an AMQP port?",
        ),
        (
            Trouble::Ended {
                stage: Stage::Silence,
                reason: None,
                port: 25_672,
            },
            "its AMQP port is usually 5672",
        ),
        (
            Trouble::Foreign(b"HTTP/1.1 400 Bad Request\r\n".to_vec()),
            "(`HTTP/1.1 400 Bad",
        ),
        (
            Trouble::Foreign(vec![0x15, 3, 1, 0, 2, 2, 80]),
            "use amqps://",
        ),
        (
            Trouble::Foreign(b"AMQP\x03\x01\x00\x00".to_vec()),
            "speaks AMQP 1.0",
        ),
        (
            Trouble::Foreign(b"220 mail ESMTP\r\n".to_vec()),
            "it answered `220 mail ESMTP`",
        ),
    ] {
        let words = trouble.to_string();
        assert!(words.contains(expected), "{words}");
    }
}

#[test]
fn what_is_refused_of_a_queue_is_explained() {
    for (code, words, expected) in [
        (
            403,
            "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
            "consumes it alone",
        ),
        (
            403,
            "ACCESS_REFUSED - configure access to queue 'q' refused",
            "Give this user",
        ),
        (
            404,
            "NOT_FOUND - no queue 'q' in vhost '/'",
            "Check the name",
        ),
        (
            405,
            "RESOURCE_LOCKED - cannot obtain exclusive access",
            "exclusive use of it",
        ),
        (
            406,
            "PRECONDITION_FAILED - inequivalent arg 'durable'",
            "other properties",
        ),
        (
            406,
            "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out",
            "longer",
        ),
        (
            406,
            "PRECONDITION_FAILED - unknown delivery tag 7",
            "delivery tag 7 (406)",
        ),
    ] {
        let advised = advised(code, words);
        assert!(
            advised.starts_with(words) && advised.contains(expected),
            "{advised}"
        );
    }
}

#[test]
fn an_address_that_worked_is_not_asked_whether_it_is_one() {
    let ended = |stage| Trouble::Ended {
        stage,
        reason: None,
        port: 5672,
    };
    let silent = Trouble::Silent {
        stage: Stage::Silence,
        waited: Duration::from_secs(2),
        port: 5672,
    };
    for (trouble, expected) in [
        (
            ended(Stage::Silence),
            "it worked before: the broker may be starting or stopping",
        ),
        (silent, "does not answer within 2 s; it may be busy"),
        (ended(Stage::Greeted), "check user and password"),
        (Trouble::Refused, "is RabbitMQ running"),
    ] {
        let words = trouble.of_a_broker().to_string();
        assert!(words.contains(expected), "{words}");
        assert!(!words.contains("is this an AMQP port"), "{words}");
    }
}
