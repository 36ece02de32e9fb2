//! What is not copied, and in which words; and records that continue where they were after all.

use super::{Schema, copied, copy, populated, run};
use bureaucrat_host::HostConfig;
use bureaucrat_store::{
    EPOCH_KEY, Group, Owner, ShardGroups, ShardId, Store, StoreError, Table, Unit, Write,
    holds::{self, Hold},
    records,
};
use bureaucrat_store_postgres::PostgresStore;
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::postgres::{disconnect, filled};
use std::{fs, path::Path};

#[test]
fn what_cannot_be_copied_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let storage = populated(&folder);
    let schema = Schema::new(home);
    let missing = home.join("missing").to_str().unwrap().to_owned();
    let password = schema.password.to_str().unwrap();
    let wrong = home.join("wrong");
    fs::write(&wrong, "no").unwrap();
    let wrong = wrong.to_str().unwrap();
    for (from, to, more, why) in [
        (
            missing.as_str(),
            storage.as_str(),
            vec![],
            "there is no storage in",
        ),
        (&storage, &storage, vec![], "are the same"),
        (&storage, "", vec![], "TO: it names no folder"),
        (
            "mysql://a@b/c",
            &storage,
            vec![],
            "FROM: it must be postgres://",
        ),
        (
            &storage,
            "postgres://a@b",
            vec![],
            "TO: it names no database",
        ),
        (
            &storage,
            &schema.url,
            vec![],
            "every user of this machine can see a password",
        ),
        (
            &storage,
            &missing,
            vec!["--to-password-file", password],
            "a folder has no password",
        ),
        (
            &storage,
            &schema.plain,
            vec!["--to-password-file", wrong],
            "password",
        ),
        (
            &storage,
            &schema.plain,
            vec!["--to-password-file", "nowhere"],
            "cannot read nowhere",
        ),
        (
            &schema.plain,
            &storage,
            vec!["--from-password-file", password],
            "no records",
        ),
        (&storage, "postgres://a@127.0.0.1:1/b", vec![], "refused"),
        (&storage, &missing, vec!["--again"], "there is no storage"),
    ] {
        let words = run(home, 2, &copy(from, to, &more));
        assert!(words.contains(why), "{from} {to}: {words}");
    }
    // In a setting it is the same failure: 1 would be a finding.
    let words = run(home, 2, &["fsck", "--store", &schema.url]);
    assert!(words.contains("can see a password"), "{words}");
    assert!(!Path::new(&missing).exists(), "nothing is made for nothing");
    // Not empty: nothing of it is removed.
    let other = tempfile::tempdir().unwrap();
    let other_storage = populated(&other);
    for more in [vec![], vec!["--again"]] {
        let words = run(home, 1, &copy(&storage, &other_storage, &more));
        let why = if more.is_empty() {
            "is not empty"
        } else {
            "has no unfinished copy"
        };
        assert!(words.contains(why), "{words}");
    }
    run(home, 0, &["fsck", &other_storage]);
    run(home, 0, &["fsck", &storage]);
}

#[test]
fn a_block_that_cannot_be_read_is_refused_and_a_record_that_does_not_decode_goes_along() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let storage = populated(&folder);
    let state = Path::new(&storage).join("state");
    let store = RocksStore::open(&state).unwrap();
    let (key, _) = store
        .scan(Table::History, &[], &[255; 80], 1)
        .unwrap()
        .remove(0);
    let (table, value) = (Table::History, b"\x01\xc1nothing".to_vec());
    let units = vec![Unit::of(vec![Write::Put { table, key, value }])];
    store.commit(&Group { units }).unwrap();
    drop(store);
    let to = home.join("to").to_str().unwrap().to_owned();
    copied(home, &storage, &to, &[]);
    let of = |storage: &str| run(home, 1, &["fsck", "--json", storage]);
    let strip = |text: String| {
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        report["findings"].clone()
    };
    let findings = strip(of(&to));
    assert_eq!(findings, strip(of(&storage)));
    assert!(findings[0]["table"] == "history", "{findings}");

    // Opening writes what the log holds into files.
    run(home, 0, &["store", "reopen", &storage]);
    drop(RocksStore::open(&state).unwrap());
    let file = fs::read_dir(&state)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "sst"))
        .find(|path| {
            let bytes = fs::read(path).unwrap();
            bytes.windows(9).any(|part| part == b"instances")
        })
        .unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 2;
    fs::write(file, bytes).unwrap();
    let elsewhere = home.join("elsewhere").to_str().unwrap().to_owned();
    let words = run(home, 1, &copy(&storage, &elsewhere, &[]));
    assert!(words.contains("fsck --repair"), "{words}");
    let words = run(home, 2, &["fsck", &elsewhere]);
    assert!(words.contains("unfinished copy"), "{words}");
}

