//! What comes back from calls of Celery tasks and from requests.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

use bureaucrat_model::{ActivityId, Answer, FaultCode, Turn};
use bureaucrat_wire::{
    AnswerMessage, HeaderValue, Properties, Unreadable, UnreadableAnswer, WireLimits,
    decode_result, unreadable_result,
};
use proptest::prelude::*;

const PID: &str = "0190b6a8-7c3e-8a12-9f00-0123456789ab";

/// The properties of a result: what its id ends with, and its headers.
fn properties(suffix: &str, headers: &[(&str, HeaderValue)]) -> Properties {
    Properties {
        correlation_id: Some(format!("{PID}_0_1~7{suffix}")),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        ..Properties::default()
    }
}

/// What a result is decoded to, in a line.
fn shown(properties: &Properties, body: &str) -> String {
    let target: ActivityId = format!("{PID}_0_1").parse().unwrap();
    match decode_result(properties, body.as_bytes(), &WireLimits::default()) {
        Ok(AnswerMessage {
            target: found,
            turn,
            answer,
            ..
        }) => {
            assert_eq!((found, turn), (target, Some(Turn(7))));
            match answer {
                Answer::Value(value) => format!("value {}", value.as_str()),
                Answer::Suspended(reason) => format!("suspended {reason}"),
                Answer::Fault {
                    code,
                    message,
                    data,
                    ..
                } => {
                    let data = data.map_or(String::new(), |data| format!(" {}", data.as_str()));
                    format!("fault {code}: {message}{data}")
                }
                other => format!("{other:?}"),
            }
        }
        Err(UnreadableAnswer { reason, waiting }) => match waiting {
            Some(waiting) => {
                assert_eq!(waiting, (target, Some(Turn(7))));
                format!("bad {}", reason.code())
            }
            None => format!("dead {}", reason.code()),
        },
    }
}

