//! Ended processes are removed in the background: all of them, while launches continue as if nothing happened.
//!
//! `BUREAUCRAT_PROCESSES` asks for another number of ended processes; the figures are printed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_engine::{Environment, launch};
use bureaucrat_host::{
    Host, HostConfig,
    audit::audit,
    broker::{
        Broker, BrokerEvent, BrokerEvents, Delivery, DeliveryHandle, Hold, PublishOutcome, Sender,
        Source, Ticket, Way,
    },
    clock::SystemClock,
};
use bureaucrat_model::{
    Effect, EngineLimits, FiberId, HistoryEntry, Launch, ProcessId, Program, Redelivered,
    Timestamp, Turn, Unhandled,
};
use bureaucrat_store::{
    Group, Store, Table, Unit, Write,
    histories::append,
    instances::{InstanceRows, write_instance},
    keys::{self, WaitKey},
};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::polled::sandbox;
use bureaucrat_wire::{Outgoing, Properties};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

/// Launches that are measured, and the time between them.
const LAUNCHES: u64 = 1_500;
const BETWEEN: Duration = Duration::from_millis(4);

/// A broker that confirms at once and notes when the first task of each launch comes.
#[derive(Default)]
struct Measuring {
    events: OnceLock<Arc<dyn BrokerEvents>>,
    launched: Mutex<HashMap<String, Instant>>,
    took: Mutex<Vec<Duration>>,
}

impl Broker for Measuring {
    fn acknowledge(&self, _: DeliveryHandle) {}

    fn publish(&self, ticket: Ticket, message: Outgoing) {
        if let Some(number) = message.routing_key.strip_prefix("worker_")
            && let Some(launched) = self.launched.lock().unwrap().remove(number)
        {
            self.took.lock().unwrap().push(launched.elapsed());
        }
        let outcome = PublishOutcome::Confirmed;
        let events = self.events.get().unwrap();
        events.receive(BrokerEvent::Published { ticket, outcome });
    }
}

fn ended_processes() -> u32 {
    let wanted = std::env::var("BUREAUCRAT_PROCESSES");
    wanted.map_or(50_000, |count| count.parse().unwrap())
}

/// Writes processes that have ended and are to be removed now.
fn fill(store: &RocksStore, count: u32) {
    let limits = HostConfig::default().definition_limits;
    let compiled = bureaucrat_definition::compile(b"<process name=\"ended\"/>", &limits).unwrap();
    let stored = compiled.program.encode().unwrap();
    let environment = Environment {
        now: Timestamp(1_760_000_000_000),
        secret: &[7; 32],
        limits: &EngineLimits::default(),
        unhandled: Unhandled::Fails,
    };
    let put = |table, key, value| Write::Put { table, key, value };
    let mut unit = Unit::default();
    let program = Program::hash(&stored);
    unit.writes
        .push(put(Table::Programs, program.0.to_vec(), stored));
    for number in 0..count {
        let mut seed = [0; 16];
        seed[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
        let process = ProcessId::from_seed(seed);
        let launching = Launch::new(process, program);
        let (mut instance, effects) = launch(&compiled.program, &launching, &environment);
        let events = effects.into_iter().filter_map(|effect| {
            let Effect::Record(event) = effect else {
                return None;
            };
            Some(event)
        });
        let at = environment.now;
        let entries = events.map(|event| HistoryEntry { at, event }).collect();
        let history = &mut instance.history;
        append(store, history, process, entries, 1_000, &mut unit.writes).unwrap();
        write_instance(
            &mut instance,
            &mut InstanceRows::default(),
            &mut unit.writes,
        )
        .unwrap();
        let reminder = WaitKey {
            process,
            fiber: FiberId(u32::MAX - 2),
            turn: Turn(0),
        };
        unit.writes.push(put(
            Table::Timers,
            keys::timer(environment.now, reminder),
            Vec::new(),
        ));
        if unit.writes.len() > 10_000 || number + 1 == count {
            let units = vec![std::mem::take(&mut unit)];
            store.commit(&Group { units }).unwrap();
        }
    }
}

/// Launches at a steady pace; gives the time to the first task, sorted, and how long until nothing was left to remove.
fn measured(store: &Arc<RocksStore>) -> (Vec<Duration>, Duration) {
    let broker = Arc::new(Measuring::default());
    let host = Host::open(
        HostConfig::default(),
        store.clone() as Arc<dyn Store>,
        Arc::new(SystemClock::new()),
        sandbox().unwrap(),
        [7; 32],
    )
    .unwrap();
    let events = host.events();
    broker.events.set(events.clone()).ok().unwrap();
    host.start(broker.clone()).unwrap();
    events.receive(BrokerEvent::PublishingUp);
    let started = Instant::now();
    for number in 0..LAUNCHES {
        let name = format!("p{number}");
        let body = format!(r#"<process><action participant="{name}"/></process>"#);
        broker.launched.lock().unwrap().insert(name, Instant::now());
        let delivery = Delivery {
            handle: DeliveryHandle {
                generation: 1,
                source: Source::Launches,
                way: Way::Own,
                tag: number,
            },
            redelivered: Redelivered::No,
            properties: Properties::default(),
            body: body.into_bytes(),
            hold: Hold::default(),
            sender: Sender::default(),
            shard: None,
        };
        events.receive(BrokerEvent::Delivered(delivery));
        std::thread::sleep(BETWEEN);
    }
    let deadline = Instant::now() + Duration::from_secs(300);
    let is_left = || {
        !store
            .scan(Table::Timers, &[], &[u8::MAX; 80], 1)
            .unwrap()
            .is_empty()
    };
    while is_left() || broker.took.lock().unwrap().len() < LAUNCHES as usize {
        assert!(Instant::now() < deadline, "{:?}", host.failure());
        std::thread::sleep(Duration::from_millis(20));
    }
    let removed = started.elapsed();
    host.stop();
    assert_eq!(host.failure(), None);
    let mut took = broker.took.lock().unwrap().clone();
    took.sort();
    (took, removed)
}

fn at(sorted: &[Duration], hundredth: usize) -> Duration {
    sorted[(sorted.len() - 1) * hundredth / 100]
}

#[test]
fn removing_many_ended_processes_hurts_no_launch() {
    let folder = tempfile::tempdir().unwrap();
    let idle = Arc::new(RocksStore::open(&folder.path().join("idle")).unwrap());
    let (without, _) = measured(&idle);
    let count = ended_processes();
    let store = Arc::new(RocksStore::open(&folder.path().join("full")).unwrap());
    fill(&store, count);
    let started = Instant::now();
    audit(&*store, &HostConfig::default()).unwrap();
    println!("audit of {count} processes: {:?}", started.elapsed());
    let started = Instant::now();
    store.checkpoint(&folder.path().join("checkpoint")).unwrap();
    println!("checkpoint: {:?}", started.elapsed());
    let (with, removed) = measured(&store);
    for (what, took) in [("without", &without), ("with", &with)] {
        println!(
            "{what} removals: launch to first task p50 {:?}, p99 {:?}, worst {:?}",
            at(took, 50),
            at(took, 99),
            at(took, 100)
        );
    }
    println!("{count} ended processes were removed within {removed:?}");
    // Machines are busy; what must not happen is that launches wait for the removals.
    assert!(at(&with, 99) < at(&without, 99) * 5 + Duration::from_millis(250));
    let found = audit(&*store, &HostConfig::default()).unwrap();
    assert!(found.is_clean(), "{:?}", found.findings.first());
    assert_eq!(found.records[&Table::Instances], LAUNCHES);
    assert_eq!(found.records[&Table::Seen], u64::from(count) * 2);
}
