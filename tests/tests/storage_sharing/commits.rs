//! Commits of several engines at once: whose connections end, whose groups change hands, and who are suspended.

use super::{LONG, group, owned, put, sharing, two, until};
use bureaucrat_store::{Epoch, Group, ShardGroup, ShardGroups, Store, Table, Unit, Verdict, Write};
use bureaucrat_store_postgres::PostgresStore;
use bureaucrat_tests::{
    faults::seed,
    postgres::{disconnect, new_url, sql},
    simulation::Random,
};
use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

#[test]
fn each_engine_finds_its_own_commits_though_connections_end() {
    let url = new_url().unwrap();
    let engines = two(&url);
    let (count, is_done) = (600_u64, AtomicBool::new(false));
    thread::scope(|scope| {
        let ending = scope.spawn(|| {
            let mut ended = 0;
            while !is_done.load(Ordering::Acquire) {
                disconnect(&url).unwrap();
                ended += 1;
            }
            ended
        });
        let commits = |number: u8, store: &PostgresStore, epoch| {
            let of = |count: u64| [&[number][..], &count.to_be_bytes()].concat();
            for count in 1..=count {
                let key = of(count - 1);
                let table = Table::Outbox;
                // One that is missing would leave two, and so would one that came twice.
                let writes = vec![put(table, &of(count)), Write::Delete { table, key }];
                let units = vec![owned(group(number * 8), epoch, writes)];
                let verdicts = store.commit(&Group { units }).unwrap();
                assert_eq!(verdicts, [Verdict::Committed]);
            }
        };
        let threads = (0_u8..)
            .zip(&engines)
            .map(|(number, (store, epoch))| scope.spawn(move || commits(number, store, *epoch)));
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        is_done.store(true, Ordering::Release);
        assert!(ending.join().unwrap() > 3);
    });
    let rows = engines[0].0.scan(Table::Outbox, &[], &[255], 10).unwrap();
    assert_eq!(rows.len(), 2);
    // One for the epoch, and each of theirs once.
    let numbers = sql(&url, "SELECT holder, number FROM commits ORDER BY holder").unwrap();
    assert_eq!(numbers, format!("a|{0}\nb|{0}", count + 1));
}

/// `BUREAUCRAT_FAULT_SEED` asks for another walk.
#[test]
fn verdicts_agree_with_what_is_there_while_groups_change_hands() {
    let url = new_url().unwrap();
    let [(first, epoch), (second, later)] = two(&url);
    let stores = [first, second];
    // The epochs that each engine believes in, and the newest that is known to be there.
    let zeros = || [(); ShardGroup::COUNT].map(|()| AtomicU64::new(0));
    let (believed, known) = ([zeros(), zeros()], zeros());
    for place in 0..ShardGroup::COUNT {
        believed[0][place].store(epoch.0, Ordering::SeqCst);
        let of_second = if place < 8 { 0 } else { later.0 };
        believed[1][place].store(of_second, Ordering::SeqCst);
        known[place].store(epoch.0.max(of_second), Ordering::SeqCst);
    }
    let (seed, is_done) = (seed().unwrap(), AtomicBool::new(false));
    let commits = |engine: usize| {
        let mut random = Random::new(seed + 1 + engine as u64);
        let (mut there, mut fenced) = (Vec::new(), 0);
        for number in 0_u32.. {
            if is_done.load(Ordering::SeqCst) {
                break;
            }
            let mut units = vec![Unit::of(vec![put(Table::Programs, b"of both")])];
            let mut asked = Vec::new();
            for part in 0..1 + random.place(4) {
                let place = random.place(ShardGroup::COUNT);
                let epoch = believed[engine][place].load(Ordering::SeqCst);
                let key = [&[engine as u8, part as u8][..], &number.to_be_bytes()].concat();
                asked.push((key.clone(), epoch, known[place].load(Ordering::SeqCst)));
                let writes = vec![put(Table::Outbox, &key)];
                units.push(owned(group(place as u8), Epoch(epoch), writes));
            }
            let verdicts = stores[engine].commit(&Group { units }).unwrap();
            assert_eq!(verdicts[0], Verdict::Committed);
            for ((key, epoch, known), verdict) in asked.into_iter().zip(&verdicts[1..]) {
                match verdict {
                    Verdict::Committed => {
                        assert!(epoch >= known, "{epoch} counts after {known}");
                        there.push(key);
                    }
                    Verdict::Fenced { present } => {
                        assert!(present.0 > epoch);
                        fenced += 1;
                    }
                }
            }
        }
        (there, fenced)
    };
    let mut there = thread::scope(|scope| {
        let threads = [0, 1].map(|engine| scope.spawn(move || commits(engine)));
        let mut random = Random::new(seed);
        for _ in 0..80 {
            let (place, engine) = (random.place(ShardGroup::COUNT), random.place(2));
            let name = ["a", "b"][engine];
            sql(
                &url,
                &format!("UPDATE lease SET holder = '{name}' WHERE shard_group = {place}"),
            )
            .unwrap();
            let epoch = stores[engine]
                .own(ShardGroups::NONE.with(group(place as u8)))
                .unwrap();
            believed[engine][place].store(epoch.0, Ordering::SeqCst);
            known[place].store(epoch.0, Ordering::SeqCst);
        }
        is_done.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for thread in threads {
            let (there, fenced) = thread.join().unwrap();
            assert!(!there.is_empty() && fenced > 0);
            all.extend(there);
        }
        all
    });
    there.sort();
    let rows = stores[0]
        .scan(Table::Outbox, &[], &[255], usize::MAX)
        .unwrap();
    let found: Vec<Vec<u8>> = rows.into_iter().map(|(key, _)| key).collect();
    assert!(
        found == there,
        "seed {seed}: {} rows, {} verdicts",
        found.len(),
        there.len()
    );
}

