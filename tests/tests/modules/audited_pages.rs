//! The audit log in pages, and what goes from it.

use crate::{
    audited::{WAITS, entries, launched, page, reason, resume},
    rig::Hosted,
};
use bureaucrat_host::{
    audit::Kind,
    audit_log::AuditQuery,
    commands::{Order, OrderOutcome},
};
use bureaucrat_model::{Millis, ProcessId, Timestamp};
use bureaucrat_store::{Table, Write, keys};
use std::collections::BTreeSet;

fn suspend(hosted: &mut Hosted, process: ProcessId) {
    let suspended = hosted.obeyed(process, Order::Suspend { reason: reason() });
    assert_eq!(suspended, OrderOutcome::Done);
}

/// Suspends and resumes a process so many times altogether.
fn orders(hosted: &mut Hosted, process: ProcessId, count: usize) {
    for number in 0..count {
        match number % 2 {
            0 => suspend(hosted, process),
            _ => resume(hosted, process),
        }
    }
}

#[test]
fn old_entries_and_too_many_go_with_later_commits() {
    let mut hosted = Hosted::new(None);
    hosted.config.audit_entries = 700;
    hosted.config.audit_retention = Millis(60_000);
    hosted.restart();
    hosted.deployed(WAITS);
    let process = launched(&mut hosted, "waits");
    orders(&mut hosted, process, 1_600);
    let numbers = |hosted: &Hosted| -> Vec<u64> {
        let rows = hosted.rows(Table::AuditLog).into_iter();
        rows.map(|(key, _)| keys::audit_entry_of(&key).unwrap())
            .collect()
    };
    let left = numbers(&hosted);
    assert_eq!((left.len(), left[0]), (700, 1_601));
    // Also those that an engine finds.
    hosted.config.audit_entries = 100;
    hosted.restart();
    for _ in 0..3 {
        orders(&mut hosted, process, 2);
    }
    let left = numbers(&hosted);
    assert_eq!((left.len(), left[0]), (100, 1_607));

    // What is too old goes when something else is written, though nobody orders anything.
    hosted.wait(Millis(50_000));
    orders(&mut hosted, process, 10);
    hosted.wait(Millis(20_000));
    for _ in 0..3 {
        launched(&mut hosted, "waits");
    }
    let left = numbers(&hosted);
    assert_eq!((left.len(), left[0]), (10, 1_617));
    hosted.wait(Millis(60_000));
    for _ in 0..3 {
        launched(&mut hosted, "waits");
    }
    assert_eq!(numbers(&hosted), [0; 0]);
    // The numbers continue as long as the engine runs.
    orders(&mut hosted, process, 1);
    assert_eq!(numbers(&hosted), [1_618]);
    hosted.is_clean();
}

#[test]
fn pages_stay_the_same_while_orders_come_and_times_are_found() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(WAITS);
    let process = launched(&mut hosted, "waits");
    for _ in 0..50 {
        orders(&mut hosted, process, 2);
        hosted.wait(Millis(1_000));
    }
    let all = entries(&hosted, AuditQuery::default());
    assert_eq!(all.len(), 101);
    assert!(all.is_sorted_by_key(|record| (record.number, record.at)));
    let first = page(
        &hosted,
        AuditQuery {
            limit: 10,
            ..AuditQuery::default()
        },
    );
    orders(&mut hosted, process, 4);
    let second = page(
        &hosted,
        AuditQuery {
            after: first.next,
            limit: 10,
            ..AuditQuery::default()
        },
    );
    let newest: Vec<_> = all.iter().rev().skip(10).take(10).cloned().collect();
    assert_eq!(second.entries, newest);
    let times: BTreeSet<Timestamp> = all.iter().map(|record| record.at).collect();
    let ends = [Timestamp(0), Timestamp(u64::MAX)];
    for from in times.iter().copied().chain(ends) {
        for before in [
            from.after(Millis(1)),
            from.after(Millis(7_000)),
            Timestamp(0),
        ] {
            let query = AuditQuery {
                from: Some(from),
                before: Some(before),
                ..AuditQuery::default()
            };
            let found = entries(&hosted, query);
            let expected: Vec<_> = entries(&hosted, AuditQuery::default())
                .into_iter()
                .filter(|record| from <= record.at && record.at < before)
                .collect();
            assert_eq!(found, expected, "{from} to {before}");
        }
    }
}

#[test]
fn damaged_entries_are_left_out_found_and_go_in_their_turn() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(WAITS);
    let process = launched(&mut hosted, "waits");
    orders(&mut hosted, process, 20);
    let all = entries(&hosted, AuditQuery::default());
    let put = |number: u64, value: Vec<u8>| Write::Put {
        table: Table::AuditLog,
        key: keys::audit_entry(number),
        value,
    };
    // The oldest and one in the middle cannot be read, and one is another's.
    hosted.write(put(1, b"\x01\xc1nothing".to_vec()));
    hosted.write(put(9, Vec::new()));
    let row = hosted.rows(Table::AuditLog).remove(0);
    hosted.write(put(12, row.1));
    let damaged = (Table::AuditLog, Kind::Damaged);
    assert_eq!(hosted.findings(), [damaged; 3]);
    let left = entries(&hosted, AuditQuery::default());
    let expected = all
        .iter()
        .filter(|record| ![1, 9, 12].contains(&record.number));
    assert_eq!(left, expected.cloned().collect::<Vec<_>>());
    let until = AuditQuery {
        before: Some(all[5].at.after(Millis(1))),
        ..AuditQuery::default()
    };
    assert!(!entries(&hosted, until).is_empty());
    // They do not keep the others from going.
    hosted.config.audit_entries = 5;
    hosted.restart();
    orders(&mut hosted, process, 2);
    assert_eq!(hosted.rows(Table::AuditLog).len(), 5);
    hosted.config.audit_retention = Millis(1_000);
    hosted.restart();
    hosted.wait(Millis(5_000_000));
    for _ in 0..5 {
        launched(&mut hosted, "waits");
    }
    assert_eq!(hosted.rows(Table::AuditLog), []);
    hosted.is_clean();
}
