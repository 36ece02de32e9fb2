//! Workers as people write them, against the running engine over the real broker: plain pika and
//! Celery on one engine, and whatever a Celery task can do. And what a message's body may be
//! wrapped in, on a host that is polled by hand.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "workers/bodies.rs"]
mod bodies;
#[path = "workers/calls.rs"]
mod calls;
#[path = "workers/calls_under_trouble.rs"]
mod calls_under_trouble;
#[path = "workers/events.rs"]
mod events;
#[path = "workers/refused.rs"]
mod refused;
#[path = "workers/started.rs"]
mod started;
#[path = "workers/withdrawn.rs"]
mod withdrawn;

use serde_json::{Value, json};
use started::{Settings, Shop, root};
use std::fs;

/// A process that asks one participant.
fn asks(participant: &str) -> String {
    format!(
        r#"<process><context><property name="customer" type="str">Ada</property></context>
        <action participant="{participant}"/></process>"#
    )
}

#[test]
fn pika_and_celery_work_on_one_engine() {
    let shop = Shop::open("workers-both", Settings::Workitems);
    let (celery, pika) = (shop.celery(), shop.pika());
    let both = format!(
        r#"<process><context><property name="customer" type="str">Ada</property></context>
        <action participant="shop.greet"/><action participant="{}pack"/>
        <action participant="shop.values"/></process>"#,
        shop.pika_prefix()
    );
    let fields = shop.completes(&both);
    assert_eq!(fields["greeting"], "Hello Ada");
    assert_eq!(fields["packed"], true);
    assert_eq!(fields["total"], "9.90");
    let fault = shop.fails(&asks(&format!("{}fails", shop.pika_prefix())));
    assert_eq!(
        (&fault["code"], &fault["message"]),
        (&json!("ValueError"), &json!("out of boxes"))
    );
    drop((celery, pika));
    shop.close();
}

#[test]
fn whatever_a_celery_task_does_is_answered() {
    let shop = Shop::open("workers-celery", Settings::Workitems);
    let celery = shop.celery();
    let completed = [
        // It starts two tasks of the app's own: one returns nothing, one fails.
        (
            "shop.greet",
            json!({"customer": "Ada", "greeting": "Hello Ada"}),
        ),
        (
            "shop.replaced",
            json!({"customer": "Ada", "steps": ["first", "second"]}),
        ),
        ("shop.retries", json!({"customer": "Ada", "tries": 3})),
        (
            "shop.values",
            json!({
                "customer": "Ada", "at": "2026-01-02T03:04:05+00:00", "day": "2026-01-02",
                "pause": 90.0, "total": "9.90", "order": "12345678-1234-5678-1234-567812345678",
                "photo": "/wA=", "tags": ["new"], "pair": [1, 2.5], "by_number": {"1": "one"},
            }),
        ),
    ];
    let failed = [
        ("shop.raises", "KeyError", "'missing'"),
        ("shop.decline", "tasks.Declined", "no money"),
        ("shop.replaced_and_fails", "tasks.Declined", "no money"),
        ("shop.gives_up", "tasks.Declined", "still busy"),
        (
            "shop.not_a_number",
            "ActionError",
            "fields.rates[1] is nan, which JSON does not have",
        ),
        (
            "shop.an_object",
            "ActionError",
            "fields.lock.inner is a object",
        ),
        (
            "shop.returns_none",
            "ActionError",
            "the task shop.returns_none returned None",
        ),
        (
            "shop.killed",
            "billiard.exceptions.WorkerLostError",
            "signal 9 (SIGKILL)",
        ),
        (
            "shop.hangs",
            "billiard.exceptions.TimeLimitExceeded",
            "TimeLimitExceeded(1,)",
        ),
        (
            "shop.nobody",
            "NotRegistered",
            "has no task named shop.nobody",
        ),
    ];
    let launch = |name: &str| shop.operated.launch(&asks(name)).unwrap();
    let completed = completed.map(|(name, fields)| (launch(name), name, fields));
    let failed = failed.map(|(name, code, message)| (launch(name), name, code, message));
    for (process, name, fields) in completed {
        let shown = shop.operated.until(&process, "completed").unwrap();
        assert_eq!(shown["fields"], fields, "{name}");
    }
    for (process, name, code, message) in failed {
        let fault = shop.operated.until(&process, "failed").unwrap()["fault"].clone();
        assert_eq!(fault["code"], code, "{name}: {fault}");
        let said = fault["message"].as_str().unwrap();
        assert!(said.contains(message), "{name}: {said}");
    }
    drop(celery);
    shop.close();
}

