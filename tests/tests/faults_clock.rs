//! The wall clock jumps both ways, while the engine runs and while it is down: timers are neither lost nor early, and nothing
//! happens twice.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use anyhow::{Result, ensure};
use bureaucrat_tests::{
    engine::{Engine, broker_url},
    faults::{Load, Plan, Preload, audit},
    simulation::Random,
};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const PROCESSES_A_JUMP: u64 = 30;
const TASKS: usize = 80;

/// Where the wall clock is set to, in milliseconds off the right time: forward and back, by little, by hours, by a day.
const OFFSETS: [i64; 6] = [5_000, -5_000, 7_200_000, -7_200_000, 86_400_000 * 2, -3_000];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_clock_jumps() -> Result<()> {
    let rounds: usize =
        std::env::var("BUREAUCRAT_FAULT_ROUNDS").map_or(1, |text| text.parse().unwrap());
    let url = broker_url()?;
    let folder = tempfile::tempdir()?;
    let preload = Preload::new(folder.path())?;
    // The longest jump between two runs is two days; ended processes are to be there for the audit all the same.
    let mut engine = Engine::new(&url, folder.path(), "clock", &["--retention", "30d"])
        .with_environment(preload.environment());
    let jumps = rounds * OFFSETS.len();
    let plan = Plan {
        processes: jumps as u64 * PROCESSES_A_JUMP,
        rate: None,
        padding: 0,
    };
    let load = Load::start(&url, "clock", plan).await?;
    let mut random = Random::new(3);
    engine.start()?;
    let (mut running, mut down) = (0, 0);
    for (number, offset) in OFFSETS.into_iter().cycle().take(jumps).enumerate() {
        load.progress(TASKS, PATIENCE).await?;
        tokio::time::sleep(Duration::from_millis(random.below(200))).await;
        // A clock that was set back by two days while the engine was down would hold its timers for two days.
        if number % 3 == 1 && offset.abs() <= 5_000 {
            engine.kill()?;
            preload.set_clock(offset)?;
            engine.start()?;
            down += 1;
        } else {
            preload.set_clock(offset)?;
            running += 1;
        }
    }
    load.finish(&engine, PATIENCE).await?;
    let log = engine.log_tail();
    let tally = audit(&load, &mut engine)?;
    println!(
        "the clock jumped {running} times while the engine ran, {down} times while it was down: {} launches ended, none lost, none doubled",
        tally.ended
    );
    ensure!(!log.contains("panic"), "{log}");
    Ok(())
}
