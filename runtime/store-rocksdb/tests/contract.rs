//! What any store promises, checked on the store in memory and on RocksDB alike, and random sequences of commits and
//! scans compared between the two.
#![allow(clippy::unwrap_used)]

use bureaucrat_store::{
    Group, Guard, MemoryStore, Store, Table, Unit, Verdict, Version, Write, keys, records,
};
use bureaucrat_store_rocksdb::RocksStore;
use proptest::prelude::*;

fn on_both(check: impl Fn(&dyn Store)) {
    check(&MemoryStore::new());
    let folder = tempfile::tempdir().unwrap();
    check(&RocksStore::open(folder.path()).unwrap());
}

fn instance_key(number: u8) -> Vec<u8> {
    vec![number; 16]
}

/// A record that has an instance's version, and nothing of an instance behind it; stores look no further.
fn instance_record(version: u64, body: u8) -> Vec<u8> {
    let mut record = vec![records::FORMAT];
    record.extend_from_slice(&version.to_be_bytes());
    record.push(body);
    record
}

fn guard(number: u8, expected: u64) -> Guard {
    Guard {
        process: keys::instance_of(&instance_key(number)).unwrap(),
        expected: Version(expected),
    }
}

fn conflict(number: u8, found: u64) -> Verdict {
    Verdict::Conflict {
        process: keys::instance_of(&instance_key(number)).unwrap(),
        found: Version(found),
    }
}

fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write::Put {
        table,
        key: key.to_vec(),
        value: value.to_vec(),
    }
}

fn put_instance(number: u8, version: u64) -> Write {
    put(
        Table::Instances,
        &instance_key(number),
        &instance_record(version, number),
    )
}

fn delete(table: Table, key: &[u8]) -> Write {
    Write::Delete {
        table,
        key: key.to_vec(),
    }
}

fn unit(guards: Vec<Guard>, writes: Vec<Write>) -> Unit {
    Unit { guards, writes }
}

fn commit(store: &dyn Store, units: Vec<Unit>) -> Vec<Verdict> {
    store.commit(&Group { units }).unwrap()
}

#[test]
fn what_was_put_is_got_and_what_was_deleted_is_gone() {
    on_both(|store| {
        let writes = vec![
            put(Table::Outbox, b"a", b"1"),
            put(Table::Timers, b"a", b"2"),
            put(Table::Outbox, b"a", b"3"),
            put(Table::Outbox, b"b", b"4"),
            delete(Table::Outbox, b"b"),
            delete(Table::Outbox, b"never there"),
        ];
        assert_eq!(
            commit(store, vec![unit(vec![], writes)]),
            [Verdict::Committed]
        );
        assert_eq!(store.get(Table::Outbox, b"a").unwrap(), Some(b"3".to_vec()));
        assert_eq!(store.get(Table::Timers, b"a").unwrap(), Some(b"2".to_vec()));
        assert_eq!(store.get(Table::Outbox, b"b").unwrap(), None);
        assert_eq!(store.get(Table::History, b"a").unwrap(), None);
    });
}

#[test]
fn scans_are_in_order_of_bytes_with_the_end_left_out() {
    on_both(|store| {
        let keys: [&[u8]; 5] = [b"\xff", b"b", b"a\x00", b"a", b"aa"];
        let writes = keys
            .iter()
            .map(|key| put(Table::Events, key, key))
            .collect();
        commit(store, vec![unit(vec![], writes)]);
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
fn a_unit_whose_guard_fails_is_left_out_alone() {
    on_both(|store| {
        let first = vec![
            unit(vec![guard(1, 0)], vec![put_instance(1, 1)]),
            unit(vec![guard(2, 3)], vec![put(Table::Outbox, b"x", b"")]),
            unit(vec![], vec![put(Table::Outbox, b"y", b"")]),
        ];
        assert_eq!(
            commit(store, first),
            [Verdict::Committed, conflict(2, 0), Verdict::Committed]
        );
        assert_eq!(store.get(Table::Outbox, b"x").unwrap(), None);
        assert_eq!(store.get(Table::Outbox, b"y").unwrap(), Some(vec![]));
        let second = vec![unit(vec![guard(1, 0)], vec![put_instance(1, 9)])];
        assert_eq!(commit(store, second), [conflict(1, 1)]);
    });
}

#[test]
fn guards_see_the_units_before_them() {
    on_both(|store| {
        let units = vec![
            unit(vec![guard(1, 0)], vec![put_instance(1, 1)]),
            unit(vec![guard(1, 0)], vec![put(Table::Outbox, b"x", b"")]),
            unit(vec![guard(1, 1)], vec![put_instance(1, 2)]),
            unit(
                vec![guard(1, 2)],
                vec![delete(Table::Instances, &instance_key(1))],
            ),
            unit(vec![guard(1, 0), guard(2, 1)], vec![put_instance(1, 5)]),
            unit(vec![guard(1, 0)], vec![put_instance(1, 1)]),
        ];
        let expected = [
            Verdict::Committed,
            conflict(1, 1),
            Verdict::Committed,
            Verdict::Committed,
            conflict(2, 0),
            Verdict::Committed,
        ];
        assert_eq!(commit(store, units), expected);
        let record = store.get(Table::Instances, &instance_key(1)).unwrap();
        assert_eq!(record, Some(instance_record(1, 1)));
    });
}

fn table() -> impl Strategy<Value = Table> {
    // The format's record stands in `Meta`, so that the two stores differ there.
    prop::sample::select(&Table::ALL[..9])
}

fn write() -> impl Strategy<Value = Write> {
    let key = || prop::collection::vec(0_u8..4, 0..3);
    let numbered = (0_u8..4, 0_u64..4);
    prop_oneof![
        3 => numbered.prop_map(|(number, version)| put_instance(number, version)),
        1 => (0_u8..4).prop_map(|number| delete(Table::Instances, &instance_key(number))),
        3 => (table(), key(), any::<[u8; 2]>()).prop_filter_map("instances have versions", |(table, key, value)| {
            (table != Table::Instances).then(|| put(table, &key, &value))
        }),
        1 => (table(), key()).prop_map(|(table, key)| delete(table, &key)),
    ]
}

fn group() -> impl Strategy<Value = Group> {
    let guards = prop::collection::vec((0_u8..4, 0_u64..4), 0..2);
    let unit = (guards, prop::collection::vec(write(), 0..5)).prop_map(|(guards, writes)| Unit {
        guards: guards
            .into_iter()
            .map(|(number, version)| guard(number, version))
            .collect(),
        writes,
    });
    prop::collection::vec(unit, 0..5).prop_map(|units| Group { units })
}

/// Everything in the tables that hold the same in both stores.
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
    fn both_stores_do_the_same(
        groups in prop::collection::vec(group(), 1..12),
        reopen_after in 0_usize..12,
        scan in (table(), prop::collection::vec(0_u8..4, 0..3), prop::collection::vec(0_u8..4, 0..3), 0_usize..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let memory = MemoryStore::new();
        let mut rocks = RocksStore::open(folder.path()).unwrap();
        for (number, group) in groups.iter().enumerate() {
            prop_assert_eq!(memory.commit(group).unwrap(), rocks.commit(group).unwrap());
            if number == reopen_after {
                drop(rocks);
                rocks = RocksStore::open(folder.path()).unwrap();
            }
            let (table, from, to, limit) = &scan;
            prop_assert_eq!(
                memory.scan(*table, from, to, *limit).unwrap(),
                rocks.scan(*table, from, to, *limit).unwrap()
            );
        }
        prop_assert_eq!(contents(&memory), contents(&rocks));
    }
}
