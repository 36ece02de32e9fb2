//! PostgreSQL as a store: what becomes of commits whose connection ends, who may use a schema, and what is refused.
#![allow(clippy::unwrap_used)]

use bureaucrat_model::Hex;
use bureaucrat_store::{
    Epoch, Group, Owner, ShardGroups, ShardId, Store, StoreError, Table, Unit, Verdict, Write,
    records,
};
use bureaucrat_store_postgres::{Address, Change, Opening, PostgresStore, for_a_while};
use bureaucrat_tests::{
    database::Database,
    postgres::{database_url, disconnect, engine, new_url, sql},
};
use std::{
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);

fn open(url: &str, patience: Duration) -> Result<PostgresStore, StoreError> {
    let address: Address = url.parse().unwrap();
    PostgresStore::open(address, patience, engine(), &mut for_a_while(patience))
}

fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write::Put {
        table,
        key: key.to_vec(),
        value: value.to_vec(),
    }
}

fn commit(store: &dyn Store, writes: Vec<Write>) -> Result<Vec<Verdict>, StoreError> {
    let units = vec![Unit::of(writes)];
    store.commit(&Group { units })
}

fn owned(epoch: Epoch, writes: Vec<Write>) -> Group {
    let owner = Owner::Shard(ShardId(1), epoch);
    let units = vec![Unit { owner, writes }];
    Group { units }
}

/// Each commit moves one record on, and adds one: together they show one that is missing, and one that came twice.
#[test]
fn what_was_confirmed_is_there_once_though_connections_end() {
    let url = new_url().unwrap();
    let store = open(&url, PATIENCE).unwrap();
    let epoch = store.own(ShardGroups::ALL).unwrap();
    let (is_done, ended) = (AtomicBool::new(false), AtomicU64::new(0));
    let count = 1_500_u64;
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                disconnect(&url).unwrap();
                ended.fetch_add(1, Ordering::Relaxed);
            }
        });
        for number in 1..=count {
            let (table, key) = (Table::Outbox, number.to_be_bytes());
            let group = owned(
                epoch,
                vec![
                    put(table, &key, b"it"),
                    put(Table::Timers, b"last", &key),
                    Write::Delete {
                        table,
                        key: (number - 1).to_be_bytes().to_vec(),
                    },
                ],
            );
            assert_eq!(store.commit(&group).unwrap(), [Verdict::Committed]);
            // Reads see it at once.
            assert_eq!(store.get(table, &key).unwrap().unwrap(), b"it");
        }
        is_done.store(true, Ordering::Relaxed);
    });
    assert!(ended.load(Ordering::Relaxed) > 3);
    let all = store.scan(Table::Outbox, &[], &[255; 9], 10).unwrap();
    assert_eq!(all, [(count.to_be_bytes().to_vec(), b"it".to_vec())]);
    // One for the epoch, and each of ours once.
    let number = sql(&url, "SELECT number FROM commits").unwrap();
    assert_eq!(number, (count + 1).to_string());
}

#[test]
fn a_schema_has_one_engine_at_a_time() {
    let url = new_url().unwrap();
    let first = open(&url, PATIENCE).unwrap();
    let refused = open(&url, Duration::ZERO).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    // Its connection ends, and comes back before anybody else's.
    commit(&first, vec![put(Table::Outbox, b"a", b"1")]).unwrap();
    drop(first);
    let second = open(&url, PATIENCE).unwrap();
    assert_eq!(
        second.get(Table::Outbox, b"a").unwrap().unwrap(),
        b"1".to_vec()
    );
    // Another schema of the same database is another store.
    let other = open(&new_url().unwrap(), PATIENCE).unwrap();
    assert_eq!(other.get(Table::Outbox, b"a").unwrap(), None);
}

