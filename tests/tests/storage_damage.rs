//! Damaged records: each is found and named, its process is an incident, and all others run to their ends.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_host::{
    HostConfig, HostError,
    audit::{audit, repair},
    broker::Source,
    commands::{Order, OrderOutcome},
};
use bureaucrat_model::{ProcessId, Program};
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{
    Group, Row, ShardId, Store, Table, Unit, Write,
    keys::{self, OutboxKind},
};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::{
    polled::{Confirms, Polled, retry, sandbox},
    simulation::SimulatedClock,
};
use bureaucrat_wire::{HeaderValue, Outgoing};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};
use tempfile::TempDir;

/// Waits for an answer, then for an event, then for some time.
const DEFINITION: &str = r#"<process name="NAME"><all><sequence>
  <action participant="work"/>
  <await event="go"/>
  <delay duration="60"/></sequence></all></process>"#;

/// Of these processes, the first one's records are damaged.
const PROCESSES: usize = 6;

fn config() -> HostConfig {
    HostConfig {
        // None is kept in memory: each record is read when it is needed.
        residents: 0,
        ..HostConfig::default()
    }
}

/// A storage with processes in it, and what is known of them.
struct Storage {
    folder: TempDir,
    clock: Arc<SimulatedClock>,
    sandbox: Sandbox,
    /// Ids and tasks, in the order of launches.
    processes: Vec<(ProcessId, Value)>,
}

/// How far the processes have got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Their tasks are in the outbox, not confirmed.
    Launched,
    /// They await the event.
    Answered,
    /// They wait for time to pass.
    Delayed,
}

impl Storage {
    fn at(stage: Stage) -> Self {
        let mut storage = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(SimulatedClock::new(1_800_000_000_000)),
            sandbox: sandbox().unwrap(),
            processes: Vec::new(),
        };
        let mut host = storage.open().unwrap();
        if stage == Stage::Launched {
            host.confirms = Confirms::None;
        }
        for number in 0..PROCESSES {
            host.deliver(Source::Launches, Some(&id(number)), &definition(number));
            storage.processes.extend(tasks(&host.settle().unwrap()));
            assert_eq!(storage.processes.len(), number + 1);
        }
        if stage != Stage::Launched {
            storage.answer(&mut host);
        }
        if stage == Stage::Delayed {
            event(&mut host);
        }
        storage
    }

    fn store(&self) -> RocksStore {
        RocksStore::open(self.folder.path()).unwrap()
    }

    fn open(&self) -> Result<Polled, HostError> {
        let store = Arc::new(self.store());
        Polled::open(config(), store, self.clock.clone(), &self.sandbox)
    }

    fn victim(&self) -> ProcessId {
        self.processes[0].0
    }

    /// Replaces a table's first record that belongs to the victim, or to nobody, by meaningless bytes.
    fn damage(&self, table: Table) -> Row {
        let store = self.store();
        let (key, value) = rows(&store, table)
            .into_iter()
            .find(|(key, value)| self.is_victims(table, key, value))
            .unwrap();
        put(&store, table, key.clone(), b"\x01\xc1nothing".to_vec());
        (key, value)
    }

    fn is_victims(&self, table: Table, key: &[u8], value: &[u8]) -> bool {
        let contains = |key: &[u8]| key.windows(16).any(|part| part == self.victim().as_bytes());
        match table {
            Table::Programs => Program::decode(value).unwrap().name == "p0",
            Table::Seen => key[1] == b'm' && contains(value),
            Table::Meta => key.starts_with(b"mark"),
            Table::Events => true,
            Table::Outbox => key[16] == OutboxKind::Task as u8 && contains(key),
            Table::Instances
            | Table::Fibers
            | Table::Values
            | Table::Timers
            | Table::Subscriptions
            | Table::History
            | Table::Aside
            | Table::Backlog
            | Table::Recent
            | Table::Searched
            | Table::Letters
            | Table::Definitions
            | Table::Sources
            | Table::BusinessKeys
            | Table::Launches
            | Table::Schedules
            | Table::Kept
            | Table::Recalls
            | Table::Taken
            | Table::ModuleRecords
            | Table::ModuleNames
            | Table::BulkJobs
            | Table::BulkOutcomes
            | Table::AuditLog
            | Table::Modules => contains(key),
        }
    }

    fn answer(&self, host: &mut Polled) -> Vec<Outgoing> {
        for (_, task) in &self.processes {
            host.deliver(Source::Answers, None, &task.to_string());
        }
        host.settle().unwrap()
    }

    /// Runs everything to its end; returns the names of the processes that completed, and the codes
    /// of dead letters.
    fn run(&self, host: &mut Polled, stage: Stage) -> (BTreeSet<String>, Vec<String>) {
        let mut published = host.settle().unwrap();
        if stage == Stage::Launched {
            published.extend(self.answer(host));
        }
        if stage != Stage::Delayed {
            published.extend(event(host));
        }
        self.clock.advance(70_000);
        published.extend(host.settle().unwrap());
        let ended = published.iter().filter_map(|message| {
            let body: Value = serde_json::from_slice(&message.body).ok()?;
            (body["status"] == "completed").then(|| body["name"].as_str().unwrap().to_owned())
        });
        let codes = published.iter().filter_map(code);
        (ended.collect(), codes.collect())
    }
}