/// An engine that only lost its connection while the records were copied, and comes back later.
#[test]
fn an_engine_that_comes_back_after_the_copy_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let schema = Schema::new(home);
    let engine = filled(&schema.url).unwrap();
    let epoch = engine.own(ShardGroups::ALL).unwrap();
    let commit = |engine: &PostgresStore, number: u8| {
        let owner = Owner::Shard(ShardId(1), epoch);
        let (table, key, value) = (Table::Outbox, vec![number], vec![number]);
        let writes = vec![Write::Put { table, key, value }];
        let units = vec![Unit { owner, writes }];
        engine.commit(&Group { units })
    };
    commit(&engine, 1).unwrap();
    disconnect(&schema.url).unwrap();
    let to = home.join("to").to_str().unwrap().to_owned();
    let password = schema.password.to_str().unwrap();
    let report = copied(
        home,
        &schema.plain,
        &to,
        &["--from-password-file", password],
    );
    assert_eq!(report["tables"]["outbox"]["records"], 1);
    let refused = commit(&engine, 2).unwrap_err();
    assert!(matches!(refused, StoreError::Fenced { .. }), "{refused}");
}

#[test]
fn records_that_were_copied_continue_here_only_when_somebody_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let storage = populated(&folder);
    let state = Path::new(&storage).join("state");
    let epoch = |state: &Path| -> u64 {
        let store = RocksStore::open(state).unwrap();
        records::read(&store, Table::Meta, EPOCH_KEY)
            .unwrap()
            .unwrap()
    };
    let before = epoch(&state);
    let words = run(home, 1, &["store", "reopen", &storage]);
    assert!(words.contains("were not copied"), "{words}");
    let to = home.join("to").to_str().unwrap().to_owned();
    copied(home, &storage, &to, &[]);
    let refused = RocksStore::open(&state).unwrap_err().to_string();
    assert!(
        refused.contains(&to) && refused.contains("store reopen"),
        "{refused}"
    );
    // It can be looked at, and is not repaired.
    run(home, 0, &["fsck", &storage]);
    run(home, 2, &["fsck", "--repair", &storage]);
    let words = run(home, 0, &["store", "reopen", &storage]);
    assert!(words.contains("can use the records again"), "{words}");
    // What the copy may have drawn since is not drawn again.
    assert!(epoch(&state) > before + 1_000_000);
    let store = RocksStore::open(&state).unwrap();
    let audit = bureaucrat_host::audit::audit(&store, &HostConfig::default()).unwrap();
    assert!(audit.is_clean(), "{:?}", audit.findings);
}

/// The copy was killed after it had marked the source, and before it had freed the target.
#[test]
fn a_copy_that_was_killed_at_its_very_end_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let storage = populated(&folder);
    let to = home.join("to").to_str().unwrap().to_owned();
    let first = copied(home, &storage, &to, &[]);
    let target = Path::new(&to).join("state");
    let hold = |hold: &Hold| {
        let store = RocksStore::open(&target).unwrap();
        let units = vec![Unit::of(vec![holds::put(hold).unwrap()])];
        store.commit(&Group { units }).unwrap();
    };
    hold(&Hold::Unfinished {
        from: first["from"].as_str().unwrap().to_owned(),
    });
    // Neither can be used, nor copied to another place.
    let other = home.join("other").to_str().unwrap().to_owned();
    run(home, 2, &["fsck", &to]);
    assert!(run(home, 2, &copy(&storage, &other, &[])).contains("store reopen"));
    assert!(run(home, 2, &copy(&storage, &other, &["--again"])).contains("no storage"));
    let again = copied(home, &storage, &to, &["--again"]);
    assert_eq!(again["tables"], first["tables"]);
    run(home, 0, &["fsck", &to]);
    // It was finished, so an engine may have used it: it is not begun again.
    assert!(run(home, 1, &copy(&storage, &to, &["--again"])).contains("no unfinished copy"));
    assert!(run(home, 2, &copy(&storage, &to, &[])).contains("store reopen"));
}
