//! The host under the simulator: thousands of seeds, each a run with every kind of trouble.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_tests::simulation::{Plan, Tracing, run, sandbox, sweep};

/// Seeds of one run of the tests; scripts/simulate runs more.
const SEEDS: u64 = 600;
/// And those whose driver commits by itself.
const INLINE_SEEDS: u64 = 300;
/// And those with takeovers.
const SHARED_SEEDS: u64 = 120;
/// And those in which engines share the store.
const SHARING_SEEDS: u64 = 50;
/// And those in which two versions do.
const VERSIONS_SEEDS: u64 = 40;

/// Everything holds in all runs, and each of these happened more often than `most`: otherwise they prove nothing.
fn hold(plans: impl Iterator<Item = Plan>, wanted: &[&str], most: u64) {
    let cache = tempfile::tempdir().unwrap();
    let sandbox = sandbox(cache.path()).unwrap();
    let plans: Vec<_> = plans.collect();
    match sweep(&plans, &sandbox, |_| {}) {
        Err(told) => panic!("{told}"),
        Ok(report) => {
            for (what, count) in &report.counts {
                println!("{what:<40} {count:>10}");
            }
            for what in wanted {
                let count = report.counts.get(what).copied().unwrap_or(0);
                assert!(
                    count > most,
                    "the weather was too fair to prove anything: {what}, {count} times"
                );
            }
        }
    }
}

#[test]
fn nothing_is_lost_and_nothing_happens_twice_whatever_the_trouble() {
    let wanted = [
        "power cuts during a commit",
        "connections lost",
        "late answers",
        "results of calls",
        "dead letters",
    ];
    hold((0..SEEDS).map(Plan::new), &wanted, SEEDS / 2);
}

/// As on a disk of the same machine.
#[test]
fn nothing_is_lost_and_nothing_happens_twice_where_the_driver_commits() {
    let wanted = [
        "power cuts during a commit",
        "connections lost",
        "late answers",
    ];
    hold(
        (0..INLINE_SEEDS).map(Plan::inline),
        &wanted,
        INLINE_SEEDS / 2,
    );
}

/// Engines are suspended and replaced, and wake.
#[test]
fn an_engine_that_was_replaced_changes_nothing() {
    let wanted = [
        "takeovers",
        "commits of an engine that woke too late",
        "has learnt that it was replaced",
    ];
    hold((0..SHARED_SEEDS).map(Plan::shared), &wanted, SHARED_SEEDS);
}

/// Several engines share the store, and groups of shards move between them. `BUREAUCRAT_SHARING_SEEDS` asks for more seeds.
#[test]
fn nothing_is_lost_and_nothing_happens_twice_where_engines_share_the_store() {
    let seeds = std::env::var("BUREAUCRAT_SHARING_SEEDS").ok();
    let seeds = seeds.and_then(|seeds| seeds.parse().ok());
    let seeds = seeds.unwrap_or(SHARING_SEEDS);
    let wanted = [
        "beginnings with other groups",
        "engines that lost groups while suspended",
        "has learnt that it was replaced",
        "messages forwarded",
        "parts of events",
    ];
    hold((0..seeds).map(Plan::with_sharing), &wanted, seeds / 4);
}

/// Engines that share are replaced by a newer version one after another, and the format of their store is raised.
#[test]
fn nothing_is_lost_and_nothing_happens_twice_while_two_versions_share_the_store() {
    let wanted = [
        "times that the format was raised",
        "starts of a version that was too old",
        "has learnt that it was replaced",
    ];
    hold(
        (0..VERSIONS_SEEDS).map(Plan::with_versions),
        &wanted,
        VERSIONS_SEEDS / 4,
    );
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    let cache = tempfile::tempdir().unwrap();
    let sandbox = sandbox(cache.path()).unwrap();
    for seed in 0..10 {
        for plan in [Plan::new(seed), Plan::with_versions(seed)] {
            let again = || run(&plan, &sandbox, Tracing::Off).unwrap();
            assert_eq!(again(), again());
        }
    }
}

/// Launches are stored as waiting ones before they begin, and their messages acknowledged.
#[test]
fn nothing_is_lost_and_nothing_happens_twice_while_launches_wait() {
    hold(
        (0..SEEDS / 5).map(Plan::with_waiting_launches),
        &["launches stored as waiting", "power cuts during a commit"],
        SEEDS / 60,
    );
}

/// A store on another machine, such as a database, gives no answers for seconds or minutes.
#[test]
fn nothing_is_lost_and_nothing_happens_twice_while_the_store_is_away() {
    let wanted = [
        "times that the store was away",
        "commits whose answer came late",
        "commits that took effect, though they failed",
        "commits for which the store was away too long",
        "ends since the store was away",
    ];
    hold(
        (0..SEEDS / 4).map(Plan::with_store_away),
        &wanted,
        SEEDS / 60,
    );
}
