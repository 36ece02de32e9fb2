//! Migrations of a store from format to format: interrupted at every commit, they end with the same records, and no
//! engine uses half of one. The steps are made up, since no older format was released.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "storage_formats/neighbours.rs"]
mod neighbours;

use anyhow::Result;
use bureaucrat_host::formats::{Change, MigrationError, Portion, Step, migrate, plan};
use bureaucrat_store::{
    Group, Row, Store, StoreError, Table, Unit, Write,
    format::{FORMAT, FORMAT_KEY},
    holds::{Access, HOLD_KEY, Hold},
    keys, records,
};
use bureaucrat_store_postgres::{Address, Opening, PostgresStore, for_a_while};
use bureaucrat_store_rocksdb::{LostTail, RocksStore, StoreMemory};
use bureaucrat_tests::{
    failing::Failing,
    operating::Operated,
    postgres::{new_address, sql},
};
use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

const END: [u8; 80] = [u8::MAX; 80];
const PATIENCE: Duration = Duration::from_secs(30);
/// Rows of a portion.
const ROWS: usize = 7;

const STEPS: [Step; 2] = [
    Step {
        from: 0,
        what: "keys of `seen` begin with their length",
        change: Change::Portions(lengthen),
    },
    Step {
        from: 1,
        what: "messages have a mark",
        change: Change::Portions(mark),
    },
];

fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write::Put {
        table,
        key: key.to_vec(),
        value: value.to_vec(),
    }
}

/// Moves each row to another key of the same table, behind those that are there.
fn lengthen(store: &dyn Store, place: &[u8]) -> Result<Portion, StoreError> {
    let rows = store.scan(Table::Seen, place, &[0x80], ROWS)?;
    let next = (rows.len() == ROWS).then(|| keys::successor(&rows[ROWS - 1].0));
    let mut writes = Vec::new();
    for (key, value) in rows {
        let length = u8::try_from(key.len()).unwrap();
        writes.push(put(
            Table::Seen,
            &[&[0x80, length], key.as_slice()].concat(),
            &value,
        ));
        writes.push(Write::Delete {
            table: Table::Seen,
            key,
        });
    }
    Ok(Portion { writes, next })
}

/// Would mark a record twice if it ran twice over it.
fn mark(store: &dyn Store, place: &[u8]) -> Result<Portion, StoreError> {
    let rows = store.scan(Table::Outbox, place, &END, ROWS)?;
    let next = (rows.len() == ROWS).then(|| keys::successor(&rows[ROWS - 1].0));
    let marked = |(key, value): Row| put(Table::Outbox, &key, &[value.as_slice(), b"!"].concat());
    let writes = rows.into_iter().map(marked).collect();
    Ok(Portion { writes, next })
}

/// A store that can be closed and opened again.
enum Place {
    Folder(PathBuf),
    Database(Box<Address>),
}

impl Place {
    fn open(&self, access: Access) -> Result<Box<dyn Store>, StoreError> {
        Ok(match self {
            Self::Folder(path) => {
                let memory = StoreMemory::default();
                Box::new(RocksStore::open_for(
                    path,
                    LostTail::Refuse,
                    memory,
                    access,
                )?)
            }
            Self::Database(address) => {
                let opening = match access {
                    Access::Use => Opening::Filling,
                    Access::Check => Opening::Check,
                    Access::Upkeep => Opening::Upkeep,
                };
                Box::new(PostgresStore::open(
                    (**address).clone(),
                    PATIENCE,
                    opening,
                    &mut for_a_while(PATIENCE),
                )?)
            }
        })
    }

    /// Records in the oldest format.
    fn fill(&self) {
        let store = self.open(Access::Use).unwrap();
        let mut writes = vec![put(Table::Meta, FORMAT_KEY, b"0")];
        for number in 0..30_u8 {
            writes.push(put(Table::Seen, &[number, 1], &[number]));
            writes.push(put(Table::Outbox, &[number], b"message"));
        }
        let units = vec![Unit::of(writes)];
        store.commit(&Group { units }).unwrap();
    }

    /// All records but the one that says nothing new.
    fn rows(&self, access: Access) -> Vec<(Table, Vec<Row>)> {
        let store = self.open(access).unwrap();
        [Table::Meta, Table::Seen, Table::Outbox]
            .map(|table| (table, store.scan(table, &[], &END, 1_000).unwrap()))
            .into()
    }
}

