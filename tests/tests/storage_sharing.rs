//! Several engines over one schema of PostgreSQL: how they share its groups, what becomes of the groups of one that falls
//! silent, and that commits of all of them count exactly as long as their groups are theirs.
#![allow(clippy::unwrap_used)]

#[path = "storage_sharing/commits.rs"]
mod commits;

use bureaucrat_store::{
    Epoch, Group, Owner, ShardGroup, ShardGroups, Store, StoreError, Table, Unit, Verdict, Write,
    format::Formats, lock,
};
use bureaucrat_store_postgres::{Change, Holder, Opening, PostgresStore, Wish, for_a_while};
use bureaucrat_tests::postgres::{new_url, sql};
use std::{
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// A lease that is over soon, and one that is never over here.
const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(600);
/// Gives the groups back that are not among the first eight.
const FREE_UPPER: &str = "UPDATE lease SET holder = '', until = '-infinity' WHERE shard_group > 7";

fn opening(name: &str, term: Duration, wish: Wish) -> Opening {
    Opening::Engine(holder(name, term), wish)
}

fn holder(name: &str, term: Duration) -> Holder {
    Holder {
        name: name.to_owned(),
        term,
        formats: Formats::OURS,
        queues: String::new(),
    }
}

fn open(url: &str, opening: Opening, patience: Duration) -> Result<PostgresStore, StoreError> {
    PostgresStore::open(
        url.parse().unwrap(),
        patience,
        opening,
        &mut for_a_while(patience),
    )
}

fn sharing(url: &str, name: &str, term: Duration) -> PostgresStore {
    open(url, opening(name, term, Wish::Share), PATIENCE).unwrap()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: it does not happen");
        thread::sleep(Duration::from_millis(10));
    }
}

fn put(table: Table, key: &[u8]) -> Write {
    Write::Put {
        table,
        key: key.to_vec(),
        value: key.to_vec(),
    }
}

fn owned(group: ShardGroup, epoch: Epoch, writes: Vec<Write>) -> Unit {
    let owner = Owner::Shard(group.first(), epoch);
    Unit { owner, writes }
}

fn group(number: u8) -> ShardGroup {
    ShardGroup::new(number).unwrap()
}

/// An engine that shares, and opens its records again whenever its lease says so.
struct Engine {
    url: String,
    name: &'static str,
    store: Mutex<Option<Arc<PostgresStore>>>,
    is_ending: AtomicBool,
}

impl Engine {
    fn new(url: &str, name: &'static str) -> Self {
        Self {
            url: url.to_owned(),
            name,
            store: Mutex::new(None),
            is_ending: AtomicBool::new(false),
        }
    }

    fn run(&self) {
        loop {
            let opened = PostgresStore::open(
                self.url.parse().unwrap(),
                PATIENCE,
                opening(self.name, SHORT, Wish::Share),
                &mut |_| match self.is_ending.load(Ordering::Acquire) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                },
            );
            let Ok(store) = opened else {
                assert!(self.is_ending.load(Ordering::Acquire), "{opened:?}");
                return;
            };
            store.own(store.groups()).unwrap();
            let store = Arc::new(store);
            *lock(&self.store) = Some(store.clone());
            let changed = store.lease().unwrap().changed();
            *lock(&self.store) = None;
            match changed {
                // A machine that is busy may keep it from renewing in time.
                Some(Change::Unbalanced | Change::Lost(_)) => {}
                None => return,
            }
        }
    }

    fn groups(&self) -> ShardGroups {
        let store = lock(&self.store);
        store
            .as_ref()
            .map(|store| store.groups())
            .unwrap_or_default()
    }

    fn end(&self) {
        self.is_ending.store(true, Ordering::Release);
        if let Some(store) = &*lock(&self.store) {
            store.lease().unwrap().release();
        }
    }
}

/// Waits until engines have so many groups, and all of them together, each once.
fn until_shared(engines: &[&Engine], mut sizes: Vec<usize>) {
    sizes.sort_unstable();
    until(&format!("{sizes:?}"), || {
        let groups: Vec<ShardGroups> = engines.iter().map(|engine| engine.groups()).collect();
        let mut found: Vec<usize> = groups.iter().map(|groups| groups.len()).collect();
        found.sort_unstable();
        let all: ShardGroups = groups.iter().flat_map(|groups| groups.iter()).collect();
        found == sizes && all == ShardGroups::ALL
    });
}

#[test]
fn an_engine_does_not_share_over_other_queues_than_the_others() {
    let url = new_url().unwrap();
    let first = sharing(&url, "a", LONG);
    let elsewhere = || {
        let queues = "other.shards in /".to_owned();
        let holder = Holder {
            queues,
            ..holder("b", LONG)
        };
        open(&url, Opening::Engine(holder, Wish::Share), PATIENCE)
    };
    let refused = elsewhere().unwrap_err().to_string();
    let expected =
        "the engine a shares it over the queues ``, and this one would over `other.shards in /`";
    assert!(refused.contains(expected), "{refused}");
    // It has left nothing that others would leave room for.
    assert_eq!(sql(&url, "SELECT holder FROM engines").unwrap(), "a");
    first.lease().unwrap().release();
    drop(first);
    assert_eq!(elsewhere().unwrap().groups(), ShardGroups::ALL);
}

