//! Limits that pass while the engine is away: what lies in the queues counts first.

use bureaucrat_host::{
    HostConfig, Progress,
    broker::{BrokerEvent, Source},
};
use bureaucrat_store::MemoryStore;
use bureaucrat_tests::{
    polled::{Confirms, Polled, sandbox},
    simulation::SimulatedClock,
};
use bureaucrat_wire::Outgoing;
use serde_json::Value;
use std::sync::Arc;

const ACTION: &str =
    r#"<process name="asked"><action participant="work" timeout="10s"/></process>"#;
const HOUR: u64 = 3_600_000;

fn host() -> Polled {
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let store = Arc::new(MemoryStore::default());
    Polled::open(HostConfig::default(), store, clock, &sandbox().unwrap()).unwrap()
}

fn settle(host: &mut Polled) -> Vec<Value> {
    let published: Vec<Outgoing> = host.settle().unwrap();
    let bodies = published.iter().map(|message| &message.body);
    bodies
        .filter_map(|body| serde_json::from_slice(body).ok())
        .collect()
}

fn statuses(published: &[Value]) -> Vec<String> {
    let statuses = published.iter().filter_map(|body| body["status"].as_str());
    let ends = statuses.filter(|status| *status != "launched");
    ends.map(str::to_owned).collect()
}

/// Launches the process, then the engine is away until its limit has passed; gives its task.
fn away(host: &mut Polled, definition: &str) -> Value {
    host.deliver(Source::Launches, None, definition);
    let published = settle(host);
    let task = published.iter().find(|body| body["header"].is_object());
    host.broker(BrokerEvent::ConsumingDown { generation: 1 });
    host.clock.sleep(HOUR);
    assert!(settle(host).is_empty(), "nothing is over while it is away");
    task.cloned().unwrap_or_default()
}

fn back(host: &mut Polled, waiting: u64) -> Vec<Value> {
    host.broker(BrokerEvent::ConsumingUp {
        generation: 2,
        waiting,
    });
    settle(host)
}

#[test]
fn an_answer_that_lay_in_the_queue_counts() {
    let mut host = host();
    let task = away(&mut host, ACTION);
    assert!(back(&mut host, 2).is_empty());
    host.deliver_again(2, Source::Answers, &task.to_string());
    assert_eq!(statuses(&settle(&mut host)), ["completed"]);
}

#[test]
fn without_an_answer_the_limit_is_over() {
    let mut host = host();
    away(&mut host, ACTION);
    let published = back(&mut host, 0);
    assert_eq!(statuses(&published), ["failed"], "{published:?}");
    assert!(published.iter().any(|body| body["code"] == "Timeout"
        || body["fault"]["code"] == "Timeout"
        || body.to_string().contains("Timeout")));
}

#[test]
fn what_never_comes_holds_nobody_for_more_than_a_minute() {
    let mut host = host();
    away(&mut host, ACTION);
    assert!(back(&mut host, 1).is_empty());
    host.clock.sleep(59_000);
    assert!(settle(&mut host).is_empty());
    host.clock.sleep(2_000);
    assert_eq!(statuses(&settle(&mut host)), ["failed"]);
}

