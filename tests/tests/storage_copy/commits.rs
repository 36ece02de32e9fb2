//! Every commit of a copy fails once, in memory, and in a database by `kill -9`.

use super::{Schema, command, copied, copy, populated, run};
use bureaucrat_host::copying::{self, CopyError, End, Tallies};
use bureaucrat_store::{
    Epoch, Group, MemoryStore, Owner, Row, ShardGroups, Store, StoreError, Table, Unit, Verdict,
    Write,
    format::{FORMAT, FORMAT_KEY, Format, Formats},
    holds::{self, Access, HOLD_KEY},
};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::{
    failing::Failing,
    postgres::{filled, sql},
};
use std::{
    io::Write as _,
    process::{Child, Stdio},
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

fn put(table: Table, key: &[u8], value: Vec<u8>) -> Write {
    let key = key.to_vec();
    Write::Put { table, key, value }
}

fn commit(store: &dyn Store, writes: Vec<Write>) {
    let units = vec![Unit::of(writes)];
    store.commit(&Group { units }).unwrap();
}

fn fresh() -> MemoryStore {
    let store = MemoryStore::new();
    let format = Format::whole(FORMAT).record();
    commit(&store, vec![put(Table::Meta, FORMAT_KEY, format)]);
    store
}

fn is_usable(store: &dyn Store) -> bool {
    let [format, hold] = [FORMAT_KEY, HOLD_KEY].map(|key| store.get(Table::Meta, key).unwrap());
    let format = format.unwrap();
    holds::admit("it", Access::Use, Formats::ALONE, &format, hold.as_deref()).is_ok()
}

/// Everything but what a store says of itself.
fn records(store: &MemoryStore) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let is_own = |table, key: &[u8]| table == Table::Meta && (key == HOLD_KEY || key == FORMAT_KEY);
    let all = store.dump().into_iter();
    all.filter(|(table, key, _)| !is_own(*table, key)).collect()
}

fn source() -> MemoryStore {
    let store = fresh();
    let mut writes = Vec::new();
    for number in 0..300_u32 {
        let size = usize::try_from(number).unwrap() * 300;
        writes.push(put(Table::Outbox, &number.to_be_bytes(), vec![7; size]));
    }
    writes.push(put(Table::Values, b"large", vec![8; 9 << 20]));
    writes.push(put(Table::Meta, b"mark", vec![1]));
    commit(&store, writes);
    store
}

fn transfer(from: &dyn Store, to: &dyn Store) -> Result<Tallies, CopyError> {
    let [from, to] = [(from, "one"), (to, "other")].map(|(store, name)| End { store, name });
    copying::transfer(from, to, Owner::Nobody, &AtomicU64::new(0))
}

#[test]
fn at_no_commit_two_stores_can_be_used_and_no_record_is_lost() {
    let expected = records(&source());
    for fails_at in 0.. {
        let (from, to, left) = (source(), fresh(), AtomicU64::new(fails_at));
        let of = |inside| Failing {
            inside,
            left: &left,
            damaged: None,
        };
        let (failing_from, failing_to) = (of(&from), of(&to));
        let done = transfer(&failing_from, &failing_to);
        let has_records = !records(&to).is_empty();
        assert!(
            !(is_usable(&from) && is_usable(&to) && has_records),
            "both can be used after {fails_at} commits"
        );
        assert_eq!(records(&from), expected, "the source is as it was");
        if done.is_ok() {
            assert!(!is_usable(&from) && is_usable(&to));
            assert_eq!(records(&to), expected);
            assert!(fails_at > 5, "{fails_at} commits");
            return;
        }
        assert!(!(is_usable(&to) && has_records), "after {fails_at} commits");
        // And again, as `--again` does.
        copying::clear(&to).unwrap();
        assert!(records(&to).is_empty() && !(has_records && is_usable(&to)));
        transfer(&from, &to).unwrap();
        assert_eq!(records(&to), expected);
        assert!(!is_usable(&from) && is_usable(&to));
    }
}

#[test]
fn a_copy_that_differs_or_cannot_be_read_is_not_used() {
    let (from, to, left) = (source(), fresh(), AtomicU64::new(u64::MAX));
    let damaged = Failing {
        inside: &from,
        left: &left,
        damaged: Some(Table::Seen),
    };
    let error = transfer(&damaged, &to).unwrap_err();
    assert!(
        matches!(
            &error,
            CopyError::Unreadable {
                table: Table::Seen,
                ..
            }
        ) && error.to_string().contains("fsck --repair"),
        "{error}"
    );
    assert!(!is_usable(&to) && is_usable(&from));
    let again = transfer(&from, &to);
    assert!(
        matches!(again, Err(CopyError::NotEmpty { .. })),
        "{again:?}"
    );

    /// Loses a byte of one record.
    struct Lossy(MemoryStore);
    impl Store for Lossy {
        fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.0.get(table, key)
        }
        fn scan(
            &self,
            table: Table,
            from: &[u8],
            to: &[u8],
            limit: usize,
        ) -> Result<Vec<Row>, StoreError> {
            self.0.scan(table, from, to, limit)
        }
        fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
            self.0.own(groups)
        }
        fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
            let mut group = group.clone();
            for write in group.units.iter_mut().flat_map(|unit| &mut unit.writes) {
                if let Write::Put { key, value, .. } = write
                    && key.as_slice() == 77_u32.to_be_bytes()
                {
                    value[5] ^= 1;
                }
            }
            self.0.commit(&group)
        }
    }
    let lossy = Lossy(fresh());
    let error = transfer(&from, &lossy).unwrap_err();
    assert!(
        matches!(
            &error,
            CopyError::Differs {
                table: Table::Outbox,
                written: 300,
                found: 300,
                ..
            }
        ),
        "{error}"
    );
    assert!(!is_usable(&lossy) && is_usable(&from));
}