#[test]
fn engines_have_equal_shares_as_they_come_and_go() {
    let url = new_url().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| Engine::new(&url, name));
    thread::scope(|scope| {
        scope.spawn(|| a.run());
        until_shared(&[&a], vec![16]);
        scope.spawn(|| b.run());
        until_shared(&[&a, &b], vec![8, 8]);
        scope.spawn(|| c.run());
        until_shared(&[&a, &b, &c], vec![6, 5, 5]);
        // Who ends in order leaves its groups to both others.
        c.end();
        until_shared(&[&a, &b], vec![8, 8]);
        b.end();
        until_shared(&[&a], vec![16]);
        a.end();
    });
    // Nobody has anything now, and no engine is left that others would leave room for.
    let left =
        "SELECT count(*) FROM lease WHERE holder <> '' UNION ALL SELECT count(*) FROM engines";
    assert_eq!(sql(&url, left).unwrap(), "0\n0");
}

#[test]
fn the_groups_of_an_engine_that_dies_are_divided_among_the_others() {
    let url = new_url().unwrap();
    let [a, b] = ["a", "b"].map(|name| Engine::new(&url, name));
    thread::scope(|scope| {
        scope.spawn(|| a.run());
        scope.spawn(|| b.run());
        until_shared(&[&a, &b], vec![8, 8]);
        let dies = sharing(&url, "c", SHORT);
        let had = dies.groups();
        let epoch = dies.own(had).unwrap();
        assert!((1..=6).contains(&had.len()), "{had:?}");
        drop(dies);
        until_shared(&[&a, &b], vec![8, 8]);
        // It comes back later than its lease, and has nothing of its own then.
        a.end();
        b.end();
        let back = sharing(&url, "c", SHORT);
        assert!(back.own(back.groups()).unwrap() > epoch);
    });
}

#[test]
fn who_wants_all_waits_for_those_that_share_and_the_other_way_round() {
    let url = new_url().unwrap();
    let all = opening("all", LONG, Wish::All);
    let first = sharing(&url, "a", LONG);
    let refused = open(&url, all.clone(), Duration::ZERO).unwrap_err();
    assert!(
        refused.to_string().contains("the engine a has them"),
        "{refused}"
    );
    // A command would write below their feet.
    let refused = open(&url, Opening::Check, Duration::ZERO).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    first.lease().unwrap().release();
    let all = open(&url, all, PATIENCE).unwrap();
    assert_eq!(all.groups(), ShardGroups::ALL);
    all.own(ShardGroups::ALL).unwrap();
    let second = opening("a", LONG, Wish::Share);
    drop(first);
    let refused = open(&url, second.clone(), Duration::from_secs(1)).unwrap_err();
    assert!(
        refused.to_string().contains("the engine all has them"),
        "{refused}"
    );
    all.lease().unwrap().release();
    let second = open(&url, second, PATIENCE).unwrap();
    assert_eq!(second.groups(), ShardGroups::ALL);
}

/// Two engines with eight groups each, though the first one does not know that it has lost the others.
fn two(url: &str) -> [(PostgresStore, Epoch); 2] {
    let first = sharing(url, "a", LONG);
    let epoch = first.own(ShardGroups::ALL).unwrap();
    sql(url, FREE_UPPER).unwrap();
    let second = sharing(url, "b", LONG);
    let upper: ShardGroups = (8..16).map(group).collect();
    assert_eq!(second.groups(), upper);
    let later = second.own(upper).unwrap();
    [(first, epoch), (second, later)]
}

#[test]
fn a_group_is_taken_over_only_by_who_has_its_lease() {
    let url = new_url().unwrap();
    let [(first, _), (second, later)] = two(&url);
    // It woke, and has not noticed that others are further.
    let refused = first.own(ShardGroups::ALL).unwrap_err();
    assert!(
        matches!(refused, StoreError::Fenced { present } if present == later.0),
        "{refused}"
    );
    let units = vec![owned(group(8), later, vec![put(Table::Outbox, b"k")])];
    assert_eq!(
        second.commit(&Group { units }).unwrap(),
        [Verdict::Committed]
    );
    // A command comes when nobody has anything, and has no lease.
    first.lease().unwrap().release();
    second.lease().unwrap().release();
    drop((first, second));
    let command = open(&url, Opening::Filling, PATIENCE).unwrap();
    assert_eq!(command.groups(), ShardGroups::ALL);
    assert!(command.own(ShardGroups::ALL).unwrap() > later);
}

/// What all of them share must not be made twice.
#[test]
fn new_records_are_made_by_one_engine() {
    let url = new_url().unwrap();
    let first = sharing(&url, "a", LONG);
    sql(&url, FREE_UPPER).unwrap();
    let second = || opening("b", LONG, Wish::Share);
    let refused = open(&url, second(), Duration::from_secs(1)).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    first.own((0..8).map(group).collect()).unwrap();
    let second = open(&url, second(), PATIENCE).unwrap();
    assert_eq!(second.groups(), (8..16).map(group).collect());
}

#[test]
fn an_engine_that_lost_some_groups_should_open_again() {
    let url = new_url().unwrap();
    let engine = sharing(&url, "a", SHORT);
    engine.own(engine.groups()).unwrap();
    let taken = "UPDATE lease SET holder = 'b', until = clock_timestamp() + interval '1 hour' \
                 WHERE shard_group = 3";
    sql(&url, taken).unwrap();
    let lease = engine.lease().unwrap();
    assert_eq!(lease.changed(), Some(Change::Unbalanced));
    assert!(!lease.holds());
    drop(engine);
    let engine = sharing(&url, "a", SHORT);
    assert_eq!(engine.groups(), ShardGroups::ALL.without(group(3)));
}
