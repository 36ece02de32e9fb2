//! The host under the simulator: a few hundred seeds, each a run with power cuts and lost connections.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_sandbox::{RuntimeClass, Sandbox, SandboxConfig, SandboxLimits, WorkerCommand};
use bureaucrat_tests::simulation::{Report, World};

/// Seeds of one run of the tests; `BUREAUCRAT_SEEDS` asks for more.
const SEEDS: u64 = 300;

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxConfig {
        threads: 2,
        limits: SandboxLimits::default(),
        cache: None,
        runtime_class: RuntimeClass::Refused,
        worker: WorkerCommand {
            program: "false".into(),
            arguments: Vec::new(),
        },
    })
    .unwrap()
}

fn run(seed: u64, sandbox: &Sandbox) -> Report {
    match World::new(seed, 4, sandbox.clone()).run() {
        Ok(report) => report,
        Err(problem) => panic!("seed {seed}: {problem}"),
    }
}

#[test]
fn every_launch_ends_exactly_once_whatever_happens_to_machine_and_broker() {
    let seeds = std::env::var("BUREAUCRAT_SEEDS")
        .ok()
        .map_or(SEEDS, |text| text.parse().unwrap());
    let first = std::env::var("BUREAUCRAT_SEED")
        .ok()
        .map_or(0, |text| text.parse().unwrap());
    let sandbox = sandbox();
    let (mut power_cuts, mut lost_connections, mut double_answers, mut tasks) = (0, 0, 0, 0);
    for seed in first..first + seeds {
        let report = run(seed, &sandbox);
        power_cuts += report.power_cuts;
        lost_connections += report.lost_connections;
        double_answers += report.double_answers;
        tasks += report.tasks;
    }
    println!(
        "{seeds} seeds: {power_cuts} power cuts, {lost_connections} lost connections, {tasks} tasks, \
         {double_answers} double answers"
    );
    assert!(
        power_cuts > seeds && lost_connections > seeds,
        "the weather was too fair to prove anything"
    );
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    let sandbox = sandbox();
    assert_eq!(run(7, &sandbox), run(7, &sandbox));
}
