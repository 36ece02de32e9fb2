//! Events of Celery's workers, which say why tasks failed: with real workers, and on a host that is
//! polled by hand.

use super::{
    calls::{all_end, calls, completed, with_data},
    started::{Settings, Shop},
};
use bureaucrat_host::{
    CeleryEvents, HostConfig,
    broker::{BrokerEvent, Source},
};
use bureaucrat_store::MemoryStore;
use bureaucrat_tests::{
    engine::broker_url,
    polled::{Polled, sandbox},
    simulation::SimulatedClock,
};
use bureaucrat_wire::{Outgoing, Properties};
use lapin::{BasicProperties, Connection, ConnectionProperties, options::BasicPublishOptions};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// How long the engine has to begin to read events.
const PATIENCE: Duration = Duration::from_secs(60);

const READS: Settings<'_> = Settings::These("celery_events = read\n");

fn reading(prefix: &str) -> Shop {
    let shop = Shop::open(prefix, READS);
    let deadline = Instant::now() + PATIENCE;
    let reads = || {
        shop.operated
            .engine
            .log_tail()
            .contains("reading Celery's events")
    };
    while !reads() {
        assert!(
            Instant::now() < deadline,
            "{}",
            shop.operated.engine.log_tail()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    shop
}

/// Sends events as anybody may.
fn send_events(bodies: &[(&str, Vec<u8>)]) {
    Runtime::new().unwrap().block_on(async {
        let url = broker_url().unwrap();
        let connection = Connection::connect(&url, ConnectionProperties::default());
        let channel = connection.await.unwrap().create_channel().await.unwrap();
        for (key, body) in bodies {
            let (options, properties) =
                (BasicPublishOptions::default(), BasicProperties::default());
            let sent =
                channel.basic_publish("celeryev".into(), (*key).into(), options, body, properties);
            sent.await.unwrap();
        }
        // What was sent on a channel is taken in order, so all of it has arrived then.
        channel.close(200, "done".into()).await.unwrap();
    });
}

#[test]
fn a_worker_that_sends_events_says_why_a_task_failed() {
    let shop = reading("calls-events");
    let celery = shop.calls(&[("CALLS_EVENTS", "1")]);
    let failed = [
        ("raises", "KeyError", "'missing'"),
        ("decline", "calls.Declined", "('no money', 7)"),
        ("unpicklable", "Unpicklable", "one and two"),
        ("an_object", "kombu.exceptions.EncodeError", "object"),
        ("gives_up", "calls.Declined", "still busy"),
        ("hangs", "billiard.exceptions.TimeLimitExceeded", "1"),
        ("killed", "billiard.exceptions.WorkerLostError", "SIGKILL"),
        // A step that it was replaced by failed, under an id of its own.
        (
            "replaced_and_fails",
            "CeleryTaskFailed",
            "its worker's log says why",
        ),
    ];
    all_end(&shop, &completed(), &failed);
    let data = shop.completes(&with_data(&calls(&shop, "decline", "")))["data"].clone();
    let traceback = data["traceback"].as_str().unwrap();
    assert!(traceback.contains("in decline"), "{traceback}");
    drop(celery);
    shop.close();
}

#[test]
fn a_worker_without_events_fails_without_a_reason() {
    let shop = reading("calls-no-events");
    let celery = shop.calls(&[]);
    let unsaid = ("raises", "CeleryTaskFailed", "its worker's log says why");
    all_end(&shop, &[("nothing", "", json!(null))], &[unsaid]);
    drop(celery);
    shop.close();
}

#[test]
fn hostile_events_explain_nothing_and_disturb_nobody() {
    let shop = reading("calls-forged");
    let foreign = r#"{"type": "task-failed", "uuid": "12345678-1234-5678-1234-567812345678", "exception": "E()", "traceback": "E"}"#;
    let own = r#"{"type": "task-failed", "uuid": "00000000-0000-4000-8000-000000000001_0~1", "exception": "E()", "traceback": "E"}"#;
    let list =
        |event: &str, count: usize| format!("[{}]", vec![event; count].join(",")).into_bytes();
    let mut bodies = vec![
        ("task.multi", b"no JSON".to_vec()),
        ("task.failed", vec![0xff; 70_000]),
        ("task.multi", list(foreign, 8_000)),
        ("task.multi", list(own, 8_000)),
        ("task.multi", list(own, 60_000)),
        ("task.multi", "[".repeat(900_000).into_bytes()),
        (
            "task.failed",
            br#"{"type": "task-failed", "uuid": [1], "exception": {}}"#.to_vec(),
        ),
    ];
    for _ in 0..3_000 {
        bodies.push(("task.failed", foreign.as_bytes().to_vec()));
    }
    send_events(&bodies);
    let celery = shop.calls(&[("CALLS_EVENTS", "1")]);
    all_end(
        &shop,
        &completed(),
        &[("decline", "calls.Declined", "no money")],
    );
    drop(celery);
    shop.close();
}

const CALLS: &str = r#"<process name="p"><action participant="shop.a" via="celery"/></process>"#;

/// A host that reads events, and what it asked of a worker: the ids of so many tasks.
fn asking(count: usize) -> (Polled, Vec<String>) {
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let config = HostConfig {
        celery_events: CeleryEvents::Read,
        ..HostConfig::default()
    };
    let store = Arc::new(MemoryStore::new());
    let mut host = Polled::open(config, store, clock, &sandbox().unwrap()).unwrap();
    let mut ids = Vec::new();
    for _ in 0..count {
        host.deliver(Source::Launches, None, CALLS);
        let published = host.settle().unwrap();
        let tasks = published
            .iter()
            .filter(|message| message.routing_key == "celery");
        ids.extend(tasks.filter_map(|task| task.properties.correlation_id.clone()));
    }
    assert_eq!(ids.len(), count);
    (host, ids)
}

/// The errback of a task; its tag.
fn fails(host: &Polled, id: &str) -> u64 {
    let properties = Properties {
        correlation_id: Some(format!("{id}~failed")),
        ..Properties::default()
    };
    host.deliver_with(
        Source::Results,
        properties,
        format!(r#"[["{id}"], {{}}, {{}}]"#),
    )
}

fn says(host: &Polled, id: &str, exception: &str) {
    let event =
        json!([{"type": "task-failed", "uuid": id, "exception": exception, "traceback": ""}]);
    host.broker(BrokerEvent::TaskEvents(event.to_string().into_bytes()));
}

/// The codes of the processes that failed.
fn codes(published: &[Outgoing]) -> Vec<String> {
    let notices = published
        .iter()
        .filter(|message| message.routing_key.starts_with("failed"));
    let body = |notice: &Outgoing| serde_json::from_slice::<Value>(&notice.body).unwrap();
    let code = |notice| body(notice)["fault"]["code"].as_str().unwrap().to_owned();
    notices.map(code).collect()
}

#[test]
fn a_failure_waits_for_its_reason_and_is_not_acknowledged_before() {
    let (mut host, ids) = asking(1);
    let tag = fails(&host, &ids[0]);
    let others = "00000000-0000-4000-8000-000000000001_0~0";
    says(&host, others, "Wrong()");
    assert_eq!(codes(&host.settle().unwrap()), Vec::<String>::new());
    assert!(!host.acknowledged().contains(&tag));
    says(&host, &ids[0], "Right()");
    assert_eq!(codes(&host.settle().unwrap()), ["Right"]);
    assert!(host.acknowledged().contains(&tag));
}

#[test]
fn a_reason_that_comes_first_is_kept() {
    let (mut host, ids) = asking(1);
    says(&host, &ids[0], "First()");
    says(&host, &ids[0], "Right()");
    host.settle().unwrap();
    fails(&host, &ids[0]);
    assert_eq!(codes(&host.settle().unwrap()), ["Right"]);
}

#[test]
fn a_failure_goes_on_without_a_reason_after_two_seconds() {
    let (mut host, ids) = asking(1);
    let tag = fails(&host, &ids[0]);
    host.settle().unwrap();
    host.clock.advance(1_999);
    assert_eq!(codes(&host.settle().unwrap()), Vec::<String>::new());
    host.clock.advance(1);
    assert_eq!(codes(&host.settle().unwrap()), ["CeleryTaskFailed"]);
    assert!(host.acknowledged().contains(&tag));
    // The reason is too late.
    says(&host, &ids[0], "Late()");
    assert_eq!(codes(&host.settle().unwrap()), Vec::<String>::new());
}

#[test]
fn a_reason_alone_fails_nothing() {
    let (mut host, ids) = asking(1);
    says(&host, &ids[0], "Forged()");
    assert_eq!(codes(&host.settle().unwrap()), Vec::<String>::new());
    host.clock.advance(60_000);
    host.settle().unwrap();
    let properties = Properties {
        correlation_id: Some(format!("{}~ok", ids[0])),
        ..Properties::default()
    };
    host.deliver_with(Source::Results, properties, "[[1], {}, {}]");
    let published = host.settle().unwrap();
    let mut keys = published.iter().map(|message| message.routing_key.as_str());
    assert!(keys.any(|key| key.starts_with("completed")));
}

#[test]
fn a_failure_that_waits_comes_again_with_the_next_connection() {
    let (mut host, ids) = asking(1);
    let tag = fails(&host, &ids[0]);
    host.settle().unwrap();
    host.broker(BrokerEvent::ConsumingDown { generation: 1 });
    host.broker(BrokerEvent::ConsumingUp {
        generation: 2,
        waiting: 1,
    });
    host.settle().unwrap();
    says(&host, &ids[0], "Right()");
    assert_eq!(codes(&host.settle().unwrap()), Vec::<String>::new());
    // The reason was for what comes again.
    fails(&host, &ids[0]);
    assert_eq!(codes(&host.settle().unwrap()), ["Right"]);
    assert!(!host.acknowledged().contains(&tag));
}

#[test]
fn only_some_failures_wait() {
    let (mut host, ids) = asking(150);
    for id in &ids {
        fails(&host, id);
    }
    let codes_now = codes(&host.settle().unwrap());
    assert_eq!(codes_now, vec!["CeleryTaskFailed"; 50]);
    host.clock.advance(2_000);
    assert_eq!(codes(&host.settle().unwrap()).len(), 100);
}
