//! Runs the engine's own tests over the copy of the engine, and checks that they find each of their
//! faults.
//!
//! The tests are those of the original, included here. For each fault they run in a separate
//! process, in which the environment plants the fault.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../runtime/engine/tests/evidence.rs"]
mod evidence;
#[path = "../../../runtime/engine/tests/instructions.rs"]
mod instructions;
#[path = "../../../runtime/engine/tests/laws/main.rs"]
mod laws;

use bureaucrat_planted_faults::{FAULTS, Fault, FoundBy, VARIABLE};
use std::{
    env,
    process::{Command, Output},
};

/// Seconds after which tests count as failed: a fault may make them run forever.
const SECONDS: &str = "20";

/// The exit code of `timeout` when the time is over.
const TIMED_OUT: i32 = 124;

/// Runs the tests of a module with a fault planted; proptest always draws the same cases and
/// shrinks none.
fn run(tests: &str, fault: &Fault) -> Output {
    Command::new("timeout")
        .arg(SECONDS)
        .arg(env::current_exe().unwrap())
        .arg(tests)
        .env(VARIABLE, fault.name)
        .env("PROPTEST_RNG_SEED", "1")
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .output()
        .unwrap()
}

/// The first test that failed.
fn failed(output: &Output) -> Option<String> {
    if output.status.code() == Some(TIMED_OUT) {
        return Some(format!("they did not end within {SECONDS} s"));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.ends_with("... FAILED"))?;
    Some(line.to_owned())
}

#[test]
fn each_fault_of_the_engine_is_found() {
    let is_ours = |fault: &&Fault| fault.found_by == FoundBy::EngineTests;
    let mut missed = Vec::new();
    for fault in FAULTS.iter().filter(is_ours) {
        let found = ["instructions::", "laws::", "evidence::"]
            .into_iter()
            .find_map(|tests| failed(&run(tests, fault)));
        match found {
            Some(test) => println!("{:<34} {test}", fault.name),
            None => missed.push(fault.name),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
