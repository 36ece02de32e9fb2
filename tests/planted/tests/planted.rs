//! Checks the tests: each planted fault is found, and the same run finds nothing without it.
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

/// Seeds that found rare faults, tried before all others. A change of the simulation can make them worthless: then look
/// for others, with more `SEEDS`.
const RARE: [u64; 3] = [1_503, 1_504, 1_893];

/// Seeds that found a fault late, each tried first for its fault. A change of the simulation can make them worthless: the
/// test prints which ones to put here.
const LATE: [(&str, u64); 29] = [
    ("BulkForgetsOutcomes", 202),
    ("BulkForgottenAtStart", 50),
    ("BulkLeavesOutTheLast", 202),
    ("ChangedDoesNotContinue", 62),
    ("DetachedForgottenAtStart", 48),
    ("FencingIgnored", 12),
    ("HeldBackDropped", 24),
    ("KeptInputsAtOnce", 51),
    ("KeyClaimedWhenDurable", 22),
    ("KeyDecidedAnywhere", 78),
    ("LateTimersForgotten", 51),
    ("LaunchRepeatNotWaiting", 38),
    ("ListenerServedTwice", 51),
    ("LostProbeKept", 338),
    ("MissedInstantsLaunched", 13),
    ("ModuleNamedEarly", 117),
    ("MoveAcrossScopes", 230),
    ("OldTagOnNewChannel", 24),
    ("PartForgotten", 40),
    ("ReplacingForgotten", 34),
    ("SchedulesOfAll", 13),
    ("StaleDeliveriesKept", 32),
    ("SuspendedBecomesAnIncident", 377),
    ("SuspendedIsTriedAgain", 56),
    ("TakenBeforeDurable", 104),
    ("TimersReadTooLate", 66),
    ("TrimmedAfterSentAgain", 196),
    ("UnsentTold", 232),
    ("WithdrawnStaysAside", 60),
];

/// A seed from this one on is a late one.
const LATE_FROM: u64 = 10;

/// The environment variable with the names of the only faults to search for, separated by commas.
const ONLY: &str = "BUREAUCRAT_FAULTS";

/// The environment variable with the first of the seeds to search in, to look for rare ones.
const FROM: &str = "BUREAUCRAT_FROM_SEED";

/// What finds a fault, by its seed.
fn plan_of(found_by: FoundBy) -> fn(u64) -> Plan {
    match found_by {
        FoundBy::Takeovers => Plan::shared,
        FoundBy::Sharing => Plan::with_sharing,
        FoundBy::Versions => Plan::with_versions,
        FoundBy::StoreAway => Plan::with_store_away,
        FoundBy::WaitingLaunches => Plan::with_waiting_launches,
        FoundBy::Inline => Plan::inline,
        FoundBy::Simulation | FoundBy::EngineTests => Plan::new,
    }
}

/// The seed that found it, and what was noticed; `None` if nothing was.
fn search(fault: &Fault, sandbox: &Sandbox) -> Option<(u64, String)> {
    plant(Some(fault.name));
    let from = std::env::var(FROM).ok();
    let seeds = match from.and_then(|from| from.parse().ok()) {
        None => 0..SEEDS,
        Some(from) => from..from + SEEDS,
    };
    let plan = plan_of(fault.found_by);
    let late = LATE.iter().filter(|(name, _)| *name == fault.name);
    let first = late.map(|(_, seed)| *seed).chain(RARE);
    let found = first.chain(seeds).find_map(|seed| {
        let failure = run(&plan(seed), sandbox, Tracing::Off).err()?;
        Some((seed, failure.what))
    });
    plant(None);
    found
}

/// Whether this is the first time that the plan is tried.
fn is_new(tried: &mut Vec<Plan>, plan: &Plan) -> bool {
    let is_new = !tried.contains(plan);
    if is_new {
        tried.push(plan.clone());
    }
    is_new
}

/// Nothing may be planted on this thread.
fn finds_nothing(plan: &Plan, sandbox: &Sandbox) {
    if let Err(failure) = run(plan, sandbox, Tracing::Off) {
        panic!("{plan}, step {}: {}", failure.step, failure.what);
    }
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
fn each_fault_of_the_simulation_is_found_and_nothing_without_it() {
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
    let (tried, late) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(fault) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match search(fault, &sandbox) {
                        Some((seed, what)) => {
                            let what: String = what.chars().take(150).collect();
                            println!("{:<34} seed {seed:>4}: {what}", fault.name);
                            if (LATE_FROM..SEEDS).contains(&seed) {
                                late.lock().unwrap().push((fault.name, seed));
                            }
                            // The same code without it, once for each run.
                            let plan = plan_of(fault.found_by)(seed);
                            if is_new(&mut tried.lock().unwrap(), &plan) {
                                finds_nothing(&plan, &sandbox);
                            }
                        }
                        None => missed.lock().unwrap().push(fault.name),
                    }
                }
            });
        }
    });
    let late = late.into_inner().unwrap();
    if late.iter().any(|found| !LATE.contains(found)) {
        println!("found late, to be put into LATE: {late:?}");
    }
    let missed = missed.into_inner().unwrap();
    assert!(
        missed.is_empty(),
        "not found within {SEEDS} seeds: {missed:?}"
    );
}
