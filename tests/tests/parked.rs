//! What comes for a parked process: kept in its order if it can be taken later, told at once if not.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_host::{
    HostConfig,
    broker::Source,
    commands::OrderOutcome,
    damage::Damages,
    query::{Detail, ParkedView, Query, QueryAnswer},
    questions::{Asked, answer},
};
use bureaucrat_model::{FiberId, Input, Parking, ProcessId, Status, Timestamp, Turn};
use bureaucrat_store::{
    Group, Store, Table, Unit, Write,
    instances::{read_instance, write_instance},
    keys::{self, WaitKey},
};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::{
    polled::{Polled, retry, sandbox},
    simulation::SimulatedClock,
};
use bureaucrat_wire::{HeaderValue, Outgoing, Properties};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};

const DEFINITION: &str = r#"<process name="parked"><all>
  <action participant="work"/>
  <action participant="work"/>
  <action participant="work"/>
</all></process>"#;

fn target(task: &Value) -> &str {
    task["header"]["target"]
        .as_str()
        .or(task["target"].as_str())
        .unwrap()
}

fn process_of(task: &Value) -> ProcessId {
    target(task).split('_').next().unwrap().parse().unwrap()
}

fn bodies_for(published: &[Outgoing], queue: &str) -> Vec<Value> {
    let messages = published
        .iter()
        .filter(|message| message.routing_key == queue);
    messages
        .map(|message| serde_json::from_slice(&message.body).unwrap())
        .collect()
}

fn codes(published: &[Outgoing]) -> Vec<String> {
    let headers = published
        .iter()
        .flat_map(|message| &message.properties.headers);
    headers
        .filter(|(name, _)| name == "bureaucrat-code")
        .map(|(_, value)| {
            let HeaderValue::Text(code) = value else {
                panic!("the code is no text: {value:?}");
            };
            code.clone()
        })
        .collect()
}

/// Makes an incident of a process, as the host does when it cannot continue it.
fn park(folder: &Path, process: ProcessId) {
    let store = RocksStore::open(folder).unwrap();
    let stored = read_instance(&store, process).unwrap().unwrap();
    let (mut instance, mut rows) = (stored.instance, stored.rows);
    instance.status = Status::Parked {
        parking: Parking::Incident,
        reason: "the test says so".into(),
        inputs: vec![],
    };
    let mut unit = Unit::default();
    write_instance(&mut instance, &mut rows, &mut unit.writes).unwrap();
    store.commit(&Group { units: vec![unit] }).unwrap();
}

fn kept(folder: &Path, process: ProcessId) -> Vec<Input> {
    let store = RocksStore::open(folder).unwrap();
    let stored = read_instance(&store, process).unwrap().unwrap();
    match stored.instance.status.clone() {
        Status::Parked { inputs, .. } => inputs,
        Status::Running | Status::Ended(_) => panic!("it is not parked"),
    }
}

