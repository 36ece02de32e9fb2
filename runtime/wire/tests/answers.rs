//! Answers against tables: one of bodies written by hand, one of bodies that Python's `json.dumps` wrote.
#![allow(clippy::unwrap_used)]

use bureaucrat_model::{ActivityId, Answer, Turn};
use bureaucrat_wire::{UnreadableAnswer, WireLimits, decode_answer};

const PID: &str = "0190b6a8-7c3e-8a12-9f00-0123456789ab";

fn limits() -> WireLimits {
    WireLimits {
        depth: 8,
        ..WireLimits::default()
    }
}

/// One line that says what a body decoded to, with PID for the process.
fn shown(body: &[u8]) -> String {
    let at = |target: &ActivityId, turn: Option<Turn>| {
        let turn = turn.map_or("-".to_owned(), |turn| turn.to_string());
        format!("{target} {turn}")
    };
    let text = match decode_answer(body, &limits()) {
        Ok(message) => {
            let at = at(&message.target, message.turn);
            let left_out = message.unusable.iter();
            let left_out = left_out.map(|part| format!("; left out: {part}"));
            let left_out: String = left_out.collect();
            let taken = match message.answer {
                Answer::Replace(fields) => format!("replace {at} {}", fields.to_json()),
                Answer::Update(fields) => format!("update {at} {}", fields.to_json()),
                Answer::Value(value) => format!("value {at} {}", value.as_str()),
                Answer::Fault {
                    code,
                    message,
                    data,
                    retry_after,
                } => {
                    let data = data.map(|data| format!(" data {}", data.as_str()));
                    let after = retry_after.map(|after| format!(" after {after}"));
                    let (data, after) = (data.unwrap_or_default(), after.unwrap_or_default());
                    format!("fault {at} {code} {message}{data}{after}")
                }
                Answer::Progress(told) => format!("progress {at} {}", told.as_str()),
                Answer::Suspended(text) => format!("suspended {at} {text}"),
                Answer::Unreadable(text) => format!("unreadable {at} {text}"),
            };
            taken + &left_out
        }
        Err(UnreadableAnswer { reason, waiting }) => match waiting {
            Some((target, turn)) => format!("{} {}", reason.code(), at(&target, turn)),
            None => format!("{} nobody", reason.code()),
        },
    };
    text.replace(PID, "PID")
}

#[test]
fn what_python_writes_with_str_is_named() {
    for body in [
        &b"{'header': {}}"[..],
        b"{\"fields\": {'a': 1}}",
        b"{\"a\": 'b'}",
    ] {
        let refused = decode_answer(body, &limits()).unwrap_err().reason;
        assert_eq!(refused.code(), "wire.not-json");
        let words = refused.to_string();
        assert!(
            words.contains("in single quotes") && words.contains("`json.dumps`"),
            "{words}"
        );
    }
}

#[test]
fn answers_decode_as_the_table_says() {
    let mut body: Option<String> = None;
    let mut count = 0;
    for line in include_str!("data/answers.txt").lines() {
        match (line.strip_prefix("=> "), &body) {
            (Some(expected), Some(text)) => {
                assert_eq!(shown(text.as_bytes()), expected, "{text}");
                count += 1;
            }
            _ if line.is_empty() || line.starts_with('#') => {}
            _ => body = Some(line.replace("PID", PID)),
        }
    }
    assert!(count >= 45, "{count}");
}