#[test]
fn an_engine_that_lost_its_shards_writes_nothing_more() {
    let url = new_url().unwrap();
    let store = open(&url, PATIENCE).unwrap();
    let epoch = store.own(ShardGroups::ALL).unwrap();
    let later = epoch.0 + 1;
    let record = Hex(&records::encode(&later).unwrap()).to_string();
    // Of all groups, as a command would.
    let taken =
        format!("UPDATE meta SET value = '\\x{record}' WHERE substring(key FOR 5) = 'owner'");
    sql(&url, &taken).unwrap();
    let mut group = owned(epoch, vec![put(Table::Outbox, b"ours", b"")]);
    group
        .units
        .push(Unit::of(vec![put(Table::Programs, b"nobody's", b"")]));
    let fenced = Verdict::Fenced {
        present: Epoch(later),
    };
    assert_eq!(store.commit(&group).unwrap(), [fenced, Verdict::Committed]);
    // An idle engine learns of it, too, and so does one that connects again.
    let is_taken =
        |error: &StoreError| matches!(error, StoreError::Fenced { present } if *present == later);
    let changed = store.lease().unwrap().changed().unwrap();
    assert!(matches!(&changed, Change::Lost(error) if is_taken(error)));
    disconnect(&url).unwrap();
    assert!(is_taken(&store.commit(&group).unwrap_err()));
    drop(store);
    let next = open(&url, PATIENCE).unwrap();
    assert_eq!(next.get(Table::Outbox, b"ours").unwrap(), None);
    assert!(next.get(Table::Programs, b"nobody's").unwrap().is_some());
}

#[test]
fn a_database_that_lost_what_it_confirmed_is_refused() {
    let url = new_url().unwrap();
    let store = open(&url, PATIENCE).unwrap();
    for number in 0..5_u8 {
        commit(&store, vec![put(Table::Outbox, &[number], b"")]).unwrap();
    }
    // As a standby would be that was behind by two commits.
    sql(&url, "UPDATE commits SET number = number - 2").unwrap();
    disconnect(&url).unwrap();
    let lost = commit(&store, vec![put(Table::Outbox, b"x", b"")]).unwrap_err();
    assert!(
        matches!(lost, StoreError::LostCommits { lost: 2, .. }),
        "{lost}"
    );
    let again = commit(&store, vec![put(Table::Outbox, b"y", b"")]);
    assert!(matches!(again, Err(StoreError::Write(_))));
    drop(store);
    // No engine starts with it until somebody has accepted that.
    let refused = open(&url, PATIENCE).unwrap_err();
    assert!(
        matches!(refused, StoreError::LostCommits { lost: 2, .. }),
        "{refused}"
    );
    let address: Address = url.parse().unwrap();
    drop(
        PostgresStore::open(
            address,
            PATIENCE,
            Opening::Accept,
            &mut for_a_while(PATIENCE),
        )
        .unwrap(),
    );
    let accepted = open(&url, PATIENCE).unwrap();
    assert!(accepted.get(Table::Outbox, b"x").unwrap().is_none());
}

/// A commit that waits for a standby can be seen once its session is ended, though no standby has it.
#[test]
fn a_commit_that_no_standby_has_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711)).unwrap();
    let database = Database::start(&folder.path().join("database")).unwrap();
    let host = database.host();
    let url =
        format!("postgres://bureaucrat:bureaucrat@{host}/postgres?options=-csearch_path%3Dwaits");
    let store = open(&url, PATIENCE).unwrap();
    let set = |statement: &str| {
        sql(&url, statement).unwrap();
        sql(&url, "SELECT pg_reload_conf()").unwrap();
    };
    set("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            commit(&store, vec![put(Table::Outbox, b"a", b"1")]).unwrap();
            is_done.store(true, Ordering::Release);
        });
        for _ in 0..3 {
            // The session with the lock waits for the standby; then it is ended.
            let waits = "SELECT count(*) FROM pg_stat_activity JOIN pg_locks USING (pid) \
                         WHERE locktype = 'advisory' AND wait_event = 'SyncRep'";
            let began = Instant::now();
            while sql(&url, waits).unwrap() == "0" {
                assert!(began.elapsed() < PATIENCE, "no commit waits");
            }
            assert!(
                !is_done.load(Ordering::Acquire),
                "it counts, and no standby has it"
            );
            disconnect(&url).unwrap();
        }
        set("ALTER SYSTEM RESET synchronous_standby_names");
    });
    assert!(is_done.load(Ordering::Acquire));
    assert!(store.get(Table::Outbox, b"a").unwrap().is_some());
}

