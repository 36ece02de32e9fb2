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
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
};

/// Seconds of processor time after which tests count as failed: a fault may make them run forever.
const SECONDS: u64 = 60;

/// The signal that ends a process then, on Linux.
const SIGXCPU: i32 = 24;

/// Runs the tests of a module with a fault planted, until one of them fails; that one. Proptest always draws the same cases
/// and shrinks none.
fn failed(tests: &str, fault: &Fault) -> Option<String> {
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -t {SECONDS}; exec \"$0\" \"$@\""))
        .arg(env::current_exe().unwrap())
        .arg(tests)
        .env(VARIABLE, fault.name)
        .env("PROPTEST_RNG_SEED", "1")
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines
        .map_while(Result::ok)
        .find(|line| line.ends_with("... FAILED"));
    child.kill().unwrap();
    let is_over = child.wait().unwrap().signal() == Some(SIGXCPU);
    found.or_else(|| is_over.then(|| format!("they did not end within {SECONDS} s")))
}

#[test]
fn each_fault_of_the_engine_is_found() {
    let is_ours = |fault: &&Fault| fault.found_by == FoundBy::EngineTests;
    let mut missed = Vec::new();
    for fault in FAULTS.iter().filter(is_ours) {
        // The longest ones last.
        let found = ["instructions::", "evidence::", "laws::"]
            .into_iter()
            .find_map(|tests| failed(tests, fault));
        match found {
            Some(test) => println!("{:<34} {test}", fault.name),
            None => missed.push(fault.name),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
