//! What any store promises, tested on the in-memory store, on RocksDB and on PostgreSQL, and random
//! sequences of commits and scans compared between them.
#![allow(clippy::unwrap_used)]

use bureaucrat_store::{
    Epoch, Group, MemoryStore, Owner, ShardGroup, ShardGroups, ShardId, Store, Table, Unit,
    Verdict, Write,
};
use bureaucrat_store_postgres::{PostgresStore, for_a_while};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::postgres::{engine, new_address};
use proptest::prelude::*;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

fn on_all(check: impl Fn(&dyn Store)) {
    check(&MemoryStore::new());
    let folder = tempfile::tempdir().unwrap();
    check(&RocksStore::open(folder.path()).unwrap());
    check(
        &PostgresStore::open(
            new_address().unwrap(),
            PATIENCE,
            engine(),
            &mut for_a_while(PATIENCE),
        )
        .unwrap(),
    );
}

fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write::Put {
        table,
        key: key.to_vec(),
        value: value.to_vec(),
    }
}

fn delete(table: Table, key: &[u8]) -> Write {
    Write::Delete {
        table,
        key: key.to_vec(),
    }
}

fn unit(writes: Vec<Write>) -> Unit {
    Unit::of(writes)
}

fn owned(shard: u8, epoch: Epoch, writes: Vec<Write>) -> Unit {
    let owner = Owner::Shard(ShardId(shard), epoch);
    Unit { owner, writes }
}

fn commit(store: &dyn Store, units: Vec<Unit>) -> Vec<Verdict> {
    store.commit(&Group { units }).unwrap()
}

#[test]
fn what_was_put_is_got_and_what_was_deleted_is_gone() {
    on_all(|store| {
        let writes = vec![
            put(Table::Outbox, b"a", b"1"),
            put(Table::Timers, b"a", b"2"),
            put(Table::Outbox, b"a", b"3"),
            put(Table::Outbox, b"b", b"4"),
            delete(Table::Outbox, b"b"),
            delete(Table::Outbox, b"never there"),
        ];
        assert_eq!(commit(store, vec![unit(writes)]), [Verdict::Committed]);
        assert_eq!(store.get(Table::Outbox, b"a").unwrap(), Some(b"3".to_vec()));
        assert_eq!(store.get(Table::Timers, b"a").unwrap(), Some(b"2".to_vec()));
        assert_eq!(store.get(Table::Outbox, b"b").unwrap(), None);
        assert_eq!(store.get(Table::History, b"a").unwrap(), None);
    });
}

#[test]
fn scans_are_in_order_of_bytes_with_the_end_left_out() {
    on_all(|store| {
        let keys: [&[u8]; 5] = [b"\xff", b"b", b"a\x00", b"a", b"aa"];
        let writes = keys
            .iter()
            .map(|key| put(Table::Events, key, key))
            .collect();
        commit(store, vec![unit(writes)]);
        let scan = |from: &[u8], to: &[u8], limit| -> Vec<Vec<u8>> {
            let rows = store.scan(Table::Events, from, to, limit).unwrap();
            rows.into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(
            scan(b"", b"\xff\xff", 9),
            [b"a".as_slice(), b"a\x00", b"aa", b"b", b"\xff"]
        );
        assert_eq!(scan(b"a\x00", b"b", 9), [b"a\x00".as_slice(), b"aa"]);
        assert_eq!(scan(b"", b"\xff\xff", 2), [b"a".as_slice(), b"a\x00"]);
        assert!(scan(b"", b"\xff\xff", 0).is_empty());
        assert!(scan(b"b", b"b", 9).is_empty());
        assert!(scan(b"b", b"a", 9).is_empty());
    });
}

#[test]
fn units_of_an_earlier_owner_are_left_out_alone() {
    on_all(|store| {
        let first = store.own(ShardGroups::ALL).unwrap();
        let write = |key: &[u8]| vec![put(Table::Outbox, key, b"")];
        let units = vec![owned(1, first, write(b"a")), unit(write(b"b"))];
        assert_eq!(commit(store, units), [Verdict::Committed; 2]);
        let second = store.own(ShardGroups::ALL).unwrap();
        assert!(second > first);
        let units = vec![
            owned(1, first, write(b"c")),
            owned(1, second, write(b"d")),
            unit(write(b"e")),
            owned(2, first, vec![delete(Table::Outbox, b"a")]),
        ];
        let fenced = Verdict::Fenced { present: second };
        let expected = [fenced, Verdict::Committed, Verdict::Committed, fenced];
        assert_eq!(commit(store, units), expected);
        let there = |key: &[u8]| store.get(Table::Outbox, key).unwrap().is_some();
        assert!(there(b"a") && there(b"b") && there(b"d") && there(b"e"));
        assert!(!there(b"c"));
    });
}

#[test]
fn groups_have_owners_of_their_own() {
    on_all(|store| {
        let group = |number| ShardGroup::new(number).unwrap();
        let lower: ShardGroups = (0..8).map(group).collect();
        let first = store.own(ShardGroups::ALL).unwrap();
        let second = store.own(lower).unwrap();
        let write = |key: &[u8]| vec![put(Table::Outbox, key, b"")];
        let units = vec![
            owned(127, first, write(b"a")),
            owned(127, second, write(b"b")),
            owned(128, first, write(b"c")),
            owned(255, second, write(b"d")),
        ];
        let fenced = |present| Verdict::Fenced { present };
        let expected = [
            fenced(second),
            Verdict::Committed,
            Verdict::Committed,
            fenced(first),
        ];
        assert_eq!(commit(store, units), expected);
        let there = |key: &[u8]| store.get(Table::Outbox, key).unwrap().is_some();
        assert_eq!(
            [b"a", b"b", b"c", b"d"].map(|key| there(key)),
            [false, true, true, false]
        );
        let third = store.own(ShardGroups::NONE.with(group(15))).unwrap();
        assert!(third > second);
        let units = vec![
            owned(0, second, write(b"e")),
            owned(240, first, write(b"f")),
        ];
        assert_eq!(commit(store, units), [Verdict::Committed, fenced(third)]);
    });
}

#[test]
fn epochs_go_on_over_a_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let first = RocksStore::open(folder.path())
        .unwrap()
        .own(ShardGroups::ALL)
        .unwrap();
    let second = RocksStore::open(folder.path())
        .unwrap()
        .own(ShardGroups::ALL)
        .unwrap();
    assert!(second > first);
    let address = new_address().unwrap();
    let open = || {
        PostgresStore::open(
            address.clone(),
            PATIENCE,
            engine(),
            &mut for_a_while(PATIENCE),
        )
        .unwrap()
    };
    let first = open().own(ShardGroups::ALL).unwrap();
    assert!(open().own(ShardGroups::ALL).unwrap() > first);
}

