//! Checks the tests: each planted fault is found, and nothing is found without one.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_planted::{
    COPIES,
    simulation::{Plan, Tracing, run, sandbox},
};
use bureaucrat_planted_faults::{FAULTS, Fault, FoundBy, plant};
use bureaucrat_sandbox::Sandbox;
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// Seeds within which a fault must be found.
const SEEDS: u64 = 800;

/// Those of them with a store that is away, and with launches that wait, in which nothing may be found without a fault.
const AWAY: u64 = 200;

/// Seeds that found rare faults, tried before all others. A change of the simulation can make them worthless: then look
/// for others, with more `SEEDS`.
const RARE: [u64; 3] = [1_503, 1_504, 1_893];

/// The environment variable with the names of the only faults to search for, separated by commas.
const ONLY: &str = "BUREAUCRAT_FAULTS";

/// The environment variable with the first of the seeds to search in, to look for rare ones.
const FROM: &str = "BUREAUCRAT_FROM_SEED";

/// What finds a fault, by its seed.
fn plan_of(found_by: FoundBy) -> fn(u64) -> Plan {
    match found_by {
        FoundBy::Takeovers => Plan::shared,
        FoundBy::StoreAway => Plan::with_store_away,
        FoundBy::WaitingLaunches => Plan::with_waiting_launches,
        FoundBy::Inline => Plan::inline,
        FoundBy::Simulation | FoundBy::EngineTests => Plan::new,
    }
}

/// The number of seeds that it took, and what was noticed; `None` if nothing was.
fn search(fault: &Fault, sandbox: &Sandbox) -> Option<(u64, String)> {
    plant(Some(fault.name));
    let from = std::env::var(FROM).ok();
    let seeds = match from.and_then(|from| from.parse().ok()) {
        None => 0..SEEDS,
        Some(from) => from..from + SEEDS,
    };
    let plan = plan_of(fault.found_by);
    let found = RARE.into_iter().chain(seeds).find_map(|seed| {
        let failure = run(&plan(seed), sandbox, Tracing::Off).err()?;
        Some((seed, failure.what))
    });
    plant(None);
    found
}

#[test]
fn each_edit_applies() {
    let problems: Vec<_> = COPIES.iter().flat_map(|(_, told)| *told).copied().collect();
    assert!(
        problems.is_empty(),
        "edits in tests/planted/faults that do not apply any more:\n\n{}",
        problems.join("\n\n")
    );
    let applied: usize = COPIES.iter().map(|(applied, _)| applied).sum();
    let all: usize = FAULTS.iter().map(|fault| fault.edits.len()).sum();
    assert_eq!(applied, all, "an edit names a file that is not copied");
}

#[test]
fn each_fault_of_the_simulation_is_found() {
    let cache = tempfile::tempdir().unwrap();
    let sandbox = sandbox(cache.path()).unwrap();
    let is_ours = |fault: &&Fault| fault.found_by != FoundBy::EngineTests;
    let only = std::env::var(ONLY).ok();
    let is_wanted = |fault: &&Fault| {
        let names = only.as_deref().map(|only| only.split(','));
        names.is_none_or(|mut names| names.any(|name| name == fault.name))
    };
    let ours = FAULTS.iter().filter(is_ours);
    let all: Vec<_> = ours.filter(is_wanted).collect();
    assert!(!all.is_empty(), "{ONLY} names no fault");
    let next = AtomicUsize::new(0);
    let missed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(fault) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match search(fault, &sandbox) {
                        Some((seed, what)) => {
                            let what: String = what.chars().take(150).collect();
                            println!("{:<34} seed {seed:>4}: {what}", fault.name);
                        }
                        None => missed.lock().unwrap().push(fault.name),
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(
        missed.is_empty(),
        "not found within {SEEDS} seeds: {missed:?}"
    );
}

#[test]
fn nothing_is_found_where_nothing_is_planted() {
    let cache = tempfile::tempdir().unwrap();
    let sandbox = sandbox(cache.path()).unwrap();
    plant(None);
    // The same seeds, so that whatever is found elsewhere is due to the fault;
    // tests/tests/simulation.rs runs many more.
    let usual = RARE.into_iter().chain(0..SEEDS).map(Plan::new);
    let away = (0..AWAY).map(Plan::with_store_away);
    let waiting = RARE
        .into_iter()
        .chain(0..AWAY)
        .map(Plan::with_waiting_launches);
    let inline = RARE.into_iter().chain(0..AWAY).map(Plan::inline);
    for plan in usual.chain(away).chain(waiting).chain(inline) {
        if let Err(failure) = run(&plan, &sandbox, Tracing::Off) {
            panic!("{plan}, step {}: {}", failure.step, failure.what);
        }
    }
}