#[test]
fn a_parked_process_keeps_what_it_can_take_and_the_rest_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let sandbox = sandbox().unwrap();
    let open = || {
        let config = HostConfig {
            residents: 0,
            incident_inputs: 2,
            ..HostConfig::default()
        };
        let store = Arc::new(RocksStore::open(folder.path()).unwrap());
        Polled::open(config, store, clock.clone(), &sandbox).unwrap()
    };
    let mut host = open();
    host.deliver(Source::Launches, Some("parked"), DEFINITION);
    host.deliver(Source::Launches, Some("beside"), DEFINITION);
    let tasks = bodies_for(&host.settle().unwrap(), "worker_work");
    assert_eq!(tasks.len(), 6);
    drop(host);
    let process = process_of(&tasks[0]);
    park(folder.path(), process);

    let mut host = open();
    let of = |wanted: bool| {
        tasks
            .iter()
            .filter(move |task| (process_of(task) == process) == wanted)
            .cloned()
    };
    let answer = |host: &mut Polled, task: &Value| {
        host.deliver(Source::Answers, None, &task.to_string());
        host.settle().unwrap()
    };
    // The other one brings the program into memory, and ends.
    let published: Vec<Outgoing> = of(false)
        .flat_map(|task| answer(&mut host, &task))
        .collect();
    assert!(codes(&published).is_empty());
    let mine: Vec<Value> = of(true).collect();
    let mut misfit = mine[0].clone();
    misfit["header"]["target"] = json!(format!("{}_9", target(&mine[0])));
    let outcomes = [
        (&misfit, vec!["not-waiting"]),
        (&mine[0], vec![]),
        (&mine[0], vec![]),
        (&mine[1], vec![]),
        (&mine[2], vec!["parked"]),
    ];
    for (answered, expected) in outcomes {
        let published = answer(&mut host, answered);
        assert_eq!(codes(&published), expected, "{answered}");
        let letters = bodies_for(&published, &HostConfig::default().dead_letter_queue);
        assert!(letters.iter().all(|letter| letter == answered));
    }
    drop(host);
    assert_eq!(kept(folder.path(), process).len(), 2);

    // It continues with what was kept, and with the answer that its owner publishes again.
    let mut host = open();
    let outcome = host.order(process, retry()).unwrap();
    assert_eq!(outcome, Some(OrderOutcome::Done));
    let published = answer(&mut host, &mine[2]);
    let ends = published
        .iter()
        .filter_map(|message| serde_json::from_slice::<Value>(&message.body).ok())
        .filter(|body| body["status"] == "completed");
    assert_eq!(ends.count(), 1);
}

/// An event that a parked process keeps is not one that nobody took.
#[test]
fn a_publisher_learns_that_a_parked_process_keeps_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let sandbox = sandbox().unwrap();
    let open = || {
        let store = Arc::new(RocksStore::open(folder.path()).unwrap());
        Polled::open(HostConfig::default(), store, clock.clone(), &sandbox).unwrap()
    };
    let definition = r#"<process><action participant="work"/><await event="paid"/></process>"#;
    let mut host = open();
    host.deliver(Source::Launches, Some("parked"), definition);
    let tasks = bodies_for(&host.settle().unwrap(), "worker_work");
    host.deliver(Source::Answers, None, &tasks[0].to_string());
    host.settle().unwrap();
    drop(host);
    let process = process_of(&tasks[0]);
    park(folder.path(), process);

    let mut host = open();
    let properties = Properties {
        reply_to: Some("replies".to_owned()),
        ..Properties::default()
    };
    host.deliver_with(Source::Events, properties, r#"{"event": "paid"}"#);
    let replies = bodies_for(&host.settle().unwrap(), "replies");
    let told = json!({
        "status": "delivered", "event": "paid", "waiting": 1, "taken": 0, "parked": 1,
    });
    assert_eq!(replies, [told]);
    drop(host);

    let store = RocksStore::open(folder.path()).unwrap();
    let due = Timestamp(1_800_000_000_500);
    let reminder = WaitKey {
        process,
        fiber: FiberId(u32::MAX - 1),
        turn: Turn(0),
    };
    let row = Write::Put {
        table: Table::Timers,
        key: keys::timer(due, reminder),
        value: Vec::new(),
    };
    let unit = Unit::of(vec![row]);
    store.commit(&Group { units: vec![unit] }).unwrap();
    let damages = Damages::default();
    let asked = Asked {
        store: &store,
        now: Timestamp(1_800_000_000_000),
        damages: &damages,
    };
    let query = Query::Show {
        process,
        history: Detail::State,
    };
    let Some(QueryAnswer::Process(shown)) = answer(&asked, &query) else {
        panic!("it is not shown");
    };
    let parked = ParkedView {
        kept: 1,
        next_try: Some(due),
    };
    assert_eq!(shown.parked, Some(parked));
}
