//! The fuzzing in every test run: all kept inputs, then each target for two seconds.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_fuzz::{Target, corpus, random::Random, run};
use std::process::Command;

#[test]
fn kept_inputs_fail_no_more() {
    for target in Target::ALL {
        run::replay(target, &corpus::kept(target).unwrap()).unwrap();
    }
}

#[test]
fn every_target_holds_for_two_seconds() {
    let folder = std::env::temp_dir().join(format!("bureaucrat-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut failed = Vec::new();
    for target in Target::ALL {
        let journal = folder.join(format!("{}.input", target.name()));
        let status = Command::new(env!("CARGO_BIN_EXE_fuzz"))
            .args([target.name(), "--seconds", "2", "--journal"])
            .arg(&journal)
            .status()
            .unwrap();
        if !status.success() {
            failed.push(format!(
                "{} ({status}), its input is {}",
                target.name(),
                journal.display()
            ));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_same_seed_gives_the_same_inputs() {
    for target in [Target::Xml, Target::Key] {
        let seeds = target.seeds().unwrap();
        let inputs = |seed| -> Vec<Vec<u8>> {
            let mut random = Random::new(seed);
            let made = (0..200)
                .map(|_| bureaucrat_fuzz::mutate::mutated(&mut random, &seeds, target.tokens()));
            made.collect()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
    }
}