#[test]
fn callbacks_and_errbacks_of_celery() {
    let deep = format!(r#"[["{}"], {{}}, {{}}]"#, "x".repeat(10));
    for (suffix, body, expected) in [
        (
            "~ok",
            r#"[[{"a": 1.50}], {}, {"callbacks": null}]"#,
            r#"value {"a": 1.50}"#,
        ),
        ("~ok", "[[null],{},{}]", "value null"),
        ("~ok", &deep, r#"value "xxxxxxxxxx""#),
        (
            "~ok",
            r#"{"task": "bureaucrat.succeeded", "args": [7], "kwargs": {}}"#,
            "value 7",
        ),
        (
            "~ok",
            r#"[[{"at": {"__type__": "date", "__value__": "2026-01-02"}}], {}, {}]"#,
            r#"value {"at": "2026-01-02"}"#,
        ),
        ("~ok", "[[NaN], {}, {}]", "bad wire.not-json"),
        ("~ok", "[[], {}, {}]", "bad wire.wrong-type"),
        ("~ok", "[[1, 2], {}, {}]", "bad wire.wrong-type"),
        ("~ok", "[1, {}, {}]", "bad wire.wrong-type"),
        ("~ok", "[[1]]", "bad wire.wrong-type"),
        ("~ok", "{}", "bad wire.wrong-type"),
        ("~ok", "{\"args\": 1}", "bad wire.wrong-type"),
        ("~ok", "", "bad wire.not-json"),
        ("~ok", "[[1], {}, {}] x", "bad wire.not-json"),
        (
            "~failed",
            r#"[["some-id"], {}, {}]"#,
            "fault CeleryTaskFailed: the Celery task failed; its worker's log says why. To see it \
             here, give the app the result backend `rpc://`, or the worker `-E` and the engine \
             `--celery-events read` {\"task\":\"some-id\"}",
        ),
        ("~failed", "[[", "bad wire.not-json"),
        ("~other", "[[1], {}, {}]", "dead wire.not-an-id"),
    ] {
        assert_eq!(
            shown(&properties(suffix, &[]), body),
            expected,
            "{suffix} {body}"
        );
    }
    let nested = format!("[[{}{}], {{}}, {{}}]", "[".repeat(101), "]".repeat(101));
    assert_eq!(shown(&properties("~ok", &[]), &nested), "bad wire.too-deep");
}

#[test]
fn a_result_is_for_the_task_that_its_id_names() {
    let root = |id: &str| [("root_id", HeaderValue::Text(id.to_owned()))];
    let own = format!("{PID}_0_1~7");
    let body = "[[1], {}, {}]";
    assert_eq!(shown(&properties("~ok", &root(&own)), body), "value 1");
    assert_eq!(
        shown(&properties("~ok", &root("other")), body),
        "dead wire.not-an-id"
    );
    for (id, expected) in [
        (None, "dead wire.missing-key"),
        (Some(format!("{PID}_0_1")), "dead wire.not-an-id"),
        (Some("x~7~ok".to_owned()), "dead wire.not-an-id"),
        (Some(format!("{PID}_0_1~x~ok")), "dead wire.not-an-id"),
    ] {
        let properties = Properties {
            correlation_id: id,
            ..Properties::default()
        };
        assert_eq!(shown(&properties, body), expected);
    }
}

#[test]
fn what_rpc_says_of_a_task() {
    let exception = |kind: &str, module: &str, arguments: &str| {
        format!(
            r#"{{"status": "FAILURE", "result": {{"exc_type": "{kind}", "exc_message": {arguments}, "exc_module": "{module}"}}, "traceback": null}}"#
        )
    };
    let wrapped = r#"["shop", "Lost", ["a", 1], "Lost('a', 1)"]"#;
    for (body, expected) in [
        (r#"{"status": "SUCCESS", "result": [1.50], "task_id": "x"}"#.to_owned(), "value [1.50]"),
        (r#"{"status": "SUCCESS"}"#.to_owned(), "value null"),
        (
            exception("ValueError", "builtins", r#"["no"]"#),
            r#"fault ValueError: no {"args":["no"]}"#,
        ),
        (
            exception("Declined", "shop.errors", r#"["no", {"b": 1}]"#),
            r#"fault shop.errors.Declined: no, {"b": 1} {"args":["no",{"b":1}]}"#,
        ),
        (
            exception("UnpickleableExceptionWrapper", "celery.utils.serialization", wrapped),
            r#"fault shop.Lost: a, 1 {"args":["a",1]}"#,
        ),
        (
            exception("NotRegistered", "celery.exceptions", r#"["shop.x"]"#),
            r#"fault NotRegistered: shop.x {"args":["shop.x"]}"#,
        ),
        // Codes of the engine are no worker's.
        (
            exception("Cancelled", "builtins", "[]"),
            r#"fault ActionError: Cancelled:  {"code":"Cancelled","args":[]}"#,
        ),
        (
            exception("größe", "", "1"),
            r#"fault ActionError: größe: 1 {"code":"größe","args":1}"#,
        ),
        (
            r#"{"status": "REVOKED", "result": {"exc_type": "TaskRevokedError", "exc_message": ["expired"], "exc_module": "celery.exceptions"}, "traceback": "T"}"#.to_owned(),
            r#"fault TaskRevoked: expired {"args":["expired"],"traceback":"T"}"#,
        ),
        (
            r#"{"status": "RETRY", "result": {"exc_type": "E", "exc_message": ["busy"]}}"#.to_owned(),
            "suspended Celery says RETRY: busy",
        ),
        (r#"{"status": "STARTED", "result": {"pid": 7}}"#.to_owned(), "suspended Celery says STARTED"),
        (r#"{"status": "FAILURE", "result": 7}"#.to_owned(), "fault ActionError: "),
    ] {
        assert_eq!(shown(&properties("", &[]), &body), expected);
    }
    let escaped = format!(
        r#"{{"status": "FAILURE", "result": {{"exc_type": "E", "exc_message": []}}, "traceback": "{}"}}"#,
        r"\u0001".repeat(2_000)
    );
    let said = shown(&properties("", &[]), &escaped);
    assert_eq!(said, r#"fault E:  {"args":[]}"#);
    let bad = shown(&properties("", &[]), "\u{80}pickle");
    assert!(
        bad.starts_with("suspended the reply of Celery's result backend"),
        "{bad}"
    );
    let long = exception("E", "builtins", &format!(r#"["{}"]"#, "x".repeat(9_000)));
    let long = long.replace("null", &format!(r#""{}end""#, "t".repeat(9_000)));
    let long = shown(&properties("", &[]), &long);
    assert!(
        long.len() < 7_000 && long.ends_with("end\"}"),
        "{}",
        long.len()
    );
}

#[test]
fn replies_to_requests() {
    let error = |value: HeaderValue| vec![("error", value)];
    let text = |text: &str| error(HeaderValue::Text(text.to_owned()));
    for (headers, body, expected) in [
        (vec![], r#" {"a": 1.50} "#, r#"value {"a": 1.50}"#),
        (vec![], "", "value null"),
        (vec![], "x", "bad wire.not-json"),
        (error(HeaderValue::Void), "1", "value 1"),
        (error(HeaderValue::Bool(false)), "1", "value 1"),
        (
            text("Declined"),
            r#""no money""#,
            "fault Declined: no money",
        ),
        (
            text("no money at all"),
            "",
            "fault ActionError: no money at all",
        ),
        (
            text("Declined"),
            r#"{"message": "no"}"#,
            "fault Declined: no",
        ),
        (
            error(HeaderValue::Bool(true)),
            r#"{"code": "shop.Busy", "message": "later", "data": [1]}"#,
            "fault shop.Busy: later [1]",
        ),
        (
            error(HeaderValue::Bool(true)),
            "not JSON",
            "fault ActionError: ",
        ),
        (
            text("Cancelled"),
            r#""x""#,
            r#"fault ActionError: Cancelled: x"#,
        ),
    ] {
        assert_eq!(
            shown(&properties("~reply", &headers), body),
            expected,
            "{body}"
        );
    }
}

#[test]
fn what_cannot_be_unpacked_fails_the_call_unless_a_callback_follows() {
    let reason = || Unreadable::NotUtf8;
    let failed = unreadable_result(&properties("~ok", &[]), reason()).unwrap_err();
    assert!(failed.waiting.is_some());
    let detail = unreadable_result(&properties("", &[]), reason()).unwrap();
    assert!(matches!(detail.answer, Answer::Suspended(_)));
    let stray = unreadable_result(&Properties::default(), reason()).unwrap_err();
    assert_eq!(stray.waiting, None);
}

proptest! {
    #[test]
    fn any_body_is_answered_and_small_limits_hold(
        suffix in "(~ok|~failed|~reply|)",
        body in "[\\[\\]{}\",:a-z0-9\\\\ ]{0,80}",
    ) {
        let tight = WireLimits { body_bytes: 40, text_bytes: 8, ..WireLimits::default() };
        let decoded = decode_result(&properties(&suffix, &[]), body.as_bytes(), &tight);
        let is_reply = suffix == "~reply";
        if body.len() > 40 && !suffix.is_empty() && !(is_reply && body.trim().len() <= 40) {
            prop_assert!(decoded.is_err());
        }
        if let Ok(AnswerMessage { answer: Answer::Fault { code, .. }, .. }) = decoded {
            prop_assert!(code.as_str().len() <= FaultCode::LENGTH_MAX);
        }
    }
}