/// It was suspended in the middle of a transaction, which keeps others from the group until its session is ended.
#[test]
fn an_engine_that_is_suspended_in_a_commit_keeps_nobody_waiting() {
    let url = new_url().unwrap();
    let first = sharing(&url, "a", LONG);
    first.own(first.groups()).unwrap();
    let (database, schema) = url.split_once("?options=-csearch_path%3D").unwrap();
    let mut suspended = Command::new("psql")
        .args(["-X", "-q", "-d", database])
        .args(["-v", "ON_ERROR_STOP=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The locks of an engine that commits, and the beginning of a commit.
    let begun = format!(
        "SET search_path TO \"{schema}\";
         SELECT pg_advisory_lock_shared(x'62757261'::int, hashtext('{schema}'));
         SELECT pg_advisory_lock(x'62757262'::int, hashtext('{schema}/x'));
         UPDATE lease SET holder = 'x', until = clock_timestamp() + interval '3 seconds' WHERE shard_group < 4;
         INSERT INTO engines VALUES ('x', clock_timestamp() + interval '3 seconds');
         BEGIN;
         SELECT fence('x', 1, '{{0}}', '{{}}', '{{}}');
         INSERT INTO outbox VALUES ('of x', '');\n"
    );
    let input = suspended.stdin.as_mut().unwrap();
    input.write_all(begun.as_bytes()).unwrap();
    let waits = format!(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' \
         AND state = 'idle in transaction' AND objid = (hashtext('{schema}/x')::bigint & 4294967295)::oid"
    );
    until("it is suspended", || sql(&url, &waits).unwrap() == "1");
    let second = sharing(&url, "b", LONG);
    assert_eq!(second.groups(), (0..4).map(group).collect());
    let epoch = second.own(second.groups()).unwrap();
    let units = vec![owned(group(0), epoch, vec![put(Table::Outbox, b"of b")])];
    assert_eq!(
        second.commit(&Group { units }).unwrap(),
        [Verdict::Committed]
    );
    assert!(second.get(Table::Outbox, b"of x").unwrap().is_none());
    // It wakes, and its session is no more.
    let mut input = suspended.stdin.take().unwrap();
    input.write_all(b"COMMIT;\n").unwrap();
    drop(input);
    assert!(
        !suspended.wait().unwrap().success(),
        "its session was not ended"
    );
}
