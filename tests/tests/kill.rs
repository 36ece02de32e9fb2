//! The real engine over the real broker, killed again and again while processes of all activity kinds run,
//! and while the clock moves on, so that a schedule launches what it missed.
//!
//! `BUREAUCRAT_KILLS`, `BUREAUCRAT_FAULT_SEED` and `BUREAUCRAT_KILL_OPTIONS` ask for other numbers, moments and settings;
//! `scripts/faults` does.

use anyhow::{Result, ensure};
use bureaucrat_tests::{
    engine::{Engine, broker_url},
    faults::{Load, Plan, Preload, asked, audit, row, seed},
    postgres::{disconnect, new_url},
    simulation::Random,
};
use std::time::{Duration, Instant};

/// Kills of one run of the tests.
const KILLS: u64 = 40;
/// New tasks between two kills, and processes for each kill, so that there is work to the last.
const TASKS: usize = 70;
const PROCESSES_A_KILL: u64 = 12;
/// So many of them begin just before the kill, and end after it.
const FRESH: u64 = 4;
/// The clock moves on by a minute at one kill of so many.
const MINUTES: u64 = 3;
const MINUTE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_ends_exactly_once_though_the_engine_is_killed() -> Result<()> {
    killed("killed", None, KILLS).await
}

/// The database loses its connections, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_ends_exactly_once_with_its_records_in_postgresql() -> Result<()> {
    killed("killed-postgres", Some(new_url()?), KILLS / 4).await
}

async fn killed(prefix: &str, database: Option<String>, kills: u64) -> Result<()> {
    let url = broker_url()?;
    let folder = tempfile::tempdir()?;
    let options = std::env::var("BUREAUCRAT_KILL_OPTIONS").unwrap_or_default();
    let options: Vec<&str> = options.split_whitespace().collect();
    let kills = asked("BUREAUCRAT_KILLS", kills)?;
    // Runs on one broker do not hear of one another.
    let prefix = format!("{prefix}-{}", std::process::id());
    let preload = Preload::new(folder.path())?;
    let mut engine = Engine::new(&url, folder.path(), &prefix, &options)
        .with_environment(preload.environment())
        .with_database(database.clone());
    let plan = Plan {
        processes: kills * PROCESSES_A_KILL,
        rate: None,
        padding: 0,
    };
    let load = Load::start(&url, &prefix, plan).await?;
    let mut random = Random::new(seed()?);
    engine.start()?;
    let mut done = 0;
    let (began, mut moved) = (Instant::now(), Duration::ZERO);
    let mut minute_of_schedule = None;
    while done < kills {
        // There is work at each kill, however fast the engine is.
        let begun = (done + 1) * PROCESSES_A_KILL;
        load.hold_back_from(begun - FRESH);
        load.keep_from(begun - FRESH);
        let mut tasks = TASKS;
        if let Some(database) = &database
            && random.once_in(2)
        {
            tasks /= 2;
            load.progress(tasks, Duration::from_secs(4)).await?;
            disconnect(database)?;
        }
        load.progress(tasks, Duration::from_secs(4)).await?;
        if let Some(known) = minute_of_schedule.take() {
            load.is_scheduled_again(known, PATIENCE).await?;
        }
        load.hold_back_from(begun);
        // Up to a moment more, so that any step may be the last one; now and then hardly a start's length.
        tokio::time::sleep(Duration::from_millis(random.below(200))).await;
        engine.kill()?;
        ensure!(!load.have_ended(begun), "a kill proved nothing");
        // The schedule is there once a task is.
        if random.once_in(MINUTES) && done > 0 {
            moved += MINUTE;
            preload.set_clock(moved.as_millis() as i64)?;
            minute_of_schedule = Some(load.scheduled().len());
        }
        engine.start()?;
        done += 1;
        if random.once_in(8) {
            tokio::time::sleep(Duration::from_millis(random.below(150))).await;
            engine.kill()?;
            ensure!(!load.have_ended(begun), "a kill proved nothing");
            engine.start()?;
            done += 1;
        }
    }
    load.let_all_end();
    load.finish(&engine, PATIENCE).await?;
    let (scheduled, passed) = (load.scheduled().len() as u64, began.elapsed() + moved);
    let tally = audit(&load, &mut engine)?;
    println!(
        "{done} kills: {} processes ended; {} tasks, {} of them sent again, {} answers twice; {scheduled} launches by a schedule",
        tally.ended, tally.tasks, tally.repeated_tasks, tally.double_answers
    );
    row("engine-killed", done, &tally);
    ensure!(
        scheduled <= passed.as_secs() / MINUTE.as_secs() + 1,
        "{scheduled} launches by a schedule in {passed:?}: an instant counted twice"
    );
    Ok(())
}