#[test]
fn a_celery_app_with_another_default_queue_needs_one_setting() {
    let shop = Shop::open(
        "workers-queue",
        Settings::These("taskqueue_type = celery\ncelery_queue = SHOP_QUEUE\n"),
    );
    let celery = shop.celery();
    assert_eq!(shop.completes(&asks("shop.greet"))["greeting"], "Hello Ada");
    drop(celery);
    shop.close();
}

#[test]
fn config_prints_routes_and_names_the_line_that_can_not_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.ini");
    let config = |text: &str, options: &[&str]| {
        fs::write(&file, text).unwrap();
        let mut command = std::process::Command::new(bureaucrat_tests::engine::binary().unwrap());
        command
            .arg("--config")
            .arg(&file)
            .arg("config")
            .args(options);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (code, out, err) = config(
        "[participants]\nShop.* = celery-workitem queue=shop\nprint = message\n",
        &["--json"],
    );
    assert_eq!(code, Some(0), "{err}");
    let shown: Value = serde_json::from_str(&out).unwrap();
    for (name, route, line) in [
        ("participants.Shop.*", "celery-workitem queue=shop", 2),
        ("participants.print", "message", 3),
    ] {
        let place = format!("{}:{line}", file.display());
        let expected = json!({"value": route, "from": "file", "place": place});
        assert_eq!(shown[name], expected, "{out}");
    }
    for (line, reason) in [
        (
            "shop.charge = celery-task queue=shop",
            "`celery-task` is not one of: taskqueue, celery-workitem",
        ),
        (
            "a = taskqueue queue=bureaucrat_msgs",
            "`bureaucrat_msgs` is the engine's own",
        ),
        ("a = taskqueue queue=amq.gen-1", "keeps for itself"),
    ] {
        let (code, _, err) = config(&format!("# one\n[participants]\n\n{line}\n"), &[]);
        assert_ne!(code, Some(0), "{line}");
        assert!(
            err.contains(reason) && err.contains('4') && err.contains(line),
            "{err}"
        );
    }
}

#[test]
fn the_documentation_has_the_handlers_as_they_are() {
    let docs = fs::read_to_string(root().join("docs/workers.md")).unwrap();
    let module = fs::read_to_string(root().join("scripts/demo.d/bureaucrat_celery.py")).unwrap();
    assert!(
        docs.contains(&format!("```python\n{module}```\n")),
        "docs/workers.md shows another bureaucrat_celery.py"
    );
    let worker = fs::read_to_string(root().join("tests/workers/pika_worker.py")).unwrap();
    let mut blocks = docs.split("```python").skip(1);
    let shown = blocks
        .find(|block| block.contains("def work(channel"))
        .unwrap();
    let body = |text: &str| {
        let start = text.find("def work(").unwrap();
        text[start..]
            .lines()
            .skip(3)
            .take(6)
            .map(str::trim)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (shown, tried) = (body(shown), body(&worker));
    let lines = |text: &str| text.lines().count();
    assert_eq!(lines(&shown), lines(&tried));
    for line in [
        "except Exception as problem:",
        "channel.basic_ack(method.delivery_tag)",
    ] {
        assert!(shown.contains(line) && tried.contains(line), "{line}");
    }
}
