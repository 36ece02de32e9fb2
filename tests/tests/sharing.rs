//! Several real engines over one database and one broker share the processes: each has groups of shards, takes over those
//! of an engine that ends or falls silent, and gives some to one that comes.
//!
//! `BUREAUCRAT_SHARINGS` and `BUREAUCRAT_FAULT_SEED` ask for another number of harms and other moments.

use anyhow::{Context, Result, bail, ensure};
use bureaucrat_store::Table;
use bureaucrat_tests::{
    engine::{Engine, broker_url},
    faults::{Load, Plan, asked, audit, row, seed},
    postgres::{disconnect, holders, new_url},
    simulation::Random,
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Harms of one run of the tests.
const HARMS: u64 = 5;
const ENGINES: usize = 3;
const TASKS: usize = 60;
const PROCESSES_EACH: u64 = 12;
/// How long an engine may be silent here.
const LEASE: &str = "2s";
const PATIENCE: Duration = Duration::from_secs(60);

/// What happens to one of the engines.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Killed,
    Terminated,
    /// It is continued once the others have its groups.
    Suspended,
}

/// How many groups each holder has, as the database sees it now.
fn shares(database: &str) -> Result<BTreeMap<String, usize>> {
    let mut shares = BTreeMap::new();
    for holder in holders(database)?.into_values() {
        *shares.entry(holder).or_default() += 1;
    }
    Ok(shares)
}

/// Waits until so many engines have all groups, in equal parts.
fn until_shared(database: &str, engines: usize, log: impl Fn() -> String) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shares = shares(database)?;
        let fair = 16 / engines..=16_usize.div_ceil(engines);
        if shares.len() == engines
            && shares.values().sum::<usize>() == 16
            && shares.values().all(|share| fair.contains(share))
        {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{engines} engines have {shares:?}:\n{}", log());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn engines(url: &str, prefix: &str, database: &str) -> Result<Vec<(TempDir, Engine)>> {
    let make = |_| {
        let folder = tempfile::tempdir()?;
        let options = ["--store-lease", LEASE, "--store-sharing", "on"];
        let engine = Engine::new(url, folder.path(), prefix, &options);
        Ok((folder, engine.with_database(Some(database.to_owned()))))
    };
    (0..ENGINES).map(make).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engines_share_the_processes_and_take_over_from_each_other() -> Result<()> {
    let url = broker_url()?;
    let database = new_url()?;
    let harms = asked("BUREAUCRAT_SHARINGS", HARMS)?;
    let prefix = format!("sharing-{}", std::process::id());
    let mut engines = engines(&url, &prefix, &database)?;
    let plan = Plan {
        processes: harms * PROCESSES_EACH,
        rate: None,
        padding: 0,
    };
    for (_, engine) in &mut engines {
        engine.start()?;
        engine.answers(PATIENCE)?;
    }
    let tails = |engines: &[(TempDir, Engine)]| -> String {
        engines
            .iter()
            .map(|(_, engine)| engine.log_tail())
            .collect()
    };
    until_shared(&database, ENGINES, || tails(&engines))?;
    let load = Load::start(&url, &prefix, plan).await?;
    let mut random = Random::new(seed()?);
    let mut took = Vec::new();
    for done in 0..harms {
        load.hold_back_from((done + 1) * PROCESSES_EACH);
        load.progress(TASKS, Duration::from_secs(4)).await?;
        if random.once_in(3) {
            disconnect(&database)?;
            load.progress(TASKS / 4, Duration::from_secs(4)).await?;
        }
        tokio::time::sleep(Duration::from_millis(random.below(200))).await;
        let harm = match random.below(3) {
            0 => Harm::Killed,
            1 => Harm::Terminated,
            _ => Harm::Suspended,
        };
        let place = random.place(ENGINES);
        let (_, harmed) = engines.get_mut(place).context("an engine")?;
        let began = Instant::now();
        match harm {
            Harm::Killed => harmed.kill()?,
            Harm::Terminated => ensure!(harmed.end()? == 0, "{}", harmed.log_tail()),
            Harm::Suspended => harmed.suspend()?,
        }
        until_shared(&database, ENGINES - 1, || tails(&engines))?;
        took.push((harm, began.elapsed()));
        load.progress(TASKS / 4, Duration::from_secs(4)).await?;
        let (_, harmed) = engines.get_mut(place).context("an engine")?;
        match harm {
            // What it does now counts for nothing; it finds that out, and takes its share again.
            Harm::Suspended => harmed.resume()?,
            Harm::Killed | Harm::Terminated => harmed.start()?,
        }
        until_shared(&database, ENGINES, || tails(&engines))?;
    }
    load.hold_back_from(plan.processes);
    let (_, first) = engines.first().context("an engine")?;
    load.finish(first, PATIENCE).await?;
    for (_, engine) in engines.iter_mut().skip(1) {
        ensure!(engine.end()? == 0, "{}", engine.log_tail());
    }
    until_shared(&database, 1, || tails(&engines))?;
    let (_, first) = engines.first_mut().context("an engine")?;
    let tally = audit(&load, first)?;
    let records = first.records()?;
    let in_groups = records
        .scan(Table::Instances, &[], &[u8::MAX; 80], 100_000)?
        .into_iter()
        .filter_map(|(key, _)| Some(key.first()? / 16))
        .collect::<std::collections::BTreeSet<_>>();
    println!(
        "{took:?}: {} tasks, {} of them sent again, {} answers twice, processes in {} groups",
        tally.tasks,
        tally.repeated_tasks,
        tally.double_answers,
        in_groups.len()
    );
    ensure!(
        in_groups.len() > 8,
        "most groups have no processes: {in_groups:?}"
    );
    row("engines-share", harms, &tally);
    Ok(())
}
