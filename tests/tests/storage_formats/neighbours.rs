//! Two versions of the engine over one database: both read what either writes, until the format is raised; from then on
//! the older one changes nothing and does not start, and the newer one reads both formats.

use super::{END, PATIENCE, put};
use bureaucrat_host::formats::{Change, Step, migrate};
use bureaucrat_store::{
    Epoch, Group, MemoryStore, Owner, ShardGroup, ShardGroups, Store, StoreError, Table, Unit,
    Verdict,
    format::{FORMAT, FORMAT_KEY, Format, Formats},
    records,
};
use bureaucrat_store_postgres::{Holder, Opening, PostgresStore, Wish, for_a_while};
use bureaucrat_tests::{
    engine::{Engine, broker_url, of_this_run},
    failing::Failing,
    operating::Operated,
    postgres::{new_url, sql},
    simulation::{NEXT, is_next, next_program},
};
use std::{sync::atomic::AtomicU64, time::Duration};

/// A lease that is never over here.
const LONG: Duration = Duration::from_secs(600);
const RAISED: &str = "2-3";

fn open(url: &str, opening: Opening) -> Result<PostgresStore, StoreError> {
    let patience = match matches!(opening, Opening::Engine(..)) {
        true => PATIENCE,
        false => Duration::ZERO,
    };
    PostgresStore::open(
        url.parse().unwrap(),
        patience,
        opening,
        &mut for_a_while(patience),
    )
}

/// A command; the session of the one before it may not have ended yet.
fn beside(url: &str, formats: Formats) -> PostgresStore {
    PostgresStore::open(
        url.parse().unwrap(),
        PATIENCE,
        Opening::Beside(formats),
        &mut for_a_while(PATIENCE),
    )
    .unwrap()
}

fn engine(url: &str, name: &str, formats: Formats) -> Result<PostgresStore, StoreError> {
    let holder = Holder {
        name: name.to_owned(),
        term: LONG,
        formats,
        queues: String::new(),
    };
    open(url, Opening::Engine(holder, Wish::Share))
}

/// Has an engine write a record, and says what became of it.
fn write(store: &dyn Store, group: u8, epoch: Epoch, number: u64) -> Verdict {
    let shard = ShardGroup::new(group).unwrap().first();
    let writes = vec![put(
        Table::Outbox,
        &[group, 0],
        &records::encode(&number).unwrap(),
    )];
    let owner = Owner::Shard(shard, epoch);
    let units = vec![Unit { owner, writes }];
    store.commit(&Group { units }).unwrap()[0]
}

fn read(store: &dyn Store, group: u8) -> Result<u64, StoreError> {
    let found = records::read(store, Table::Outbox, &[group, 0])?;
    let scanned = store.scan(Table::Outbox, &[group], &[group + 1], 10)?;
    let (key, value) = &scanned[0];
    assert_eq!(
        records::decode::<u64>(Table::Outbox, key, value)?,
        found.unwrap()
    );
    Ok(found.unwrap())
}

/// The first byte of what an engine wrote.
fn first_byte(url: &str, group: u8) -> String {
    let asked = format!("SELECT get_byte(value, 0) FROM outbox WHERE key = '\\x{group:02x}00'");
    sql(url, &asked).unwrap()
}

#[test]
fn engines_of_two_versions_share_a_database_until_its_format_is_raised() {
    let url = new_url().unwrap();
    let next = Formats::OURS.next();
    let older = engine(&url, "older", Formats::OURS).unwrap();
    let epoch = older.own(ShardGroups::ALL).unwrap();
    sql(
        &url,
        "UPDATE lease SET holder = '', until = '-infinity' WHERE shard_group > 7",
    )
    .unwrap();
    let newer = engine(&url, "newer", next).unwrap();
    let upper = newer.groups();
    assert_eq!((upper.len(), newer.format()), (8, Format::whole(FORMAT)));
    let later = newer.own(upper).unwrap();
    let format = newer.format();
    let newer = next_program(newer, format);

    // Each reads what the other one has written.
    assert_eq!(write(&older, 0, epoch, 1), Verdict::Committed);
    assert_eq!(write(&newer, 8, later, 2), Verdict::Committed);
    assert_eq!(
        (first_byte(&url, 0), first_byte(&url, 8)),
        ("1".into(), "1".into())
    );
    for store in [&older as &dyn Store, &newer] {
        assert_eq!((read(store, 0), read(store, 8)), (Ok(1), Ok(2)));
    }

    // A command of the older version has nothing to raise; one of the newer version fences everybody.
    let ours = open(&url, Opening::Beside(Formats::OURS)).unwrap();
    assert_eq!(ours.raise().unwrap(), Format::whole(FORMAT));
    let command = open(&url, Opening::Beside(next)).unwrap_err();
    assert!(matches!(command, StoreError::Locked { .. }), "{command}");
    drop(ours);
    let command = beside(&url, next);
    assert_eq!(command.raise().unwrap().to_string(), RAISED);
    for verdict in [write(&older, 0, epoch, 3), write(&newer, 8, later, 3)] {
        assert!(matches!(verdict, Verdict::Fenced { .. }), "{verdict:?}");
    }
    // Who opened it before, and takes groups after that, would use it in the wrong format.
    let refused = older.own(older.groups()).unwrap_err();
    assert!(matches!(refused, StoreError::Fenced { .. }), "{refused}");

    drop((older, newer, command));
    let refused = engine(&url, "older", Formats::OURS).unwrap_err();
    assert!(refused.to_string().contains("a newer engine"), "{refused}");
    let newer = engine(&url, "newer", next).unwrap();
    assert_eq!(newer.format().to_string(), RAISED);
    let epoch = newer.own(newer.groups()).unwrap();
    let format = newer.format();
    let newer = next_program(newer, format);
    assert_eq!((read(&newer, 0), read(&newer, 8)), (Ok(1), Ok(2)));
    assert_eq!(write(&newer, 8, epoch, 4), Verdict::Committed);
    assert_eq!((read(&newer, 0), read(&newer, 8)), (Ok(1), Ok(4)));
    assert_ne!(first_byte(&url, 8), "1");
    // It was raised already.
    let again = beside(&url, next);
    assert_eq!(again.raise().unwrap().to_string(), RAISED);
}

