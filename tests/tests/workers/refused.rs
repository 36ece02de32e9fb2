//! Messages that are refused, and what is said of each.

use bureaucrat_host::broker::Source;
use bureaucrat_wire::Properties;

/// Where a message comes, how, and what; the code, and words of the reason.
pub type Refused = (
    Source,
    Properties,
    &'static [u8],
    &'static str,
    &'static str,
);

fn of_type(content_type: &str) -> Properties {
    Properties {
        content_type: Some(content_type.to_owned()),
        ..Properties::default()
    }
}

pub fn refused() -> Vec<Refused> {
    use Source::{Answers, Events, Launches};
    let plain = Properties::default;
    let encoded = |encoding: &str| Properties {
        content_encoding: Some(encoding.to_owned()),
        ..Properties::default()
    };
    let amqp_1_0 = || Properties {
        kind: Some("amqp-1.0".to_owned()),
        ..Properties::default()
    };
    let answer =
        br#"{"header": {"message": "response", "target": "x", "origin": "x"}, "fields": {}}"#;
    vec![
        (
            Answers,
            plain(),
            b"<process/>",
            "wire.misplaced",
            "this looks like a process definition (XML), which belongs in the queue `bureaucrat`; here an answer to a task is expected",
        ),
        (
            Answers,
            plain(),
            br#"{"event": "paid"}"#,
            "wire.misplaced",
            "this looks like an event, which belongs in the queue `bureaucrat_events`",
        ),
        (
            Launches,
            plain(),
            answer,
            "wire.misplaced",
            "this looks like an answer to a task, which belongs in the queue `bureaucrat_msgs`; here a process definition (XML) is expected",
        ),
        (
            Launches,
            plain(),
            br#"{"event": "paid"}"#,
            "wire.misplaced",
            "the queue `bureaucrat_events`",
        ),
        (
            Events,
            plain(),
            b"<process/>",
            "wire.misplaced",
            "the queue `bureaucrat`; here an event is expected",
        ),
        (
            Events,
            plain(),
            answer,
            "wire.misplaced",
            "the queue `bureaucrat_msgs`",
        ),
        (
            Answers,
            plain(),
            br#"{"customer": "Ada"}"#,
            "wire.no-header",
            "a worker must send back the whole message that it got, with its fields changed",
        ),
        (
            Answers,
            plain(),
            b"null",
            "wire.not-object",
            "the body is `null`, not a JSON object",
        ),
        (
            Answers,
            plain(),
            b"[1]",
            "wire.not-object",
            "the body is a JSON list, not a JSON object",
        ),
        (
            Events,
            plain(),
            b"\"paid\"",
            "wire.not-object",
            "the body is a JSON text, not a JSON object",
        ),
        (Answers, plain(), b"", "wire.not-json", "it is empty"),
        (
            Answers,
            plain(),
            answer,
            "wire.not-an-id",
            "`header.target` is not an activity id: `x`",
        ),
        (
            Answers,
            encoded("latin-1"),
            b"{\"a\": \"\xfc\"}",
            "wire.content-encoding",
            "content_encoding is `latin-1`, which is not supported",
        ),
        (
            Launches,
            encoded("latin-1"),
            b"<process name=\"\xfc\"/>",
            "wire.content-encoding",
            "content_encoding is `latin-1`",
        ),
        (
            Events,
            encoded("base64"),
            b"eyJldmVudCI6ICJwYWlkIn0=",
            "wire.content-encoding",
            "content_encoding is `base64`",
        ),
        (
            Answers,
            encoded("gzip"),
            b"{}",
            "wire.content-encoding",
            "content_encoding is `gzip`, but the body is not compressed that way, or is damaged",
        ),
        (
            Launches,
            plain(),
            b"\xff\xfe<\0p\0",
            "wire.not-utf8",
            "UTF-16",
        ),
        (
            Answers,
            of_type("application/x-msgpack"),
            b"\x81\xa1a\x01",
            "wire.content-type",
            "content_type is `application/x-msgpack`, which is not supported here: send JSON",
        ),
        (
            Events,
            of_type("application/x-python-serialize"),
            b"\x80\x04}.",
            "wire.content-type",
            "send JSON",
        ),
        (
            Answers,
            of_type("application/x-yaml"),
            b"event: paid\n",
            "wire.content-type",
            "`application/x-yaml`",
        ),
        (
            Launches,
            of_type("application/x-yaml"),
            b"process:\n",
            "wire.content-type",
            "send XML",
        ),
        (
            Answers,
            amqp_1_0(),
            b"\0\x53\x77\xd1\0\0\0\x04\0\0\0\0",
            "wire.amqp-1.0",
            "the AMQP 1.0 body is a map: send",
        ),
        (
            Launches,
            amqp_1_0(),
            b"\0\x53\x76\x45",
            "wire.amqp-1.0",
            "is a sequence",
        ),
    ]
}