/// Records of all sizes, through a database and back.
#[test]
fn both_stores_keep_records_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] =
        ["one", "two"].map(|name| RocksStore::open(&folder.path().join(name)).unwrap());
    let schema = Schema::new(folder.path());
    let open = || filled(&schema.url).unwrap();
    let mut writes: Vec<Write> = (0..9_000_u32)
        .map(|number| put(Table::Seen, &number.to_be_bytes(), vec![1; 20]))
        .collect();
    for (table, size) in [
        (Table::Modules, 40 << 20),
        (Table::Values, 16 << 20),
        (Table::Recent, 0),
    ] {
        writes.push(put(table, b"\0", vec![2; size]));
        writes.push(put(table, &[255; 79], vec![3; size]));
    }
    commit(&one, writes);
    let database = open();
    let there = transfer(&one, &database).unwrap();
    // It was made for nobody to use, and is read as it is.
    let back = transfer(&database, &two).unwrap();
    assert_eq!(there, back);
    assert_eq!(there[&Table::Seen].records, 9_000);
    assert_eq!(there[&Table::Modules].bytes, 2 * (40 << 20) + 80);
    for table in [Table::Modules, Table::Values, Table::Recent, Table::Seen] {
        let all = |store: &dyn Store| store.scan(table, &[], &[255; 80], 10_000).unwrap();
        assert!(all(&one) == all(&two), "{}", table.name());
    }
}

/// A session that keeps a table from being written.
fn keep_from_writing(url: &str, table: &str) -> Child {
    let (database, schema) = url.split_once("?options=-csearch_path%3D").unwrap();
    let mut session = std::process::Command::new("psql")
        .args(["-X", "-q", "-d", database])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let locked = format!("BEGIN; LOCK TABLE \"{schema}\".\"{table}\" IN SHARE MODE;\n");
    session
        .stdin
        .as_mut()
        .unwrap()
        .write_all(locked.as_bytes())
        .unwrap();
    until(|| {
        let held =
            "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND granted AND relation = ";
        sql(url, &format!("{held}'\"{schema}\".\"{table}\"'::regclass")).unwrap() == "1"
    });
    session
}

fn until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_copy_that_was_killed_is_used_by_nobody_and_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let storage = populated(&folder);
    let schema = Schema::new(home);
    let password = schema.password.to_str().unwrap();
    let options = ["--to-password-file", password];
    let elsewhere = home.join("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    // What an engine that had stopped at once would leave: everything is there, and empty.
    drop(filled(&schema.url).unwrap());

    let mut session = keep_from_writing(&schema.url, "history");
    let mut copying = command(home, &copy(&storage, &schema.plain, &options))
        .spawn()
        .unwrap();
    // It waits in the middle.
    until(|| sql(&schema.url, "SELECT count(*) > 0 FROM instances").unwrap() == "t");
    copying.kill().unwrap();
    copying.wait().unwrap();
    session.kill().unwrap();
    session.wait().unwrap();

    for arguments in [
        copy(&storage, &schema.plain, &options),
        vec![
            "fsck",
            "--store",
            &schema.plain,
            "--store-password-file",
            password,
        ],
        copy(
            &schema.plain,
            elsewhere,
            &["--from-password-file", password],
        ),
    ] {
        let words = run(home, 2, &arguments);
        assert!(
            words.contains("unfinished copy") && words.contains("store copy --again"),
            "{arguments:?}: {words}"
        );
    }
    // The source is as it was.
    run(home, 0, &["fsck", &storage]);
    let again = copied(
        home,
        &storage,
        &schema.plain,
        &[options.as_slice(), &["--again"]].concat(),
    );
    assert_eq!(again["tables"]["instances"]["records"], 40);
    run(
        home,
        0,
        &[
            "fsck",
            "--store",
            &schema.plain,
            "--store-password-file",
            password,
        ],
    );
    let words = run(home, 2, &copy(&storage, elsewhere, &[]));
    assert!(words.contains("store reopen"), "{words}");
    assert!(
        !std::path::Path::new(elsewhere).exists(),
        "nothing is made for nothing"
    );
}
