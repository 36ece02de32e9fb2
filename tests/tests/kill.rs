//! The real engine over the real broker, killed again and again while processes of all activity kinds run.
//!
//! `BUREAUCRAT_KILLS` and `BUREAUCRAT_KILL_SEED` ask for other numbers; `scripts/faults` does, with settings of its own.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use anyhow::{Result, ensure};
use bureaucrat_tests::{
    engine::{Engine, broker_url},
    faults::{Load, Plan, audit},
    simulation::Random,
};
use std::time::Duration;

/// Kills of one run of the tests.
const KILLS: u64 = 40;
/// New tasks between two kills, and processes for each kill, so that there is work to the last.
const TASKS: usize = 70;
const PROCESSES_A_KILL: u64 = 25;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .map_or(default, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_ends_exactly_once_though_the_engine_is_killed() -> Result<()> {
    let url = broker_url()?;
    let folder = tempfile::tempdir()?;
    let options = std::env::var("BUREAUCRAT_KILL_OPTIONS").unwrap_or_default();
    let options: Vec<&str> = options.split_whitespace().collect();
    let (kills, seed) = (
        number("BUREAUCRAT_KILLS", KILLS),
        number("BUREAUCRAT_KILL_SEED", 1),
    );
    let mut engine = Engine::new(&url, folder.path(), "killed", &options);
    let plan = Plan {
        processes: kills * PROCESSES_A_KILL,
        rate: None,
        padding: 0,
    };
    let load = Load::start(&url, "killed", plan).await?;
    let mut random = Random::new(seed);
    engine.start()?;
    let mut ended_before_the_last = 0;
    for _ in 0..kills {
        load.progress(TASKS, Duration::from_secs(4)).await?;
        // Up to a moment more, so that any step may be the last one; now and then hardly a start's length.
        tokio::time::sleep(Duration::from_millis(random.below(200))).await;
        ended_before_the_last = load.ended();
        engine.kill()?;
        engine.start()?;
        if random.once_in(8) {
            tokio::time::sleep(Duration::from_millis(random.below(150))).await;
            engine.kill()?;
            engine.start()?;
        }
    }
    load.finish(&engine, Duration::from_secs(60)).await?;
    let tally = audit(&load, &mut engine)?;
    println!(
        "{kills} kills and more: {ended_before_the_last} of {} processes ended before the last; {} tasks, {} of them sent again, {} answers twice",
        tally.ended, tally.tasks, tally.repeated_tasks, tally.double_answers
    );
    ensure!(
        ended_before_the_last < tally.ended,
        "the last kill came after the last process: it proved nothing"
    );
    Ok(())
}
