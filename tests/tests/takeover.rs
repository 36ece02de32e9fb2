//! Two real engines over one database and one broker: one works, the other stands by and takes over, however the first ends
//! or falls silent.
//!
//! `BUREAUCRAT_TAKEOVERS` and `BUREAUCRAT_FAULT_SEED` ask for another number and other moments.

use anyhow::{Result, bail, ensure};
use bureaucrat_host::query::QueryAnswer;
use bureaucrat_tests::{
    engine::{Engine, broker_url},
    faults::{Load, Plan, asked, audit, row, seed},
    postgres::{disconnect, new_url},
    simulation::Random,
};
use std::time::{Duration, Instant};

/// Takeovers of one run of the tests.
const TAKEOVERS: u64 = 8;
const TASKS: usize = 60;
const PROCESSES_EACH: u64 = 12;
/// How long an engine may be silent here.
const LEASE: &str = "2s";
const PATIENCE: Duration = Duration::from_secs(60);

/// What happens to the engine that works.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Killed,
    Terminated,
    /// It is continued once the other one has taken over.
    Suspended,
}

fn stands_by(engine: &Engine) -> Result<bool> {
    Ok(match engine.listed() {
        Ok(QueryAnswer::Error { reason }) => reason.contains("stands by"),
        Ok(_) | Err(_) => false,
    })
}

fn until(what: &str, engine: &Engine, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        if Instant::now() > deadline {
            bail!("{what}: not within {PATIENCE:?}:\n{}", engine.log_tail());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_engine_takes_over() -> Result<()> {
    let url = broker_url()?;
    let database = new_url()?;
    let takeovers = asked("BUREAUCRAT_TAKEOVERS", TAKEOVERS)?;
    let prefix = format!("takeover-{}", std::process::id());
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let [mut works, mut waits] = folders.each_ref().map(|folder| {
        let options = ["--store-lease", LEASE];
        Engine::new(&url, folder.path(), &prefix, &options).with_database(Some(database.clone()))
    });
    let plan = Plan {
        processes: takeovers * PROCESSES_EACH,
        rate: None,
        padding: 0,
    };
    let load = Load::start(&url, &prefix, plan).await?;
    let mut random = Random::new(seed()?);
    works.start()?;
    works.answers(PATIENCE)?;
    waits.start()?;
    let mut took = Vec::new();
    for done in 0..takeovers {
        until("standing by", &waits, || stands_by(&waits))?;
        load.hold_back_from((done + 1) * PROCESSES_EACH);
        load.progress(TASKS, Duration::from_secs(4)).await?;
        if random.once_in(2) {
            // An engine whose connections end keeps its lease.
            disconnect(&database)?;
            load.progress(TASKS / 4, Duration::from_secs(4)).await?;
            ensure!(stands_by(&waits)?, "{}", waits.log_tail());
        }
        tokio::time::sleep(Duration::from_millis(random.below(200))).await;
        let harm = match random.below(3) {
            0 => Harm::Killed,
            1 => Harm::Terminated,
            _ => Harm::Suspended,
        };
        let began = Instant::now();
        match harm {
            Harm::Killed => works.kill()?,
            Harm::Terminated => ensure!(works.end()? == 0, "{}", works.log_tail()),
            Harm::Suspended => works.suspend()?,
        }
        waits.answers(PATIENCE)?;
        took.push((harm, began.elapsed()));
        if matches!(harm, Harm::Suspended) {
            load.progress(TASKS / 4, Duration::from_secs(4)).await?;
            works.resume()?;
            // What it does now counts for nothing, and it finds that out.
            ensure!(works.ended(PATIENCE)? == 1, "{}", works.log_tail());
            works.says("another engine has taken over", Duration::ZERO)?;
        }
        std::mem::swap(&mut works, &mut waits);
        waits.start()?;
    }
    until("standing by", &waits, || stands_by(&waits))?;
    ensure!(waits.end()? == 0, "an engine that stands by ends in order");
    load.hold_back_from(plan.processes);
    load.finish(&works, PATIENCE).await?;
    let tally = audit(&load, &mut works)?;
    println!(
        "{took:?}: {} tasks, {} of them sent again, {} answers twice",
        tally.tasks, tally.repeated_tasks, tally.double_answers
    );
    row("engine-replaced", takeovers, &tally);
    Ok(())
}