fn table() -> impl Strategy<Value = Table> {
    // `Meta` contains the format's record, so the stores differ there.
    prop::sample::select(&Table::ALL[..9])
}

/// Some as short as possible, others like those of two processes, near which RocksDB remembers where it inserted last.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![vec![], vec![1; 16], vec![2; 16]]);
    let end = prop::collection::vec(0_u8..4, 0..3);
    (start, end).prop_map(|(start, end)| [start, end].concat())
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => (table(), key(), any::<[u8; 2]>()).prop_map(|(table, key, value)| put(table, &key, &value)),
        1 => (table(), key()).prop_map(|(table, key)| delete(table, &key)),
    ]
}

fn group() -> impl Strategy<Value = Group> {
    let unit = prop::collection::vec(write(), 0..5).prop_map(Unit::of);
    prop::collection::vec(unit, 0..5).prop_map(|units| Group { units })
}

/// Everything in the tables that must be the same in all stores.
fn contents(store: &dyn Store) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for table in &Table::ALL[..9] {
        let rows = store.scan(*table, b"", &[u8::MAX; 32], usize::MAX).unwrap();
        all.extend(rows.into_iter().map(|(key, value)| (*table, key, value)));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn all_stores_do_the_same(
        groups in prop::collection::vec(group(), 1..12),
        reopen_after in 0_usize..12,
        scan in (table(), key(), key(), 0_usize..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let memory = MemoryStore::new();
        let mut rocks = RocksStore::open(folder.path()).unwrap();
        let address = new_address().unwrap();
        let mut postgres = PostgresStore::open(address.clone(), PATIENCE, engine(), &mut for_a_while(PATIENCE)).unwrap();
        for (number, group) in groups.iter().enumerate() {
            let verdicts = memory.commit(group).unwrap();
            prop_assert_eq!(&verdicts, &rocks.commit(group).unwrap());
            prop_assert_eq!(&verdicts, &postgres.commit(group).unwrap());
            if number == reopen_after {
                drop(rocks);
                rocks = RocksStore::open(folder.path()).unwrap();
                drop(postgres);
                postgres = PostgresStore::open(address.clone(), PATIENCE, engine(), &mut for_a_while(PATIENCE)).unwrap();
            }
            let (table, from, to, limit) = &scan;
            let rows = memory.scan(*table, from, to, *limit).unwrap();
            prop_assert_eq!(&rows, &rocks.scan(*table, from, to, *limit).unwrap());
            prop_assert_eq!(&rows, &postgres.scan(*table, from, to, *limit).unwrap());
        }
        prop_assert_eq!(contents(&memory), contents(&rocks));
        prop_assert_eq!(contents(&memory), contents(&postgres));
    }
}