fn everything_is_migrated(make: impl Fn() -> Place) {
    let whole = make();
    whole.fill();
    let store = whole.open(Access::Upkeep).unwrap();
    let mut portions = Vec::new();
    let done = migrate(&*store, &STEPS, FORMAT, |step, portion| {
        portions.push((step.from, portion));
    });
    assert_eq!(done.unwrap().len(), 2);
    assert_eq!(portions.len(), 10, "{portions:?}");
    drop(store);
    let expected = whole.rows(Access::Use);
    let seen = &expected[1].1;
    assert!(seen.len() == 30 && seen.iter().all(|(key, _)| key.starts_with(&[0x80, 2])));
    assert!(expected[2].1.iter().all(|(_, value)| value == b"message!"));

    // The same, interrupted after each commit.
    let place = make();
    place.fill();
    let mut commits = 0;
    loop {
        let Err(refused) = place.open(Access::Use) else {
            break;
        };
        let words = refused.to_string();
        assert!(words.contains("bureaucrat store migrate"), "{words}");
        let inside = place.open(Access::Upkeep).unwrap();
        let store = Failing {
            inside: &*inside,
            left: &AtomicU64::new(1),
            damaged: None,
        };
        commits += 1;
        match migrate(&store, &STEPS, FORMAT, |_, _| {}) {
            Ok(_) => assert_eq!(commits, 10),
            Err(error) => {
                assert!(
                    matches!(error, MigrationError::Store(StoreError::Write(_))),
                    "{error}"
                );
                let hold: Option<Hold> = records::read(&store, Table::Meta, HOLD_KEY).unwrap();
                let is_between = commits == 5;
                assert_eq!(hold.is_none(), is_between, "after {commits}: {hold:?}");
            }
        }
    }
    assert_eq!(commits, 10);
    assert!(place.rows(Access::Use) == expected);
}

#[test]
fn a_migration_that_is_interrupted_continues_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicU64::new(0);
    everything_is_migrated(|| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        Place::Folder(folder.path().join(number.to_string()))
    });
}

#[test]
fn a_migration_that_is_interrupted_continues_in_a_database() {
    everything_is_migrated(|| Place::Database(Box::new(new_address().unwrap())));
}

#[test]
fn a_plan_has_each_step_or_names_the_one_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Folder(folder.path().join("it"));
    place.fill();
    let store = place.open(Access::Upkeep).unwrap();
    let (steps, at) = plan(&*store, &STEPS, FORMAT).unwrap();
    let from: Vec<u8> = steps.iter().map(|step| step.from).collect();
    assert_eq!((from, at), (vec![0, 1], vec![]));
    let missing = plan(&*store, &STEPS[..1], FORMAT).unwrap_err();
    assert_eq!(missing, MigrationError::NoStep { from: 1 });
    // A step that is missing later is noticed before the first one runs.
    let refused = migrate(&*store, &STEPS[..1], FORMAT, |_, _| {}).unwrap_err();
    assert_eq!(refused, missing);
    drop(store);
    assert_eq!(place.rows(Access::Upkeep)[0].1[0].1, b"0");
}

/// A table that came with a later format is made when an older schema is opened for its migration.
#[test]
fn tables_that_are_missing_are_made() {
    let url = bureaucrat_tests::postgres::new_url().unwrap();
    let place = Place::Database(Box::new(url.parse().unwrap()));
    place.fill();
    sql(&url, "DROP TABLE bulk_outcomes").unwrap();
    let store = place.open(Access::Upkeep).unwrap();
    assert_eq!(store.scan(Table::BulkOutcomes, &[], &END, 1).unwrap(), []);
}

#[test]
fn an_engine_says_what_to_do_about_another_format() -> Result<()> {
    let mut operated = Operated::new("sto-formats", &[])?;
    operated.start()?;
    operated.end()?;
    let storage = operated.engine.storage();
    let storage = storage.to_str().unwrap();
    let written = |writes: Vec<Write>| -> Result<()> {
        let (memory, access) = (StoreMemory::default(), Access::Upkeep);
        let store = RocksStore::open_for(&operated.state(), LostTail::Refuse, memory, access)?;
        let units = vec![Unit::of(writes)];
        store.commit(&Group { units })?;
        Ok(())
    };
    let formatted = |format: &str| written(vec![put(Table::Meta, FORMAT_KEY, format.as_bytes())]);
    let words = operated.leaves_with(0, &["store", "migrate"])?;
    assert!(words.contains("nothing to do"), "{words}");
    let report = operated.json(0, &["store", "migrate", storage, "--dry-run", "--json"])?;
    assert_eq!(report["steps"], serde_json::json!([]));
    assert_eq!(
        (&report["format"], &report["dry_run"]),
        (&FORMAT.into(), &true.into())
    );

    let hold = Hold::Migrating {
        to: FORMAT,
        place: b"here".to_vec(),
    };
    written(vec![bureaucrat_store::holds::put(&hold)?])?;
    let fsck = operated.leaves_with(2, &["fsck", storage])?;
    assert!(
        fsck.contains("run `bureaucrat store migrate` again"),
        "{fsck}"
    );
    written(vec![bureaucrat_store::holds::remove()])?;

    formatted("1")?;
    let no_step = operated.leaves_with(1, &["store", "migrate", storage])?;
    assert!(
        no_step.contains("no step leads on from format 1"),
        "{no_step}"
    );
    let older = operated.leaves_with(2, &["fsck", storage])?;
    assert!(
        older.contains("`bureaucrat store migrate` brings it"),
        "{older}"
    );
    formatted("3")?;
    let newer = "a newer engine is needed";
    for arguments in [["store", "migrate", storage].as_slice(), &["fsck", storage]] {
        let words = operated.leaves_with(2, arguments)?;
        assert!(words.contains(newer), "{words}");
    }
    operated.engine.start()?;
    assert_eq!(operated.engine.ended(PATIENCE)?, 1);
    assert!(operated.engine.log().contains(newer));
    Ok(())
}