#[test]
fn an_event_that_lay_in_the_queue_comes_before_the_time() {
    let mut host = host();
    let pick = r#"<process name="picked"><pick><on event="paid"/><after duration="10s"><fault code="late"/></after></pick></process>"#;
    away(&mut host, pick);
    assert!(back(&mut host, 1).is_empty());
    host.deliver_again(2, Source::Events, r#"{"event": "paid"}"#);
    assert_eq!(statuses(&settle(&mut host)), ["completed"]);
}

#[test]
fn a_delay_does_not_wait_for_messages() {
    let mut host = host();
    host.deliver(
        Source::Launches,
        None,
        r#"<process name="delayed"><delay duration="10s"/></process>"#,
    );
    settle(&mut host);
    host.broker(BrokerEvent::ConsumingDown { generation: 1 });
    host.clock.sleep(HOUR);
    assert_eq!(statuses(&settle(&mut host)), ["completed"]);
}

/// Launches the process while nothing can be published, for an hour; gives what is published then.
fn unsent(host: &mut Polled, definition: &str) -> Vec<Value> {
    settle(host);
    host.broker(BrokerEvent::PublishingDown);
    host.deliver(Source::Launches, None, definition);
    assert!(settle(host).is_empty());
    host.clock.sleep(HOUR);
    assert!(settle(host).is_empty());
    host.broker(BrokerEvent::PublishingUp);
    settle(host)
}

#[test]
fn an_attempt_begins_when_its_task_can_be_sent() {
    let mut host = host();
    let published = unsent(&mut host, ACTION);
    assert!(statuses(&published).is_empty(), "{published:?}");
    assert!(
        published.iter().any(|body| body["header"].is_object()),
        "its task: {published:?}"
    );
    host.clock.sleep(9_000);
    assert!(settle(&mut host).is_empty());
    host.clock.sleep(2_000);
    let published = settle(&mut host);
    assert_eq!(statuses(&published), ["failed"]);
    let told = format!("{published:?}");
    assert!(told.contains("did not answer within 10 s"), "{told}");
}

#[test]
fn an_answer_to_a_task_that_was_late_counts() {
    let mut host = host();
    let published = unsent(&mut host, ACTION);
    host.clock.sleep(9_000);
    let task = published.iter().find(|body| body["header"].is_object());
    host.deliver(Source::Answers, None, &task.unwrap().to_string());
    assert_eq!(statuses(&settle(&mut host)), ["completed"]);
}

#[test]
fn a_task_that_the_broker_has_not_confirmed_loses_no_time() {
    let mut host = host();
    host.confirms = Confirms::None;
    host.deliver(Source::Launches, None, ACTION);
    settle(&mut host);
    for _ in 0..3 {
        host.clock.sleep(HOUR);
        assert!(settle(&mut host).is_empty());
    }
}

#[test]
fn the_time_of_all_attempts_does_not_begin_again() {
    let mut host = host();
    let within = ACTION.replace("timeout", "within=\"30s\" timeout");
    assert_eq!(statuses(&unsent(&mut host, &within)), ["failed"]);
}

#[test]
fn an_attempt_begins_when_the_next_engine_sends_its_task() {
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let store = Arc::new(MemoryStore::default());
    let open = || {
        let config = HostConfig::default();
        Polled::open(config, store.clone(), clock.clone(), &sandbox().unwrap()).unwrap()
    };
    let mut host = open();
    host.confirms = Confirms::None;
    host.deliver(Source::Launches, None, ACTION);
    settle(&mut host);
    drop(host);
    clock.sleep(HOUR);
    let mut host = open();
    assert!(statuses(&settle(&mut host)).is_empty());
    host.clock.sleep(9_000);
    assert!(settle(&mut host).is_empty());
    host.clock.sleep(2_000);
    assert_eq!(statuses(&settle(&mut host)), ["failed"]);
}

/// A large message that led to nothing, since its connection was lost while its definition was being
/// compiled, takes up no room: otherwise it would come again and wait for itself.
#[test]
fn a_large_launch_whose_connection_was_lost_does_not_wait_for_itself() {
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let store = Arc::new(MemoryStore::default());
    let config = HostConfig {
        large_bytes: 1,
        large_under_way: 1,
        ..HostConfig::default()
    };
    let mut host = Polled::open(config, store, clock, &sandbox().unwrap()).unwrap();
    settle(&mut host);
    host.deliver(Source::Launches, None, ACTION);
    while host.turn().unwrap() == Progress::Busy {}
    host.broker(BrokerEvent::ConsumingDown { generation: 1 });
    while host.turn().unwrap() == Progress::Busy {}
    assert_eq!(host.jobs(), 1, "its definition was being compiled");
    assert!(back(&mut host, 1).is_empty());
    host.deliver_again(2, Source::Launches, ACTION);
    let published = settle(&mut host);
    assert!(
        published.iter().any(|body| body["header"].is_object()),
        "its task: {published:?}"
    );
}
