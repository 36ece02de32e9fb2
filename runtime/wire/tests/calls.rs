//! Tasks for Celery's workers, and requests.
#![allow(clippy::unwrap_used)]

use bureaucrat_model::{ActivityPath, Fields, ProcessId, Timestamp, Turn, Way};
use bureaucrat_wire::{HeaderValue, Outgoing, Results, Routes, Task, Via, task, without_expiry};
use serde_json::{Value, json};

const PID: &str = "0190b6a8-7c3e-8a12-9f00-0123456789ab";

fn sent(via: Via, participant: &str, fields: &Fields) -> Outgoing {
    let process: ProcessId = PID.parse().unwrap();
    let asked = Task {
        process,
        path: &ActivityPath(vec![0, 1]),
        turn: Turn(7),
        participant,
        way: &Way::default(),
        fields,
        expires: Some(Timestamp(1_795_478_399_999)),
        results: &Results::default(),
    };
    task(&Routes::new(via, Vec::new()), &asked)
}

fn json_of(message: &Outgoing) -> Value {
    serde_json::from_slice(&message.body).unwrap()
}

#[test]
fn celery_gets_protocol_1() {
    let fields = Fields::new();
    let message = sent(Via::CeleryWorkitem, "shop.tasks.check", &fields);
    let json: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(json["task"], "shop.tasks.check");
    assert_eq!(json["args"][0]["header"]["target"], format!("{PID}_0_1"));
    assert_eq!(json["id"], format!("{PID}_0_1~7"));
    assert_eq!(
        json.as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>(),
        [
            "task",
            "id",
            "args",
            "kwargs",
            "retries",
            "eta",
            "expires",
            "utc",
            "callbacks",
            "errbacks",
            "timelimit",
            "taskset",
            "chord"
        ]
    );
    assert_eq!(
        (message.exchange.as_str(), message.routing_key.as_str()),
        ("celery", "celery")
    );
    assert_eq!(
        message.properties.content_encoding.as_deref(),
        Some("utf-8")
    );
    let other = sent(Via::CeleryMessage, "shop.tasks.check", &fields);
    assert_eq!(
        (other.exchange.as_str(), other.routing_key.as_str()),
        ("shop", "shop")
    );
}

#[test]
fn a_celery_task_is_called_by_protocol_2() {
    let fields = Fields::parse(r#"{"args": [1, {"a": 1.5}], "kwargs": {"b": "ü"}}"#).unwrap();
    let message = sent(Via::Celery, "shop.charge", &fields);
    let id = format!("{PID}_0_1~7");
    assert_eq!(
        (message.exchange.as_str(), message.routing_key.as_str()),
        ("", "celery")
    );
    let properties = &message.properties;
    assert_eq!(properties.correlation_id.as_ref(), Some(&id));
    assert_eq!(properties.reply_to.as_deref(), Some("bureaucrat_results"));
    let header = |name: &str| {
        let mut headers = properties.headers.iter();
        headers
            .find(|(found, _)| found == name)
            .unwrap()
            .1
            .to_json()
    };
    for (name, expected) in [
        ("task", json!("shop.charge")),
        ("id", json!(id)),
        ("root_id", json!(id)),
        ("eta", json!(null)),
        ("expires", json!("2026-11-23T23:59:59.999+00:00")),
        ("timelimit", json!([null, null])),
        ("ignore_result", json!(false)),
    ] {
        assert_eq!(header(name), expected, "{name}");
    }
    let body = json_of(&message);
    assert_eq!(
        (&body[0], &body[1]),
        (&json!([1, {"a": 1.5}]), &json!({"b": "ü"}))
    );
    for (list, task, suffix) in [
        ("callbacks", "bureaucrat.succeeded", "ok"),
        ("errbacks", "bureaucrat.failed", "failed"),
    ] {
        let back = &body[2][list][0];
        assert_eq!(back["task"], task);
        assert_eq!(back["options"]["task_id"], format!("{id}~{suffix}"));
        assert_eq!(back["options"]["exchange"], "bureaucrat.celery");
        assert_eq!(back["options"]["routing_key"], "bureaucrat_results");
    }
    let none = json_of(&sent(Via::Celery, "shop.charge", &Fields::new()));
    assert_eq!((&none[0], &none[1]), (&json!([]), &json!({})));
}

#[test]
fn a_task_that_is_sent_late_loses_its_expiry_and_nothing_else() {
    for via in Via::ALL {
        let mut message = sent(via, "p", &Fields::new());
        let before = message.properties.clone();
        without_expiry(&mut message.properties);
        let is_call = via == Via::Celery;
        assert_eq!(message.properties != before, is_call, "{via:?}");
        let mut headers = message.properties.headers.iter();
        let expires = headers.find(|(name, _)| name == "expires");
        assert_eq!(
            expires.map(|(_, value)| value),
            is_call.then_some(&HeaderValue::Void)
        );
    }
}

#[test]
fn a_request_is_its_fields() {
    let message = sent(
        Via::Request,
        "pricing",
        &Fields::parse(r#"{"sku": 1.50}"#).unwrap(),
    );
    assert_eq!(message.body, br#"{"sku": 1.50}"#);
    assert_eq!(message.routing_key, "worker_pricing");
    let id = format!("{PID}_0_1~7~reply");
    assert_eq!(message.properties.correlation_id, Some(id));
    assert_eq!(
        message.properties.reply_to.as_deref(),
        Some("bureaucrat_results")
    );
}
