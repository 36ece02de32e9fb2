//! Damage on the disk: what is lost is detected and named, and stays where it is.
#![allow(clippy::unwrap_used)]

use bureaucrat_store::{Group, Store, StoreError, Table, Unit, Write, reading};
use bureaucrat_store_rocksdb::{LostTail, RocksStore, StoreMemory};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Groups that are committed before the log is damaged.
const GROUPS: u32 = 120;

fn put(store: &RocksStore, table: Table, rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) {
    let writes = rows
        .into_iter()
        .map(|(key, value)| Write::Put { table, key, value });
    let unit = Unit::of(writes.collect());
    store.commit(&Group { units: vec![unit] }).unwrap();
}

fn key(number: u32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// Groups of several sizes, some larger than a block of the log.
fn group(number: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
    let size = if number.is_multiple_of(40) {
        70_000
    } else {
        10 + number as usize * 3
    };
    vec![
        (key(number), vec![number as u8; size]),
        (key(number + 1_000_000), vec![1]),
    ]
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn largest(folder: &Path, extension: &str) -> PathBuf {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap()
}

/// How many groups from the first one on are there. Panics if a group is there without its
/// predecessor, or only half of one.
fn groups(store: &RocksStore) -> u32 {
    let has = |key: &[u8]| store.get(Table::Outbox, key).unwrap();
    let count = (0..GROUPS).take_while(|number| has(&key(*number)).is_some());
    let count = u32::try_from(count.count()).unwrap();
    for number in 0..GROUPS {
        for (key, value) in group(number) {
            let expected = (number < count).then_some(value);
            assert_eq!(has(&key), expected, "group {number} of {count}");
        }
    }
    count
}

/// A storage as a crash leaves it, copied while open; the mark is that of the first `marked`
/// groups.
fn crashed(marked: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = RocksStore::open(folder.path()).unwrap();
    let mut mark = Vec::new();
    for number in 0..GROUPS {
        put(&store, Table::Outbox, group(number));
        if number + 1 == marked {
            mark = fs::read(folder.path().join("durable.mark")).unwrap();
        }
    }
    let copied = tempfile::tempdir().unwrap();
    copy(folder.path(), copied.path());
    fs::write(copied.path().join("durable.mark"), mark).unwrap();
    copied
}

#[test]
fn a_damaged_log_gives_a_prefix_with_everything_synced_or_is_refused() {
    let (mut opened, mut refused) = (0, 0);
    for marked in [GROUPS, GROUPS - 30] {
        let whole = crashed(marked);
        let log = largest(whole.path(), "log");
        let bytes = fs::read(&log).unwrap();
        // A prime, so that the places fall anywhere in records and blocks.
        let places = (0..bytes.len()).step_by(7_001);
        let ends = bytes.len().saturating_sub(200)..bytes.len();
        for place in places.chain(ends.step_by(19)) {
            for damage in [Damage::Cut, Damage::Flip, Damage::Zeros] {
                let folder = tempfile::tempdir().unwrap();
                copy(whole.path(), folder.path());
                let torn = folder.path().join(log.file_name().unwrap());
                fs::write(&torn, damage.of(&bytes, place)).unwrap();
                match RocksStore::open(folder.path()) {
                    Ok(store) => {
                        let found = groups(&store);
                        assert!(found >= marked, "{damage:?} at {place}: {found} groups");
                        opened += 1;
                    }
                    Err(error @ StoreError::LostTail { .. }) => {
                        refused += 1;
                        let text = error.to_string();
                        assert!(text.contains("fsck --accept-lost-tail"), "{text}");
                        if place % 3 == 0 {
                            still_refused_until_accepted(folder.path(), marked);
                        }
                    }
                    Err(error) => panic!("{damage:?} at {place}: {error}"),
                }
            }
        }
    }
    println!(
        "{} damaged logs: {opened} opened, {refused} refused",
        opened + refused
    );
    assert!(opened > 30 && refused > 100, "{opened} {refused}");
}

fn still_refused_until_accepted(folder: &Path, marked: u32) {
    let refused = RocksStore::open(folder).unwrap_err();
    let StoreError::LostTail { kept, .. } = refused else {
        panic!("{refused}");
    };
    assert!(fs::read_dir(&kept).unwrap().count() > 0, "the log is kept");
    let store = RocksStore::open_with(folder, LostTail::Accept, StoreMemory::default()).unwrap();
    assert!(groups(&store) < marked);
    drop(store);
    RocksStore::open(folder).unwrap();
    assert!(!Path::new(&kept).exists());
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Cut,
    Flip,
    Zeros,
}

impl Damage {
    fn of(self, bytes: &[u8], place: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match self {
            Self::Cut => bytes.truncate(place),
            Self::Flip => bytes[place] ^= 0x10,
            Self::Zeros => {
                let end = bytes.len().min(place + 512);
                bytes[place..end].fill(0);
            }
        }
        bytes
    }
}

/// A store whose rows are in files of several blocks each.
fn in_files(folder: &Path, openings: u32) {
    for opening in 0..openings {
        // Opening writes the log's contents into files.
        let store = RocksStore::open(folder).unwrap();
        let rows = (0..2_000).map(|number| (key(number), random(number * 7 + opening, 100)));
        put(&store, Table::Instances, rows);
    }
    drop(RocksStore::open(folder).unwrap());
}

/// Bytes that do not compress; an instance's record begins with its format and version.
fn random(seed: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 0, 1];
    bytes.extend((0..length).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    }));
    bytes
}

