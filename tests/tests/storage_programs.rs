//! A program stays in the storage as long as one of its processes does, and no longer.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_host::{HostConfig, audit::audit, broker::Source};
use bureaucrat_model::{Millis, Program};
use bureaucrat_store::{Group, Store, Table, Unit, Write};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::{
    polled::{Polled, sandbox},
    simulation::SimulatedClock,
};
use std::{path::Path, sync::Arc};

const ENDS: &str = r#"<process name="NAME"/>"#;
const WAITS: &str = r#"<process name="NAME"><await event="go"/></process>"#;
const RETENTION: u64 = 2_000;

fn config(unused_programs: usize) -> HostConfig {
    HostConfig {
        retention: Millis(RETENTION),
        unused_programs,
        ..HostConfig::default()
    }
}

fn programs(store: &dyn Store) -> usize {
    let all = store.scan(Table::Programs, &[], &[u8::MAX; 33], 1_000);
    all.unwrap().len()
}

/// A host on a storage whose programs are counted from outside.
struct Hosted {
    host: Polled,
    store: Arc<RocksStore>,
    clock: Arc<SimulatedClock>,
    launched: u64,
}

impl Hosted {
    fn open(folder: &Path, clock: &Arc<SimulatedClock>, unused_programs: usize) -> Self {
        let store = Arc::new(RocksStore::open(folder).unwrap());
        let sandbox = sandbox().unwrap();
        let config = config(unused_programs);
        Self {
            host: Polled::open(config, store.clone(), clock.clone(), &sandbox).unwrap(),
            store,
            clock: clock.clone(),
            launched: 0,
        }
    }

    fn launch(&mut self, definition: &str, name: &str) {
        self.launched += 1;
        let id = format!("{name}-{}", self.launched);
        let body = definition.replace("NAME", name);
        self.host.deliver(Source::Launches, Some(&id), &body);
        self.host.settle().unwrap();
    }

    /// Makes the host remove everything that has ended.
    fn later(&mut self) {
        for _ in 0..20 {
            self.clock.advance(RETENTION);
            self.host.settle().unwrap();
        }
    }
}

#[test]
fn a_program_goes_with_the_last_of_its_processes() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let mut hosted = Hosted::open(folder.path(), &clock, 1);
    for number in 0..20 {
        hosted.launch(ENDS, &format!("once-{number}"));
    }
    hosted.launch(WAITS, "waits");
    hosted.launch(WAITS, "waits");
    assert_eq!(programs(&*hosted.store), 21);
    hosted.later();
    // The commit that removes them is the next one.
    hosted.launch(ENDS, "again");
    assert_eq!(programs(&*hosted.store), 2);
    hosted
        .host
        .deliver(Source::Events, None, r#"{"event": "go"}"#);
    hosted.host.settle().unwrap();
    hosted.later();
    // A removed program is stored again by the next launch that needs it.
    hosted.launch(ENDS, "once-3");
    assert_eq!(programs(&*hosted.store), 1);
    drop(hosted);
    let store = RocksStore::open(folder.path()).unwrap();
    assert_eq!(audit(&store, &config(1)).unwrap().findings, []);
}

#[test]
fn programs_that_nobody_uses_are_found_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let mut hosted = Hosted::open(folder.path(), &clock, 1);
    hosted.launch(WAITS, "waits");
    drop(hosted);
    // As a crash leaves them after the removal of a process and before that of its program.
    let store = RocksStore::open(folder.path()).unwrap();
    let limits = HostConfig::default().definition_limits;
    let writes = (0..5).map(|number| {
        let source = ENDS.replace("NAME", &format!("left-{number}"));
        let compiled = bureaucrat_definition::compile(source.as_bytes(), &limits).unwrap();
        let value = compiled.program.encode().unwrap();
        Write::Put {
            table: Table::Programs,
            key: Program::hash(&value).0.to_vec(),
            value,
        }
    });
    let unit = Unit::of(writes.collect());
    store.commit(&Group { units: vec![unit] }).unwrap();
    assert_eq!(programs(&store), 6);
    drop(store);
    let mut hosted = Hosted::open(folder.path(), &clock, 5);
    hosted.launch(ENDS, "next");
    assert_eq!(programs(&*hosted.store), 2);
}
