//! The soak test: a fixed load for any length of time, with engine crashes and broker restarts,
//! while memory, file handles, disk and queues are watched. It fails if one of them grows.
//!
//! In the first half the engine is killed repeatedly. In the second half only the broker fails, so
//! that one engine runs long enough to show what it leaks.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod plot;
mod rule;
mod samples;

use anyhow::{Context, Result, ensure};
use bureaucrat_store::Table;
use bureaucrat_tests::{
    engine::Engine,
    faults::{Load, Plan, Rabbit},
    simulation::Random,
};
use samples::{Sampler, Watched};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::block_in_place;

const HELP: &str = "\
Usage: soak [--minutes N] [--rate R] [--seed S] [--samples FILE]

  --minutes N     how long to launch processes [default: 15]
  --rate R        launches a second [default: 15]
  --seed S        moments of faults [default: 1]
  --samples FILE  all samples, as comma-separated values

Prints a table, a plot and a verdict; leaves with 1 when something does not stay flat, is lost or doubled.
scripts/soak builds and runs it.";

/// Queues of the engine and of participants begin with this prefix.
const PREFIX: &str = "soak";
/// How long ended processes stay: short, so that the storage reaches its normal size early in the
/// run.
const RETENTION: &str = "20";
/// The run fails after this time without progress.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the engine may take to answer after it was started.
const START: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Settings {
    minutes: f64,
    rate: u32,
    seed: u64,
    samples: Option<PathBuf>,
}

/// What is done to the engine and its broker, repeatedly and in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    KillEngine,
    EndEngine,
    CloseConnections,
    KillBroker,
    StopBroker,
}

const EARLY: [Deed; 8] = [
    Deed::KillEngine,
    Deed::CloseConnections,
    Deed::KillEngine,
    Deed::KillBroker,
    Deed::KillEngine,
    Deed::EndEngine,
    Deed::KillEngine,
    Deed::StopBroker,
];
const LATE: [Deed; 3] = [Deed::CloseConnections, Deed::KillBroker, Deed::StopBroker];

/// Seconds between two actions, in the first and in the second half.
const EARLY_SECONDS: u64 = 15;
const LATE_SECONDS: u64 = 60;

fn main() -> Result<()> {
    let mut settings = Settings {
        minutes: 15.0,
        rate: 15,
        seed: 1,
        samples: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().context(HELP);
        match argument.as_str() {
            "--minutes" => settings.minutes = value()?.parse()?,
            "--rate" => settings.rate = value()?.parse()?,
            "--seed" => settings.seed = value()?.parse()?,
            "--samples" => settings.samples = Some(value()?.into()),
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(());
            }
            other => anyhow::bail!("there is no {other}\n{HELP}"),
        }
    }
    ensure!(
        settings.minutes >= 2.0 && settings.rate > 0,
        "less than two minutes, or no launches, show nothing"
    );
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(soak(&settings))
}

async fn soak(settings: &Settings) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut rabbit = Rabbit::start(&folder.path().join("rabbitmq"))?;
    let options = ["--retention", RETENTION];
    let mut engine = Engine::new(rabbit.url(), folder.path(), PREFIX, &options);
    let time = Duration::from_secs_f64(settings.minutes * 60.0);
    let plan = Plan {
        processes: time.as_secs() * u64::from(settings.rate),
        rate: Some(settings.rate),
        padding: 0,
    };
    let load = Arc::new(Load::start(rabbit.url(), PREFIX, plan).await?);
    engine.start()?;
    let place = (engine.storage(), engine.database().map(str::to_owned));
    let watched = Arc::new(Watched::new(place, rabbit.url(), PREFIX));
    watched.engine_is(&engine);
    let sampler = Sampler::start(watched.clone(), load.clone());
    let deeds = disturb(settings, time, &mut engine, &mut rabbit, &load, &watched).await?;
    load.finish(&engine, PATIENCE).await?;
    let samples = sampler.end().await?;
    check(&load, &mut engine, folder.path())?;

    if let Some(path) = &settings.samples {
        std::fs::write(path, samples::as_csv(&samples))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("{}", plot::plot(&samples));
    let rows = rule::judge(&samples, settings.rate);
    println!("{}", rule::table(&rows));
    let tally = load.check()?;
    println!(
        "{} launches ended, none lost, none doubled; {} tasks, {} sent again, {} answers twice; faults: {}",
        tally.ended,
        tally.tasks,
        tally.repeated_tasks,
        tally.double_answers,
        count(&deeds)
    );
    ensure!(
        rows.iter().all(rule::Row::is_flat),
        "not everything stayed flat; the table says what did not"
    );
    println!("all stayed flat");
    Ok(())
}

