//! The teeth of the simulation: each planted fault is found within a bounded number of seeds, and nothing without one.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_planted::simulation::{Plan, SeamFault, Tracing, run, sandbox};
use bureaucrat_sandbox::Sandbox;
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// Seeds within which a fault has to be found.
const SEEDS: u64 = 300;

/// Seeds that hold without a fault; tests/tests/simulation.rs runs far more.
const HOLD: u64 = 50;

/// The seeds that it took, and what was noticed; none when nothing was.
fn search(fault: SeamFault, sandbox: &Sandbox) -> Option<(u64, String)> {
    (0..SEEDS).find_map(|seed| {
        let plan = Plan {
            seam_fault: Some(fault),
            ..Plan::new(seed)
        };
        let failure = run(&plan, sandbox, Tracing::Off).err()?;
        Some((seed + 1, failure.what))
    })
}

#[test]
fn each_planted_fault_is_found() {
    let cache = tempfile::tempdir().unwrap();
    let sandbox = sandbox(cache.path()).unwrap();
    let next = AtomicUsize::new(0);
    let missed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(planted) = SeamFault::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match search(*planted, &sandbox) {
                        Some((seeds, what)) => {
                            let what: String = what.chars().take(150).collect();
                            println!("{:<34} {seeds:>4} seeds: {what}", format!("{planted:?}"));
                        }
                        None => missed.lock().unwrap().push(*planted),
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
    for seed in 0..HOLD {
        if let Err(failure) = run(&Plan::new(seed), &sandbox, Tracing::Off) {
            panic!("seed {seed}, step {}: {}", failure.step, failure.what);
        }
    }
}
