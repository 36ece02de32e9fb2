//! Backup of a running engine, and restore into a new one that resumes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use anyhow::Result;
use bureaucrat_host::{HostConfig, broker::Source, mark_restored};
use bureaucrat_store::{Group, MemoryStore, Store, Table, Unit, Write};
use bureaucrat_tests::{
    answering::Answering,
    operating::Operated,
    polled::{Polled, sandbox},
    simulation::SimulatedClock,
};
use std::{collections::BTreeSet, fs, sync::Arc};

/// The prefix of the queues of both engines: the restored one replaces the original.
const PREFIX: &str = "sto-backup";

const WAITS: [(&str, &str); 3] = [
    ("awaits", r#"<await event="sto.go"/>"#),
    ("delays", r#"<delay duration="3"/>"#),
    ("asks", r#"<action participant="sto.backup"/>"#),
];

#[test]
fn what_was_in_flight_at_the_backup_ends_on_the_restored_engine() -> Result<()> {
    let mut original = Operated::new(PREFIX, &[])?;
    let worker = "worker_sto.backup";
    let participant = Answering::connect(original.engine.name("answers"), &[worker])?;
    original.start()?;
    let mut processes = Vec::new();
    for (name, activity) in WAITS {
        let definition = format!(r#"<process name="{name}">{activity}</process>"#);
        let process = original.launch(&definition)?;
        original.until_it(&process, "waiting", |shown| shown["waits"].is_array())?;
        processes.push(process);
    }
    let backup = original.path("backup");
    let name = backup.to_str().unwrap();
    let made = original.json(0, &["backup", "--json", name])?;
    println!("backup: {made}");
    assert!(
        original
            .leaves_with(1, &["backup", name])?
            .contains("it already exists; choose another name")
    );
    // The original continues after its backup, and is then gone.
    original.event("sto.go")?;
    original.until(&processes[0], "completed")?;
    let later = original.launch(r#"<process name="later"><await event="sto.go"/></process>"#)?;
    original.engine.kill()?;

    let mut restored = Operated::new(PREFIX, &[])?;
    refused(&restored, &backup)?;
    restored.leaves_with(0, &["restore", name])?;
    assert!(
        restored
            .leaves_with(1, &["restore", name])?
            .contains("already")
    );
    restored.is_clean(&restored.engine.storage())?;
    restored.start()?;
    restored.until(&processes[1], "completed")?;
    restored.event("sto.go")?;
    restored.until(&processes[0], "completed")?;
    while participant.answer(worker)? == 0 {
        std::thread::yield_now();
    }
    restored.until(&processes[2], "completed")?;
    assert!(restored.run(&["show", &later])?.status.code() == Some(1));
    let fresh = restored.launch(r#"<process name="fresh"><delay duration="0"/></process>"#)?;
    restored.until(&fresh, "completed")?;
    restored.end()?;
    restored.is_clean(&restored.engine.storage())
}

/// A modified backup is not restored, and nothing is left behind.
fn refused(restored: &Operated, backup: &std::path::Path) -> Result<()> {
    let files: BTreeSet<_> = fs::read_dir(backup.join("state"))?
        .map(|entry| entry.unwrap().path())
        .collect();
    let file = files
        .iter()
        .find(|path| path.extension().is_some_and(|end| end == "sst"))
        .unwrap();
    let bytes = fs::read(file)?;
    let name = backup.to_str().unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 3] ^= 4;
    // The file is linked with the original's, so it is replaced by a new one.
    for damaged in [flipped, bytes[..bytes.len() - 1].to_vec()] {
        fs::remove_file(file)?;
        fs::write(file, damaged)?;
        assert!(
            restored
                .leaves_with(1, &["restore", name])?
                .contains("damaged")
        );
    }
    fs::remove_file(file)?;
    assert!(
        restored
            .leaves_with(1, &["restore", name])?
            .contains("missing")
    );
    fs::write(file, bytes)?;
    let stranger = backup.join("state/stranger");
    fs::write(&stranger, "")?;
    assert!(
        restored
            .leaves_with(1, &["restore", name])?
            .contains("added")
    );
    fs::remove_file(stranger)?;
    let manifest = backup.join("manifest.json");
    let text = fs::read(&manifest)?;
    fs::remove_file(&manifest)?;
    assert!(
        restored
            .leaves_with(1, &["restore", name])?
            .contains("is not a complete backup")
    );
    fs::write(&manifest, text)?;
    assert!(!restored.state().exists());
    Ok(())
}

/// The ids of two launches without message ids, on a host over this store.
fn launched(store: Arc<MemoryStore>) -> BTreeSet<String> {
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let mut host = Polled::open(HostConfig::default(), store, clock, &sandbox().unwrap()).unwrap();
    for _ in 0..2 {
        host.deliver(
            Source::Launches,
            None,
            r#"<process><await event="never"/></process>"#,
        );
    }
    let published = host.settle().unwrap();
    let bodies = published
        .iter()
        .map(|message| String::from_utf8_lossy(&message.body).into_owned());
    bodies.collect()
}

fn copy(store: &MemoryStore) -> Arc<MemoryStore> {
    let copy = MemoryStore::new();
    let writes = store
        .dump()
        .into_iter()
        .map(|(table, key, value)| Write::Put { table, key, value });
    let unit = Unit::of(writes.collect());
    copy.commit(&Group { units: vec![unit] }).unwrap();
    Arc::new(copy)
}

#[test]
fn a_restored_storage_gives_no_id_that_the_original_gives() {
    let original = Arc::new(MemoryStore::new());
    let before = launched(original.clone());
    let (plain, marked) = (copy(&original), copy(&original));
    mark_restored(&*marked).unwrap();
    // Notices that were confirmed and not yet trimmed are sent once more.
    let fresh = |store: &Arc<MemoryStore>| &launched(store.clone()) - &before;
    let given = fresh(&original);
    assert_eq!(given.len(), 2);
    assert_eq!(fresh(&plain), given, "a copy alone gives the same");
    assert!(fresh(&marked).is_disjoint(&given));
    // Numbers of the sequence, too: those of the subscriptions since the backup.
    let newest = |store: &MemoryStore| {
        let rows = store
            .scan(Table::Subscriptions, &[], &[u8::MAX; 80], 100)
            .unwrap();
        rows.into_iter().map(|(_, value)| value).max().unwrap()
    };
    assert!(newest(&marked) > newest(&original));
}