#[test]
fn what_cannot_be_used_says_why() {
    let url = new_url().unwrap();
    drop(open(&url, PATIENCE).unwrap());
    sql(&url, "UPDATE meta SET value = '77' WHERE key = 'format'").unwrap();
    let error = open(&url, PATIENCE).unwrap_err();
    assert!(matches!(error, StoreError::Format { .. }), "{error}");
    let nothing: Address = new_url().unwrap().parse().unwrap();
    let refused = PostgresStore::open(
        nothing,
        PATIENCE,
        Opening::Check,
        &mut for_a_while(PATIENCE),
    )
    .unwrap_err();
    assert!(refused.to_string().contains("no records"), "{refused}");
    let database = database_url().unwrap();
    let with = |from: &str, to: &str| database.replace(from, to);
    for (url, why) in [
        (
            with("bureaucrat:bureaucrat@", "bureaucrat:wrong-secret@"),
            "password",
        ),
        (with("@127.0.0.1", "@nowhere.invalid"), "nowhere.invalid"),
        (with("/postgres", "/nowhere"), "nowhere"),
        (format!("{database}?sslmode=require"), "sslmode=disable"),
        (with("bureaucrat:bureaucrat@", "bureaucrat@"), "password"),
    ] {
        let error = open(&url, Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains(why), "{url}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

/// Somebody changed the table by hand: the words say what is wrong with it, and what helps.
#[test]
fn an_altered_lease_says_what_is_wrong() {
    let url = new_url().unwrap();
    drop(open(&url, PATIENCE).unwrap());
    let free = "DELETE FROM lease; \
                INSERT INTO lease SELECT number, '', '-infinity' FROM generate_series(0, 15) AS number";
    for (altered, why) in [
        ("DELETE FROM lease WHERE shard_group = 7", "it has 15 rows"),
        (
            "INSERT INTO lease VALUES (16, 'another', '-infinity')",
            "it has a row of the group 16",
        ),
        (
            "UPDATE lease SET holder = 'another', until = 'infinity'",
            "the column `until` of the row of `another` is no time that ends",
        ),
        ("ALTER TABLE lease RENAME COLUMN until TO till", "until"),
    ] {
        sql(&url, altered).unwrap();
        let error = open(&url, Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains(why), "{altered}: {error}");
        assert!(error.contains(free), "{altered}: {error}");
        if !altered.starts_with("ALTER") {
            sql(&url, free).unwrap();
            drop(open(&url, PATIENCE).unwrap());
        }
    }
}

/// The database is told to confirm before it has synced; a trigger sees what a transaction of ours says about that.
#[test]
fn what_is_confirmed_is_synced_whatever_the_database_is_told() {
    let url = new_url().unwrap();
    drop(open(&url, PATIENCE).unwrap());
    let check = "CREATE FUNCTION is_synced() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN \
                 IF current_setting('synchronous_commit') = 'off' THEN RAISE 'it is not synced'; END IF; \
                 RETURN NEW; END $body$; \
                 CREATE TRIGGER is_synced BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION is_synced()";
    sql(&url, check).unwrap();
    let off = format!("{url}%20-csynchronous_commit%3Doff");
    let insert = "INSERT INTO outbox VALUES ('k', 'v')";
    let refused = sql(&url, &format!("SET synchronous_commit = off; {insert}")).unwrap_err();
    assert!(refused.to_string().contains("not synced"), "{refused}");
    let store = open(&off, PATIENCE).unwrap();
    commit(&store, vec![put(Table::Outbox, b"a", b"1")]).unwrap();
}