/// Records that were left when the format was raised are brought to it by a migration, however often that is interrupted.
#[test]
fn a_migration_upgrades_the_records_that_were_left() {
    let step = Step {
        from: FORMAT,
        what: "records differ",
        change: Change::Records(NEXT),
    };
    let made = || {
        let store = MemoryStore::new();
        let raised = Format::whole(FORMAT).raised().unwrap();
        let mut writes = vec![put(Table::Meta, FORMAT_KEY, &raised.record())];
        let tables = [Table::Programs, Table::Instances, Table::AuditLog];
        for (table, number) in tables
            .into_iter()
            .flat_map(|table| (0..300_u32).map(move |number| (table, number)))
        {
            let mut value = records::encode(&number).unwrap();
            if number % 3 == 0 && table != Table::Programs {
                value = (NEXT.upgrade)(table, &[], value).unwrap();
            }
            writes.push(put(table, &number.to_be_bytes(), &value));
        }
        let units = vec![Unit::of(writes)];
        store.commit(&Group { units }).unwrap();
        store
    };
    let whole = made();
    migrate(&whole, &[step], FORMAT + 1, |_, _| {}).unwrap();
    assert_eq!(
        whole.get(Table::Meta, FORMAT_KEY).unwrap().unwrap(),
        Format::whole(FORMAT + 1).record()
    );
    for (table, _, value) in whole.dump() {
        let is_wanted = matches!(table, Table::Instances | Table::AuditLog);
        assert_eq!(is_next(table, &value), is_wanted, "{table:?}");
        if is_wanted {
            let ours = (NEXT.downgrade)(table, &[], value).unwrap();
            assert!(records::decode::<u32>(table, &[], &ours).is_ok());
        }
    }
    let store = made();
    let mut interrupted = 0;
    loop {
        let failing = Failing {
            inside: &store,
            left: &AtomicU64::new(1),
            damaged: None,
        };
        match migrate(&failing, &[step], FORMAT + 1, |_, _| {}) {
            Ok(_) => break,
            Err(_) => interrupted += 1,
        }
    }
    assert!(interrupted > 20, "{interrupted}");
    assert!(store.dump() == whole.dump());
    assert_eq!(
        store
            .scan(Table::Instances, &[], &END, 1_000)
            .unwrap()
            .len(),
        300
    );
}

#[test]
fn the_command_says_that_there_is_nothing_to_raise() {
    let mut operated = Operated::new("sto-online", &[]).unwrap();
    operated.start().unwrap();
    let storage = operated.engine.storage().to_owned();
    let storage = storage.to_str().unwrap();
    let words = operated.leaves_with(2, &["store", "migrate", "--online", storage]);
    assert!(
        words.as_ref().unwrap().contains("in a database"),
        "{words:?}"
    );
    operated.end().unwrap();
    let (url, folder) = (new_url().unwrap(), operated.path("in a database"));
    std::fs::create_dir(&folder).unwrap();
    let prefix = of_this_run("sto-online-database");
    operated.engine =
        Engine::new(&broker_url().unwrap(), &folder, &prefix, &[]).with_database(Some(url));
    let words = operated.leaves_with(2, &["store", "migrate", "--online"]);
    assert!(
        words.as_ref().unwrap().contains("there are no records"),
        "{words:?}"
    );
    operated.start().unwrap();
    let words = operated.leaves_with(0, &["store", "migrate", "--online"]);
    assert!(
        words.as_ref().unwrap().contains("nothing to do"),
        "{words:?}"
    );
    let report = operated
        .json(0, &["store", "migrate", "--online", "--json"])
        .unwrap();
    assert_eq!(report["format"], FORMAT);
    operated.leaves_with(0, &["list"]).unwrap();
    operated.end().unwrap();
}
