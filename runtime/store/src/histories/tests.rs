//! What histories keep, and which changes they show.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::{Group, MemoryStore, Owner, Unit};
use bureaucrat_model::{HistoryEvent, Timestamp};
use proptest::prelude::*;

const PROCESS: [u8; 16] = [3; 16];

fn process() -> ProcessId {
    ProcessId::from_seed(PROCESS)
}

fn entry(number: u64) -> HistoryEntry {
    HistoryEntry {
        at: Timestamp(number),
        event: HistoryEvent::Parked {
            reason: format!("entry {number}"),
        },
    }
}

fn commit(store: &MemoryStore, writes: Vec<Write>) {
    let unit = Unit::of(writes);
    assert_eq!(unit.owner, Owner::default());
    store.commit(&Group { units: vec![unit] }).unwrap();
}

/// A history that was written in commits with so many entries each.
fn written(commits: &[usize], entries_max: u64) -> (MemoryStore, HistoryHead) {
    let (store, mut head, mut number) = (MemoryStore::new(), HistoryHead::EMPTY, 0);
    for count in commits {
        let mut writes = Vec::new();
        let entries = (number..).take(*count).map(entry).collect();
        append(
            &store,
            &mut head,
            process(),
            entries,
            entries_max,
            &mut writes,
        )
        .unwrap();
        commit(&store, writes);
        number += *count as u64;
        assert_eq!(head.entries, number);
    }
    (store, head)
}

fn rows(store: &MemoryStore) -> Vec<(Vec<u8>, Vec<u8>)> {
    store
        .scan(Table::History, &[], &[u8::MAX; 80], usize::MAX)
        .unwrap()
}

fn read(store: &MemoryStore) -> History {
    History::read(store, process()).unwrap()
}

#[test]
fn many_entries_of_a_commit_are_several_rows() {
    let (store, head) = written(&[200], 1_000);
    let history = read(&store);
    assert_eq!(history.rows.len(), 4);
    assert_eq!(history.broken(&head), None);
    assert!(history.entries().map(|(number, _)| number).eq(0..200));
    assert_eq!(history.hash_at(200), Some(head.newest));
    assert_eq!(history.hash_at(199), None);
}

#[test]
fn a_repeated_row_elsewhere_has_another_hash() {
    let (store, _) = written(&[1, 1], 10);
    let rows = rows(&store);
    let other = keys::history(ProcessId::from_seed([4; 16]), 0);
    assert_ne!(
        HistoryHash::of_row(&rows[0].0, &rows[0].1),
        HistoryHash::of_row(&other, &rows[0].1)
    );
}

proptest! {
    /// However long it gets: it is whole, the first row and the newest are there, and it has its length.
    #[test]
    fn a_long_history_is_cut_behind_its_first_row(
        commits in prop::collection::vec(1_usize..70, 1..60),
        entries_max in 3_u64..200,
    ) {
        let (store, head) = written(&commits, entries_max);
        let history = read(&store);
        prop_assert_eq!(history.broken(&head), None);
        prop_assert_eq!(history.uncovered(&head), 0);
        let numbers: Vec<u64> = history.entries().map(|(number, _)| number).collect();
        prop_assert_eq!(numbers.len() as u64, head.kept());
        prop_assert_eq!(numbers.first(), Some(&0));
        prop_assert_eq!(numbers.last(), Some(&(head.entries - 1)));
        for (number, found) in history.entries() {
            prop_assert_eq!(found, &entry(number));
        }
        // What can't go: the first commit, and what the last two wrote.
        let ends = commits.iter().rev().take(2).chain(commits.first());
        let bound = entries_max + ends.sum::<usize>() as u64 + 2 * ROW_ENTRIES_MAX as u64;
        prop_assert!(head.kept() <= bound, "{} of {entries_max}", head.kept());
    }

    /// Who knows the newest hash finds each change of a row, each row that is gone, and each that was not written.
    #[test]
    fn no_change_goes_unseen(
        commits in prop::collection::vec(1_usize..5, 2..20),
        entries_max in 3_u64..40,
        place in any::<prop::sample::Index>(),
        how in 0_usize..4,
        byte in any::<prop::sample::Index>(),
    ) {
        let (store, head) = written(&commits, entries_max);
        let rows = rows(&store);
        let (key, mut value) = rows[place.index(rows.len())].clone();
        let table = Table::History;
        let write = match how {
            0 => Write::Delete { table, key },
            1 => {
                let byte = byte.index(value.len());
                value[byte] ^= 1;
                Write::Put { table, key, value }
            }
            2 => {
                let mut row = HistoryRow::decode(&key, &value).unwrap();
                row.entries[0].at = Timestamp(row.entries[0].at.0 + 1);
                let value = records::encode(&row).unwrap();
                Write::Put { table, key, value }
            }
            _ => {
                let key = keys::history(process(), head.entries);
                Write::Put { table, key, value }
            }
        };
        commit(&store, vec![write]);
        prop_assert!(read(&store).broken(&head).is_some());
    }

    /// What is left of a damaged history is whole once the head says what is left out, and continues.
    #[test]
    fn a_damaged_history_is_repaired(
        commits in prop::collection::vec(1_usize..5, 1..20),
        entries_max in 3_u64..40,
        place in any::<prop::sample::Index>(),
        is_gone in any::<bool>(),
    ) {
        let (store, head) = written(&commits, entries_max);
        let rows = rows(&store);
        let (key, _) = rows[place.index(rows.len())].clone();
        let table = Table::History;
        let write = match is_gone {
            true => Write::Delete { table, key },
            false => Write::Put { table, key, value: b"\x01\xc1".to_vec() },
        };
        commit(&store, vec![write]);
        let (mut repaired, gone) = read(&store).repaired(&head);
        let gone = gone.into_iter().map(|number| Write::Delete {
            table,
            key: keys::history(process(), number),
        });
        commit(&store, gone.collect());
        prop_assert_eq!(read(&store).broken(&repaired), None);
        let mut writes = Vec::new();
        let entries = vec![entry(head.entries)];
        append(&store, &mut repaired, process(), entries, entries_max, &mut writes).unwrap();
        commit(&store, writes);
        prop_assert_eq!(read(&store).broken(&repaired), None);
    }
}