/// Acts until the time is over. Returns what was done.
async fn disturb(
    settings: &Settings,
    time: Duration,
    engine: &mut Engine,
    rabbit: &mut Rabbit,
    load: &Load,
    watched: &Watched,
) -> Result<Vec<Deed>> {
    let mut random = Random::new(settings.seed);
    let started = Instant::now();
    let (mut early, mut late) = (EARLY.into_iter().cycle(), LATE.into_iter().cycle());
    let mut done = Vec::new();
    while started.elapsed() < time {
        let (deed, seconds) = if started.elapsed() < time / 2 {
            (early.next(), EARLY_SECONDS)
        } else {
            (late.next(), LATE_SECONDS)
        };
        // About as often as the constants say, at random moments.
        let millis = seconds * 500 + random.below(seconds * 1_000);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        // Also fails if something wrong was seen.
        load.progress(0, Duration::ZERO).await?;
        let Some(deed) = deed else { break };
        block_in_place(|| perform(deed, engine, rabbit))?;
        watched.engine_is(engine);
        println!(
            "{:>6.0} s  {:>7} ended  {deed:?}",
            started.elapsed().as_secs_f64(),
            load.ended()
        );
        done.push(deed);
    }
    Ok(done)
}

fn perform(deed: Deed, engine: &mut Engine, rabbit: &mut Rabbit) -> Result<()> {
    match deed {
        Deed::KillEngine => {
            engine.kill()?;
            engine.start()
        }
        Deed::EndEngine => {
            engine.answers(START)?;
            let code = engine.end()?;
            ensure!(code == 0, "it left with {code}:\n{}", engine.log_tail());
            engine.start()
        }
        Deed::CloseConnections => rabbit
            .control(&["close_all_connections", "by the soak"])
            .map(drop),
        Deed::KillBroker => {
            rabbit.kill()?;
            rabbit.start_again()
        }
        Deed::StopBroker => {
            rabbit.stop()?;
            rabbit.start_again()
        }
    }
}

fn count(deeds: &[Deed]) -> String {
    let all = [
        Deed::KillEngine,
        Deed::EndEngine,
        Deed::CloseConnections,
        Deed::KillBroker,
        Deed::StopBroker,
    ];
    all.map(|kind| {
        let times = deeds.iter().filter(|deed| **deed == kind).count();
        format!("{kind:?} {times}")
    })
    .join(", ")
}

/// Stops the engine cleanly and audits what it left: no findings, nothing in progress.
fn check(load: &Load, engine: &mut Engine, folder: &std::path::Path) -> Result<()> {
    load.leave();
    // What is still in progress at the end: events that nobody awaits any more, notices.
    let deadline = Instant::now() + START;
    loop {
        engine.answers(START)?;
        let code = engine.end()?;
        ensure!(code == 0, "it left with {code}:\n{}", engine.log_tail());
        let left = rows_in_hand(engine)?;
        if left.iter().all(|(_, rows)| *rows == 0) {
            break;
        }
        ensure!(Instant::now() < deadline, "rows stay in hand: {left:?}");
        engine.start()?;
        std::thread::sleep(Duration::from_millis(300));
    }
    let fsck = engine.command()?.arg("fsck").output()?;
    ensure!(
        fsck.status.success(),
        "fsck of {} found something:\n{}{}",
        folder.display(),
        String::from_utf8_lossy(&fsck.stdout),
        String::from_utf8_lossy(&fsck.stderr)
    );
    Ok(())
}

fn rows_in_hand(engine: &Engine) -> Result<Vec<(&'static str, usize)>> {
    let store = engine.records()?;
    [Table::Outbox, Table::Events, Table::Subscriptions]
        .into_iter()
        .map(|table| {
            let rows = store.scan(table, &[], &[u8::MAX; 80], 100)?.len();
            Ok((table.name(), rows))
        })
        .collect()
}