fn flip_in_the_middle(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// The instances that can be read, key by key and in a scan that goes around the damage.
fn readable(store: &RocksStore) -> usize {
    let read = (0..2_000).filter(|number| match store.get(Table::Instances, &key(*number)) {
        Ok(record) => {
            assert!(record.is_some());
            true
        }
        Err(StoreError::Damaged { table, reason, .. }) => {
            assert_eq!(table, Table::Instances);
            assert!(reason.contains("checksum"), "{reason}");
            false
        }
        Err(error) => panic!("{error}"),
    });
    let read = read.count();
    let end = key(2_000);
    let portion = reading::scan_around(store, Table::Instances, &[], &end, 10_000).unwrap();
    // A newer record in another file is found by its key; a scan must get past the damaged one.
    let scanned = portion.rows.len();
    assert!(scanned <= read && scanned > 1_800, "{scanned} of {read}");
    assert_eq!(portion.gaps.len(), usize::from(scanned < 2_000));
    scanned
}

#[test]
fn a_damaged_block_is_found_by_its_checksum_and_hides_its_own_rows_alone() {
    let folder = tempfile::tempdir().unwrap();
    in_files(folder.path(), 1);
    // Not read before: blocks that were read are in a cache that outlives the store.
    flip_in_the_middle(&largest(folder.path(), "sst"));
    let store = RocksStore::open(folder.path()).unwrap();
    let read = readable(&store);
    assert!((1_900..2_000).contains(&read), "{read}");
    // Everything else can be written and read.
    put(&store, Table::Instances, [(key(5_000), random(1, 10))]);
    assert!(store.get(Table::Instances, &key(5_000)).unwrap().is_some());
}

#[test]
fn damage_that_stops_a_merge_does_not_stop_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    in_files(folder.path(), 3);
    flip_in_the_middle(&largest(folder.path(), "sst"));
    // With the fourth file over the same keys RocksDB begins to compact, and finds the damage.
    let mut ended = false;
    for opening in 0..20 {
        let store = RocksStore::open(folder.path()).unwrap();
        // The compaction may find it during the opening, which then starts again.
        if ended || !store.damaged_tables().is_empty() {
            assert_eq!(store.damaged_tables(), [Table::Instances]);
            for number in 0..200 {
                put(
                    &store,
                    Table::Instances,
                    [(key(6_000 + number), random(number, 10))],
                );
                put(&store, Table::Outbox, [(key(number), vec![1])]);
            }
            let read = readable(&store);
            assert!((1_800..2_000).contains(&read), "{read}");
            return;
        }
        for number in 0..40 {
            let write = Write::Put {
                table: Table::Instances,
                key: key(number * 50),
                value: random(number + opening, 100),
            };
            let unit = Unit::of(vec![write]);
            match store.commit(&Group { units: vec![unit] }) {
                Ok(_) => {}
                Err(StoreError::Write(reason)) => {
                    assert!(reason.contains("checksum"), "{reason}");
                    ended = true;
                    break;
                }
                Err(error) => panic!("{error}"),
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    panic!("no compaction found the damage");
}
