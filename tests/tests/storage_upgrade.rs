//! Storages of released formats: opened by the engine of today, they are whole, and their processes go on to their ends.
//!
//! `tests/fixtures/storage-format-N` is a storage as the first engine with format N wrote it, with records in every table
//! and every kind of wait. `BUREAUCRAT_WRITE_FIXTURE=1` writes the one of today's format, when there is none yet; one that
//! is there is never written again.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "storage_upgrade/fixture.rs"]
mod fixture;

use anyhow::Result;
use bureaucrat_host::{HostConfig, audit::audit};
use bureaucrat_model::{FiberState, ProcessId, Status, WaitKind};
use bureaucrat_store::{Row, Store, Table, keys::OutboxKind, records};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::{answering::Answering, operating::Operated};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The formats that were released, and are read for ever.
const FORMATS: [u8; 1] = [1];

fn folder(format: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/storage-format-{format}"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn rows(store: &RocksStore, table: Table) -> Vec<Row> {
    store.scan(table, &[], &[u8::MAX; 80], 10_000).unwrap()
}

/// The processes that have not ended, by id; with the kinds of what they wait for.
fn running(store: &RocksStore) -> BTreeMap<ProcessId, BTreeSet<&'static str>> {
    let mut running = BTreeMap::new();
    for (key, record) in rows(store, Table::Instances) {
        let (_, instance) = records::decode_instance(&key, &record).unwrap();
        if matches!(instance.status, Status::Ended(_)) {
            continue;
        }
        let waits = instance.fibers.values().filter_map(|fiber| {
            let FiberState::Waiting(wait) = &fiber.state else {
                return None;
            };
            Some(match &wait.kind {
                WaitKind::Answer { .. } => "answer",
                WaitKind::Timer { .. } => "timer",
                WaitKind::Event { .. } => "event",
                WaitKind::Child { .. } => "child",
                WaitKind::Branches { .. } => "branches",
                WaitKind::Condition { .. } => "condition",
            })
        });
        running.insert(instance.process, waits.collect());
    }
    running
}

/// Every table, every kind of wait, every kind of outbox row, each kind of memory stands in the fixture.
fn is_complete(store: &RocksStore) {
    for table in Table::ALL {
        assert!(!rows(store, table).is_empty(), "table {}", table.name());
    }
    let waits: BTreeSet<_> = running(store).into_values().flatten().collect();
    let all = ["answer", "branches", "child", "condition", "event", "timer"];
    assert_eq!(waits, all.into());
    let kinds: BTreeSet<u8> = rows(store, Table::Outbox)
        .iter()
        .map(|(key, _)| key[0])
        .collect();
    assert_eq!(kinds, OutboxKind::ALL.map(|kind| kind as u8).into());
    let memories: BTreeSet<u8> = rows(store, Table::Seen)
        .iter()
        .map(|(key, _)| key[0])
        .collect();
    assert_eq!(memories, [b'm', b'p', b'x'].into());
}

#[test]
fn a_storage_of_each_released_format_goes_on_to_its_end() -> Result<()> {
    let today = folder(RocksStore::FORMAT);
    if std::env::var_os("BUREAUCRAT_WRITE_FIXTURE").is_some() {
        assert!(
            !today.exists(),
            "{} is there; it is never written again",
            today.display()
        );
        fixture::write(&today)?;
    }
    assert!(FORMATS.contains(&RocksStore::FORMAT) && today.exists());
    for format in FORMATS {
        let prefix = format!("sto-format-{format}");
        let mut operated = Operated::new(&prefix, &["--retention", "3650d"])?;
        copy(&folder(format), &operated.state());
        let store = RocksStore::open(&operated.state())?;
        is_complete(&store);
        let processes = running(&store);
        let found = audit(&store, &HostConfig::default())?;
        assert!(found.is_clean(), "{:?}", found.findings);
        drop(store);
        operated.is_clean(&operated.engine.storage())?;
        to_their_ends(&mut operated, processes.into_keys().collect())?;
        operated.is_clean(&operated.engine.storage())?;
        let store = RocksStore::open(&operated.state())?;
        assert!(running(&store).is_empty());
        for table in [Table::Subscriptions, Table::Events, Table::Outbox] {
            assert!(rows(&store, table).is_empty(), "table {}", table.name());
        }
    }
    Ok(())
}

/// Answers, publishes the event, and waits until every process has completed.
fn to_their_ends(operated: &mut Operated, mut left: BTreeSet<ProcessId>) -> Result<()> {
    let queues = ["worker_sto.fixture", "sto.fixture.dead"];
    let participant = Answering::connect(operated.engine.name("answers"), &queues)?;
    operated.start()?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Some(process) = left.first().copied() {
        participant.answer(queues[0])?;
        operated.event("sto.fixture")?;
        let shown = operated.show(&process.to_string())?;
        if shown["state"] == "completed" {
            left.pop_first();
        } else if shown["state"] == "incident" {
            operated.run(&["retry", &process.to_string()])?;
        }
        assert!(shown["state"] != "failed", "{shown}");
        assert!(
            Instant::now() < deadline,
            "{shown}\n{}",
            operated.engine.log_tail()
        );
    }
    operated.end()
}