fn id(number: usize) -> String {
    format!("m{number}")
}

fn definition(number: usize) -> String {
    DEFINITION.replace("NAME", &format!("p{number}"))
}

fn tasks(published: &[Outgoing]) -> Vec<(ProcessId, Value)> {
    let tasks = published
        .iter()
        .filter(|message| message.routing_key == "worker_work");
    tasks
        .map(|message| {
            let body: Value = serde_json::from_slice(&message.body).unwrap();
            let target = body["header"]["target"]
                .as_str()
                .or(body["target"].as_str());
            let process = target.unwrap().split('_').next().unwrap().parse().unwrap();
            (process, body)
        })
        .collect()
}

fn event(host: &mut Polled) -> Vec<Outgoing> {
    host.deliver(Source::Events, None, r#"{"event": "go"}"#);
    host.settle().unwrap()
}

/// The code of a dead letter.
fn code(message: &Outgoing) -> Option<String> {
    let headers = message.properties.headers.iter();
    let mut code = headers.filter(|(name, _)| *name == "bureaucrat-code");
    let HeaderValue::Text(code) = &code.next()?.1 else {
        panic!("the code is no text");
    };
    Some(code.clone())
}

fn rows(store: &dyn Store, table: Table) -> Vec<Row> {
    store.scan(table, &[], &[u8::MAX; 80], 10_000).unwrap()
}

fn put(store: &dyn Store, table: Table, key: Vec<u8>, value: Vec<u8>) {
    let writes = vec![Write::Put { table, key, value }];
    let unit = Unit::of(writes);
    store.commit(&Group { units: vec![unit] }).unwrap();
}

fn everybody() -> BTreeSet<String> {
    (0..PROCESSES).map(|number| format!("p{number}")).collect()
}

fn all_but_the_victim() -> BTreeSet<String> {
    (1..PROCESSES).map(|number| format!("p{number}")).collect()
}

/// The audit finds the record, and nothing else that it does not explain.
fn audited(storage: &Storage, table: Table, key: &[u8]) {
    let found = audit(&storage.store(), &config()).unwrap();
    let named = found
        .findings
        .iter()
        .any(|finding| finding.table == table && finding.key == key);
    assert!(named, "{:?}", found.findings);
}

#[test]
fn a_damaged_instance_is_an_incident_and_its_answers_are_kept() {
    let stages = [Stage::Launched, Stage::Answered, Stage::Delayed];
    let fiber = |stage| (stage, Table::Fibers);
    let head = |stage| (stage, Table::Instances);
    for (stage, table) in stages.map(head).into_iter().chain(stages.map(fiber)) {
        let storage = Storage::at(stage);
        let (key, value) = storage.damage(table);
        audited(&storage, table, &key);
        let mut host = storage.open().unwrap();
        let (ended, codes) = storage.run(&mut host, stage);
        assert_eq!(ended, all_but_the_victim(), "{stage:?}");
        let kept = usize::from(stage == Stage::Launched);
        assert_eq!(codes, vec!["damaged-process"; kept]);
        let damage = host.damages.of(storage.victim()).unwrap().to_string();
        assert!(damage.contains(table.name()), "{damage}");
        let reason = "why".into();
        let cancelled = host.order(storage.victim(), Order::Cancel { reason });
        assert_eq!(cancelled.unwrap(), Some(OrderOutcome::Damaged));
        drop(host);
        // Restored, it resumes: its timer was left where it was.
        if stage == Stage::Delayed {
            put(&storage.store(), table, key, value);
            let mut host = storage.open().unwrap();
            let (ended, _) = storage.run(&mut host, stage);
            // Notices of others that were not yet trimmed are sent once more.
            assert!(ended.contains("p0"), "{ended:?}");
        }
    }
}

#[test]
fn a_damaged_program_parks_its_process_alone() {
    let storage = Storage::at(Stage::Answered);
    let (key, value) = storage.damage(Table::Programs);
    let mut host = storage.open().unwrap();
    let (ended, codes) = storage.run(&mut host, Stage::Answered);
    assert_eq!(ended, all_but_the_victim());
    assert!(codes.is_empty());
    drop(host);
    audited(&storage, Table::Programs, &key);
    // It is restored: the event was kept with the incident.
    put(&storage.store(), Table::Programs, key, value);
    let mut host = storage.open().unwrap();
    let outcome = host.order(storage.victim(), retry()).unwrap();
    assert_eq!(outcome, Some(OrderOutcome::Done));
    let (ended, _) = storage.run(&mut host, Stage::Delayed);
    assert!(ended.contains("p0"), "{ended:?}");
}

#[test]
fn damaged_history_hurts_nobody() {
    let storage = Storage::at(Stage::Answered);
    let (key, _) = storage.damage(Table::History);
    audited(&storage, Table::History, &key);
    let mut host = storage.open().unwrap();
    assert_eq!(storage.run(&mut host, Stage::Answered).0, everybody());
}

#[test]
fn a_damaged_message_stays_and_the_others_leave() {
    let storage = Storage::at(Stage::Launched);
    let (key, _) = storage.damage(Table::Outbox);
    audited(&storage, Table::Outbox, &key);
    let mut host = storage.open().unwrap();
    assert_eq!(tasks(&host.settle().unwrap()).len(), PROCESSES - 1);
    let damage = host.damages.of(storage.victim()).unwrap().to_string();
    assert!(damage.contains("table outbox"), "{damage}");
    drop(host);
    assert!(storage.store().get(Table::Outbox, &key).unwrap().is_some());
}

#[test]
fn a_damaged_memory_makes_a_repeated_launch_a_dead_letter() {
    let storage = Storage::at(Stage::Answered);
    let (key, _) = storage.damage(Table::Seen);
    audited(&storage, Table::Seen, &key);
    let mut host = storage.open().unwrap();
    let tag = host.deliver(Source::Launches, Some(&id(0)), &definition(0));
    let published = host.settle().unwrap();
    let codes: Vec<_> = published.iter().filter_map(code).collect();
    assert_eq!(codes, ["damaged-record"]);
    assert!(host.acknowledged().contains(&tag));
    assert_eq!(storage.run(&mut host, Stage::Answered).0, everybody());
}

#[test]
fn keys_of_another_form_are_left_out_and_repaired() {
    let tables = [
        Table::Timers,
        Table::Subscriptions,
        Table::Events,
        Table::Outbox,
        Table::Seen,
        Table::History,
    ];
    for table in tables {
        let storage = Storage::at(Stage::Delayed);
        // Among the others: within the victim's event name, shard, or time.
        let (mut key, _) = rows(&storage.store(), table)
            .first()
            .cloned()
            .unwrap_or_default();
        key.pop();
        key.push(0);
        key.extend(*b"more");
        put(&storage.store(), table, key.clone(), vec![1]);
        audited(&storage, table, &key);
        let mut host = storage.open().unwrap();
        assert_eq!(
            storage.run(&mut host, Stage::Delayed).0,
            everybody(),
            "{table:?}"
        );
        drop(host);
        let store = storage.store();
        let found = audit(&store, &config()).unwrap();
        let plan = repair::plan(&store, &found.findings).unwrap();
        assert_eq!(plan.lost, [(table, (key, vec![1]))], "{:?}", found.findings);
        store
            .commit(&Group {
                units: vec![plan.unit],
            })
            .unwrap();
        let found = audit(&store, &config()).unwrap();
        assert!(found.is_clean(), "{table:?}: {:?}", found.findings);
    }
}

#[test]
fn a_damaged_event_does_not_keep_the_engine_from_starting() {
    let storage = Storage::at(Stage::Answered);
    let key = keys::event(ShardId(0), 5);
    let damaged = b"\x01\xc1".to_vec();
    put(&storage.store(), Table::Events, key.clone(), damaged);
    let mut host = storage.open().unwrap();
    assert_eq!(storage.run(&mut host, Stage::Answered).0, everybody());
    drop(host);
    assert!(storage.store().get(Table::Events, &key).unwrap().is_some());
}

#[test]
fn what_a_storage_says_of_itself_is_not_guessed() {
    let storage = Storage::at(Stage::Answered);
    storage.damage(Table::Meta);
    let Err(refused @ HostError::Meta(_)) = storage.open() else {
        panic!("it starts on a guess");
    };
    assert!(refused.to_string().contains("fsck --repair"), "{refused}");
    let store = storage.store();
    let found = audit(&store, &config()).unwrap();
    let plan = repair::plan(&store, &found.findings).unwrap();
    assert_eq!(plan.lost.len(), 1);
    let units = vec![plan.unit];
    store.commit(&Group { units }).unwrap();
    drop(store);
    let mut host = storage.open().unwrap();
    assert_eq!(storage.run(&mut host, Stage::Answered).0, everybody());
    drop(host);
    put(&storage.store(), Table::Meta, b"identity".to_vec(), vec![1]);
    assert!(matches!(storage.open(), Err(HostError::Meta(_))));
}
