//! Celery tasks that know nothing of the engine, called over the real broker.

use super::started::{Settings, Shop};
use serde_json::{Value, json};

/// A process that calls one task; its result becomes the field `result`.
pub fn calls(shop: &Shop, task: &str, arguments: &str) -> String {
    called(shop, task, "", arguments)
}

/// The same, with more attributes.
pub fn called(shop: &Shop, task: &str, attributes: &str, inside: &str) -> String {
    let queue = shop.queue();
    format!(
        r#"<process><action participant="shop.{task}" via="celery" queue="{queue}" into="result" {attributes}>{inside}</action></process>"#
    )
}

/// The same, with the data of its fault in the field `data`.
pub fn with_data(definition: &str) -> String {
    let handler = r#"<process><sequence><context><faults><default>
        <assign property="data">context["inst:fault"]["data"]</assign>
        </default></faults></context>"#;
    let inside = definition.replace("<process>", handler);
    inside.replace("</process>", "</sequence></process>")
}

/// Launches all, then waits for each.
pub fn all_end(shop: &Shop, completed: &[(&str, &str, Value)], failed: &[(&str, &str, &str)]) {
    let launch = |task: &str, inside: &str| {
        let definition = calls(shop, task, inside);
        shop.operated.launch(&definition).unwrap()
    };
    let completing: Vec<_> = completed
        .iter()
        .map(|(task, inside, result)| (launch(task, inside), task, result))
        .collect();
    let failing: Vec<_> = failed
        .iter()
        .map(|(task, code, message)| (launch(task, ""), task, code, message))
        .collect();
    for (process, task, result) in completing {
        let shown = shop.ends(&process, "completed");
        assert_eq!(shown["fields"]["result"], *result, "{task}");
    }
    for (process, task, code, message) in failing {
        let fault = shop.ends(&process, "failed")["fault"].clone();
        assert_eq!(fault["code"], **code, "{task}: {fault}");
        let said = fault["message"].as_str().unwrap();
        assert!(said.contains(message), "{task}: {said}");
    }
}

pub fn completed() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "echo",
            r#"<arg>1</arg><arg>{"a": [1.5]}</arg><kwarg name="größe">"EUR"</kwarg>"#,
            json!({"args": [1, {"a": [1.5]}], "kwargs": {"größe": "EUR"}}),
        ),
        ("nothing", "", json!(null)),
        (
            "values",
            "",
            json!({
                "at": "2026-01-02T03:04:05+00:00", "day": "2026-01-02", "total": "9.90",
                "order": "12345678-1234-5678-1234-567812345678", "photo": "/wA=",
                "text": "plain", "pair": [1, 2.5],
            }),
        ),
        (
            "kind",
            r#"<arg>{"__type__": "datetime", "__value__": "2026-01-02T03:04:05"}</arg>"#,
            json!("datetime"),
        ),
        ("retries", "", json!(3)),
        ("replaced", "<arg>1</arg><arg>2</arg>", json!(113)),
        ("starts_others", "", json!("started")),
    ]
}

#[test]
fn a_worker_without_a_result_backend_brings_results_back() {
    let shop = Shop::open("calls", Settings::Plain);
    let celery = shop.calls(&[]);
    let unsaid = |task| (task, "CeleryTaskFailed", "its worker's log says why");
    let failed = [
        unsaid("raises"),
        unsaid("decline"),
        unsaid("unpicklable"),
        unsaid("an_object"),
        unsaid("gives_up"),
        unsaid("replaced_and_fails"),
        unsaid("hangs"),
        unsaid("killed"),
        ("not_a_number", "BadAnswer", "NaN"),
    ];
    all_end(&shop, &completed(), &failed);
    drop(celery);
    // `NaN` is a dead letter.
    shop.close_with(1);
}

#[test]
fn a_worker_with_rpc_says_why_a_task_failed() {
    let shop = Shop::open("calls-rpc", Settings::Plain);
    let celery = shop.calls(&[("CALLS_BACKEND", "rpc://")]);
    let failed = [
        ("raises", "KeyError", "missing"),
        ("decline", "calls.Declined", "no money, 7"),
        ("unpicklable", "calls.Unpicklable", "one and two"),
        ("an_object", "kombu.exceptions.EncodeError", "object"),
        ("gives_up", "calls.Declined", "still busy"),
        ("nobody", "NotRegistered", "shop.nobody"),
        ("hangs", "billiard.exceptions.TimeLimitExceeded", "1"),
        ("killed", "billiard.exceptions.WorkerLostError", "SIGKILL"),
    ];
    all_end(&shop, &completed(), &failed);
    let data = shop.completes(&with_data(&calls(&shop, "decline", "")))["data"].clone();
    assert_eq!(data["args"], json!(["no money", 7]), "{data}");
    let traceback = data["traceback"].as_str().unwrap();
    assert!(traceback.contains("in decline"), "{traceback}");
    drop(celery);
    shop.close();
}
