//! Why tasks failed, as events of Celery's workers say it. The exceptions and the ends of the
//! tracebacks are those that a worker of Celery 5.7 with `-E` sent.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_model::{Answer, JsonText};
use bureaucrat_wire::{FailureDetail, WireLimits, failure_details};
use serde_json::{Value, json};

const ID: &str = "0c4b0000-0000-4000-8000-000000000001_0_1~7";

fn event(kind: &str, uuid: &str, exception: &Value, traceback: &Value) -> Value {
    json!({
        "hostname": "celery@shop", "utcoffset": 0, "pid": 7, "clock": 9, "timestamp": 1.5,
        "type": kind, "uuid": uuid, "exception": exception, "traceback": traceback,
    })
}

fn failed(exception: &str, traceback: &str) -> Value {
    event("task-failed", ID, &json!(exception), &json!(traceback))
}

fn read(body: &Value) -> Vec<FailureDetail> {
    failure_details(body.to_string().as_bytes(), &WireLimits::default())
}

/// The code, the message and the data of the only failure in a message.
fn told(exception: &str, traceback: &str) -> (String, String, Value) {
    let found = read(&failed(exception, traceback));
    let [
        FailureDetail {
            answer:
                Answer::Fault {
                    code,
                    message,
                    data,
                    retry_after: None,
                },
            ..
        },
    ] = &*found
    else {
        panic!("{found:?}");
    };
    let data = data.as_ref().and_then(JsonText::to_value);
    let code = code.as_str().to_owned();
    (code, message.clone(), data.unwrap_or_default())
}

#[test]
fn the_exceptions_type_is_the_code() {
    let head = "Traceback (most recent call last):\n  File \"calls.py\", line 78, in raises\n    \
                return {}[\"missing\"]\n";
    for (exception, last, code, message) in [
        (
            "KeyError('missing')",
            "KeyError: 'missing'\n",
            "KeyError",
            "'missing'",
        ),
        (
            "Declined('no money', 7)",
            "calls.Declined: ('no money', 7)\n",
            "calls.Declined",
            "('no money', 7)",
        ),
        ("Empty()", "queue.Empty\n", "queue.Empty", ""),
        (
            "SoftTimeLimitExceeded()",
            "celery.exceptions.SoftTimeLimitExceeded\n",
            "SoftTimeLimitExceeded",
            "",
        ),
        // What cannot be pickled is wrapped.
        (
            "Unpicklable('one and two')",
            "celery.utils.serialization.UnpickleableExceptionWrapper: Unpicklable('one and two')\n",
            "Unpicklable",
            "Unpicklable('one and two')",
        ),
        (
            "ExceptionWithTraceback()",
            "billiard.exceptions.TimeLimitExceeded: TimeLimitExceeded(1,)\n",
            "billiard.exceptions.TimeLimitExceeded",
            "TimeLimitExceeded(1,)",
        ),
        (
            "ValueError('a\\nb: c\\nother.ValueError')",
            "ValueError: a\nb: c\n",
            "ValueError",
            "a\nb: c",
        ),
        // No name that could be a code.
        ("<lost>", "calls.Odd: lost\n", "CeleryTaskFailed", "<lost>"),
        ("Odd!()", "calls.Odd: lost\n", "CeleryTaskFailed", "Odd!()"),
        ("a.B()", "a.B\n", "CeleryTaskFailed", "a.B()"),
        ("", "", "CeleryTaskFailed", ""),
        // A code that is the engine's.
        ("Cancelled()", "Cancelled\n", "ActionError", "Cancelled: "),
    ] {
        let traceback = format!("{head}{last}");
        let (found, said, data) = told(exception, &traceback);
        assert_eq!((&*found, &*said), (code, message), "{exception}");
        assert_eq!(data["traceback"], traceback.trim_end(), "{exception}");
    }
}

#[test]
fn a_chain_of_exceptions_ends_with_the_one_that_counts() {
    let traceback = "Traceback (most recent call last):\n  File \"a.py\"\nKeyError: 'x'\n\nDuring \
                     handling of the above exception, another exception occurred:\n\nTraceback (most \
                     recent call last):\n  File \"b.py\"\nshop.Declined: no\n";
    let (code, message, _) = told("Declined('no')", traceback);
    assert_eq!((&*code, &*message), ("shop.Declined", "no"));
}

#[test]
fn only_failures_of_the_engines_tasks_are_read() {
    let own = failed("KeyError('x')", "");
    let uuid = "12345678-1234-5678-1234-567812345678";
    let text = json!("KeyError('x')");
    let others = [
        event("task-failed", uuid, &text, &text),
        event("task-succeeded", ID, &text, &text),
        event("task-retried", ID, &text, &text),
        event("task-failed", ID.trim_end_matches("~7"), &text, &text),
        event("task-failed", "", &text, &text),
        json!({"type": "task-failed"}),
        json!({"type": ["task-failed"], "uuid": ID}),
        json!({"type": "task-failed", "uuid": {"id": ID}}),
        json!(["task-failed"]),
        json!("task-failed"),
        json!(null),
    ];
    for other in &others {
        assert_eq!(read(other), [], "{other}");
    }
    let mut all = others.to_vec();
    all.insert(3, own.clone());
    all.push(own);
    assert_eq!(read(&json!(all)).len(), 2);
    let odd = event("task-failed", ID, &json!(7), &json!({"a": 1}));
    assert_eq!(read(&odd).len(), 1);
}

#[test]
fn hostile_messages_are_bounded() {
    let limits = WireLimits::default();
    let own = failed("KeyError('x')", "").to_string();
    let deep = format!("{}{own}{}", "[".repeat(200), "]".repeat(200));
    for body in [
        "",
        "[",
        "{\"type\": \"task-failed\"",
        "task-failed",
        "[,]task-failed",
        &*deep,
        &*format!("{own}{own}"),
    ] {
        assert_eq!(failure_details(body.as_bytes(), &limits), [], "{body:.60}");
    }
    assert_eq!(
        failure_details(
            &[b"\xfftask-failed".as_slice(), own.as_bytes()].concat(),
            &limits
        ),
        []
    );
    let many = format!("[{}]", vec![&*own; 3_000].join(","));
    assert_eq!(failure_details(many.as_bytes(), &limits).len(), 1_000);
    let too_many = format!("[{}]", vec![&*own; 9_000].join(","));
    assert_eq!(failure_details(too_many.as_bytes(), &limits), []);
    let (code, message, data) = told(
        &format!("{}('x')", "N".repeat(100_000)),
        &"\u{1}".repeat(100_000),
    );
    assert_eq!(code, "ActionError");
    assert!(message.len() <= 8_192, "{}", message.len());
    assert!(data.to_string().len() <= 4_096);
    let (_, message, data) = told(
        "KeyError('x')",
        &format!("KeyError: {}", "ü".repeat(100_000)),
    );
    assert!(message.len() <= limits.text_bytes);
    assert!(data["traceback"].as_str().unwrap().len() <= 2_048);
}
