//! A damaged block of a table file: the engine works around it, `fsck --repair` makes a storage
//! without it, and everything that was not in the block continues.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_host::{HostConfig, audit::audit, broker::Source};
use bureaucrat_store::{Store, Table};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::{
    engine::binary,
    polled::{Polled, sandbox},
    simulation::SimulatedClock,
};
use std::{collections::BTreeSet, fs, path::Path, process::Command, sync::Arc};

const PROCESSES: usize = 400;

fn open(state: &Path, clock: &Arc<SimulatedClock>) -> Polled {
    let store = Arc::new(RocksStore::open(state).unwrap());
    let config = HostConfig {
        residents: 0,
        ..HostConfig::default()
    };
    Polled::open(config, store, clock.clone(), &sandbox().unwrap()).unwrap()
}

/// The processes that completed when the event came.
fn completed(host: &mut Polled) -> BTreeSet<String> {
    host.settle().unwrap();
    host.deliver(Source::Events, None, r#"{"event": "go"}"#);
    let published = host.settle().unwrap();
    let bodies = published
        .iter()
        .filter_map(|message| serde_json::from_slice::<serde_json::Value>(&message.body).ok());
    let ended = bodies.filter(|body| body["status"] == "completed");
    ended.map(|body| body["process"].to_string()).collect()
}

/// The file that holds the instances: the one with the bytes of their common text in it.
fn flip_in_instances(state: &Path) {
    let files = fs::read_dir(state)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = files
        .filter(|path| path.extension().is_some_and(|end| end == "sst"))
        .find(|path| {
            let bytes = fs::read(path).unwrap();
            bytes.windows(9).any(|part| part == b"instances")
        })
        .unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 2;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_storage_is_rebuilt_without_its_damaged_block() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let mut host = open(&state, &clock);
    for number in 0..PROCESSES {
        let text: String = (0..60)
            .map(|at| format!("{:x}", number * 7919 + at * at * 104_729))
            .collect();
        let body = format!(
            r#"<process><context><property name="t" type="str">{text}</property></context><await event="go"/></process>"#
        );
        host.deliver(Source::Launches, Some(&number.to_string()), &body);
        host.settle().unwrap();
    }
    drop(host);
    // Opening writes what the log holds into files.
    drop(RocksStore::open(&state).unwrap());
    flip_in_instances(&state);
    let store = RocksStore::open(&state).unwrap();
    let found = audit(&store, &HostConfig::default()).unwrap();
    assert_eq!(found.unreadable, 1, "{:?}", found.findings);
    let left = found.records[&Table::Instances];
    assert!((300..PROCESSES as u64).contains(&left), "{left}");
    drop(store);
    let repair = |code| {
        let output = Command::new(binary().unwrap())
            .args(["fsck", "--repair"])
            .arg(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{text}");
        text
    };
    // Not everything can be repaired: some launches took effect and are gone.
    let text = repair(1);
    assert!(text.contains("state.damaged-"), "{text}");
    let store = RocksStore::open(&state).unwrap();
    let found = audit(&store, &HostConfig::default()).unwrap();
    assert_eq!(found.unreadable, 0);
    assert!(
        found
            .findings
            .iter()
            .all(|finding| finding.table == Table::Seen),
        "{:?}",
        found.findings
    );
    assert_eq!(
        store
            .scan(Table::Subscriptions, &[], &[u8::MAX; 80], 1_000)
            .unwrap()
            .len() as u64,
        left
    );
    drop(store);
    let mut host = open(&state, &clock);
    assert_eq!(completed(&mut host).len() as u64, left);
}