#[test]
fn what_python_writes_is_read() {
    let bodies: Vec<(&str, Vec<u8>)> = include_str!("data/python_bodies.txt")
        .lines()
        .map(|line| {
            let (name, hex) = line.split_once(' ').unwrap();
            let bytes = (0..hex.len() / 2)
                .map(|place| u8::from_str_radix(&hex[place * 2..place * 2 + 2], 16).unwrap())
                .collect();
            (name, bytes)
        })
        .collect();
    let expected = [
        (
            "plain",
            r#"replace PID_0_1 7 {"a": 1, "b": 1.5, "c": null, "d": [true, {}]}"#,
        ),
        (
            "ascii",
            r#"replace PID_0_1 7 {"name": "J\u00fcrgen \ud83d\ude00", "line": "a\nb\t\"c\"\\"}"#,
        ),
        ("unicode", r#"replace PID_0_1 7 {"name": "Jürgen 😀"}"#),
        ("compact", r#"replace PID_0_1 7 {"a": [1,2]}"#),
        (
            "indented",
            "replace PID_0_1 7 {\"a\": [\n      1,\n      2\n    ]}",
        ),
        (
            "big",
            r#"replace PID_0_1 7 {"i": 10000000000000000000000000000000000000000, "f": 1e+300, "g": 1e-07, "z": -0.0}"#,
        ),
        ("nan", "wire.not-json PID_0_1 7"),
        ("infinity", "wire.not-json PID_0_1 7"),
        ("surrogate", "wire.not-json PID_0_1 7"),
        ("surrogate-name", "wire.not-json PID_0_1 7"),
        ("message", r#"update PID_0_1 7 {"a": 1}"#),
        ("message-nan", "wire.not-json PID_0_1 7"),
        ("fields-first", "wire.not-json PID_0_1 7"),
    ];
    assert_eq!(bodies.len(), expected.len());
    for ((name, body), (expected_name, expected)) in bodies.iter().zip(expected) {
        assert_eq!(*name, expected_name);
        assert_eq!(shown(body), expected, "{name}");
    }
}

#[test]
fn other_bytes_than_text_are_told_to_who_waits() {
    let header = format!(
        r#"{{"header": {{"message": "response", "target": "{PID}_0", "origin": "{PID}_0~1"}}, "#
    );
    let mut body = format!(r#"{header}"fields": {{"a": ""#).into_bytes();
    body.push(0xff);
    body.extend(b"\"}}");
    assert_eq!(shown(&body), "wire.not-utf8 PID_0 1");
    let raw_control = format!("{header}\"fields\": {{\"a\": \"\u{1}\"}}}}");
    assert_eq!(shown(raw_control.as_bytes()), "wire.not-json PID_0 1");

    let small = WireLimits {
        body_bytes: 100,
        ..limits()
    };
    let large = format!(r#"{header}"fields": {{"a": "{}"}}}}"#, "x".repeat(200));
    let refused = decode_answer(large.as_bytes(), &small).unwrap_err();
    assert_eq!(refused.reason.code(), "wire.too-large");
    assert!(refused.waiting.is_some());
}

#[test]
fn what_is_too_large_to_keep_is_named() {
    let header = |name: &str| {
        format!(
            r#"{{"header": {{"message": "{name}", "target": "{PID}_0", "origin": "{PID}_0~1"}}, "#
        )
    };
    let large = "x".repeat(17_000);
    let data = format!(
        r#"{}"fault": {{"code": "Busy", "message": "m", "data": "{large}"}}}}"#,
        header("response")
    );
    let expected =
        "fault PID_0 1 Busy m; left out: `data` has 17002 bytes; at most 4096 are allowed";
    assert_eq!(shown(data.as_bytes()), expected);
    let progress = format!(r#"{}"progress": "{large}"}}"#, header("progress"));
    let expected = "progress PID_0 1 \"(a progress of 17002 bytes; 16384 are kept)\"; left out: \
                    `progress` has 17002 bytes; at most 16384 are allowed";
    assert_eq!(shown(progress.as_bytes()), expected);
    let small = format!(r#"{}"progress": "half"}}"#, header("progress"));
    assert_eq!(shown(small.as_bytes()), "progress PID_0 1 \"half\"");
}

#[test]
fn nesting_takes_no_stack() {
    let mut body = format!(
        r#"{{"header": {{"message": "response", "target": "{PID}_0", "origin": "{PID}_0~1"}}, "fields": "#
    );
    body += &"[".repeat(3_000_000);
    assert_eq!(shown(body.as_bytes()), "wire.too-deep PID_0 1");
}
