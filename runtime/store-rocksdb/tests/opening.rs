//! Opening a RocksDB folder: what is kept, and what is refused with which message.
#![allow(clippy::unwrap_used)]

use bureaucrat_store::{
    Group, Store, StoreError, Table, Unit, Write,
    format::{FORMAT, FORMAT_KEY},
};
use bureaucrat_store_rocksdb::RocksStore;
use std::{fs, path::Path};

fn put(store: &RocksStore, table: Table, key: &[u8], value: &[u8]) {
    let write = Write::Put {
        table,
        key: key.to_vec(),
        value: value.to_vec(),
    };
    let units = vec![Unit::of(vec![write])];
    store.commit(&Group { units }).unwrap();
}

fn refusal(path: &Path) -> StoreError {
    RocksStore::open(path).unwrap_err()
}

#[test]
fn reopening_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/on/the/way");
    let large = vec![7; 3 << 20];
    let store = RocksStore::open(&path).unwrap();
    let tables = || {
        Table::ALL
            .into_iter()
            .filter(|table| *table != Table::Instances)
    };
    for table in tables() {
        put(&store, table, b"key", table.name().as_bytes());
    }
    put(&store, Table::Modules, b"large", &large);
    drop(store);
    let store = RocksStore::open(&path).unwrap();
    for table in tables() {
        let found = store.get(table, b"key").unwrap();
        assert_eq!(found.as_deref(), Some(table.name().as_bytes()));
    }
    assert_eq!(store.get(Table::Modules, b"large").unwrap(), Some(large));
}

#[test]
fn a_second_opening_is_refused_while_the_first_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let store = RocksStore::open(folder.path()).unwrap();
    let refused = refusal(folder.path());
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    drop(store);
    RocksStore::open(folder.path()).unwrap();
}

#[test]
fn a_lock_of_another_process_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    drop(RocksStore::open(folder.path()).unwrap());
    // Python's lockf takes the same POSIX lock that RocksDB takes.
    let script = "import fcntl, sys\nlock = open(sys.argv[1], 'r+')\nfcntl.lockf(lock, fcntl.LOCK_EX)\n\
                  print('locked', flush=True)\nsys.stdin.read()";
    let mut holder = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(folder.path().join("LOCK"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = holder.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
    let refused = refusal(folder.path());
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    drop(holder.stdin.take());
    holder.wait().unwrap();
    RocksStore::open(folder.path()).unwrap();
}

#[test]
fn a_place_that_is_no_folder_is_unusable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "here").unwrap();
    for path in [path.clone(), path.join("below")] {
        let refused = refusal(&path);
        assert!(matches!(refused, StoreError::Unusable { .. }), "{refused}");
        assert!(refused.to_string().contains("file"), "{refused}");
    }
}

#[test]
fn a_damaged_store_is_unusable() {
    let folder = tempfile::tempdir().unwrap();
    drop(RocksStore::open(folder.path()).unwrap());
    fs::write(folder.path().join("CURRENT"), "MANIFEST-999999\n").unwrap();
    let refused = refusal(folder.path());
    assert!(matches!(refused, StoreError::Unusable { .. }), "{refused}");
}

#[test]
fn another_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = RocksStore::open(folder.path()).unwrap();
    let other = (FORMAT + 1).to_string();
    put(&store, Table::Meta, FORMAT_KEY, other.as_bytes());
    drop(store);
    let expected = StoreError::Format {
        found: other,
        known: FORMAT,
    };
    assert_eq!(refusal(folder.path()), expected);
    assert_eq!(refusal(folder.path()), expected);
}

#[test]
fn a_strangers_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = rocksdb::DB::open_default(folder.path()).unwrap();
    stranger.put(b"their", b"data").unwrap();
    drop(stranger);
    let refused = refusal(folder.path());
    assert!(matches!(refused, StoreError::Format { .. }), "{refused}");
}

#[test]
fn a_torn_tail_of_the_log_loses_only_what_was_not_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = RocksStore::open(folder.path()).unwrap();
    put(&store, Table::Outbox, b"first", &[1; 100]);
    let mark = fs::read(folder.path().join("durable.mark")).unwrap();
    put(&store, Table::Outbox, b"second", &[2; 100]);
    let log = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    // The copy is what a crash during the last write leaves.
    let crashed = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, crashed.path().join(path.file_name().unwrap())).unwrap();
    }
    drop(store);
    // A commit's mark is written after its sync, so the last one's is not there yet.
    fs::write(crashed.path().join("durable.mark"), mark).unwrap();
    let torn = crashed.path().join(log.file_name().unwrap());
    let length = fs::metadata(&torn).unwrap().len();
    fs::File::options()
        .write(true)
        .open(&torn)
        .unwrap()
        .set_len(length - 10)
        .unwrap();
    let store = RocksStore::open(crashed.path()).unwrap();
    assert!(store.get(Table::Outbox, b"first").unwrap().is_some());
    assert!(store.get(Table::Outbox, b"second").unwrap().is_none());
}

/// What RocksDB does not know of an option's value it passes over, without a word.
#[test]
fn rows_of_processes_are_inserted_with_hints() {
    let folder = tempfile::tempdir().unwrap();
    drop(RocksStore::open(folder.path()).unwrap());
    let files = fs::read_dir(folder.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let newest = names.filter(|name| name.starts_with("OPTIONS-")).max();
    let options = fs::read_to_string(folder.path().join(newest.unwrap())).unwrap();
    let lines = options
        .lines()
        .filter(|line| line.contains("memtable_insert_with_hint_prefix_extractor"));
    let of_processes = lines.filter(|line| line.contains("FixedPrefix.16"));
    assert_eq!(of_processes.count(), 5, "{options}");
}
