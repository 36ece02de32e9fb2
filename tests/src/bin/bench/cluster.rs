//! Engines that share a database, one to three of them, compared with the engine on its own disk and with a program that
//! commits the same rows to the same database; and how long it takes until the groups of a killed one work again.

use crate::{
    clerk::Clerk,
    contenders::Contender,
    floods::{
        Waits,
        healthy::Healthy,
        runs::{all_have_asked, launch_healthy},
    },
    statistics::{Spread, per_second, quantile},
    subject::Subject,
};
use anyhow::{Context, Result, bail, ensure};
use bureaucrat_tests::{
    engine::broker_url,
    postgres::{holders, new_url, sql},
};
use clap::Args;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// Engines that share.
const MOST: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);
/// How long processes are measured without a kill, and after one.
const CALM: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub struct Settings {
    /// How many messages are in flight, in rising order
    #[arg(long, value_delimiter = ',', default_values_t = [10, 50, 200, 1_000])]
    in_flight: Vec<u64>,
    /// Rounds at each level; each measures all of them
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Milliseconds that each is measured in a round
    #[arg(long, default_value_t = 700)]
    millis: u64,
    /// Engines that are killed under load
    #[arg(long, default_value_t = 7)]
    kills: usize,
    /// Processes of other engines whose waits are measured meanwhile
    #[arg(long, default_value_t = 60)]
    healthy: u64,
    #[command(flatten)]
    subject: Subject,
}

struct Round {
    rate: f64,
    cpu: Duration,
    actions: u64,
    /// Bytes of the database's log.
    log: u64,
}

/// # Errors
/// When engines, broker or database fail, or a message is lost.
pub fn run(settings: &Settings) -> Result<()> {
    ensure!(
        settings.in_flight.is_sorted_by(|a, b| a < b) && settings.in_flight.first() > Some(&0),
        "--in-flight takes rising numbers"
    );
    let folder = tempfile::tempdir()?;
    let mut clerk = Clerk::connect(&broker_url()?)?;
    let prefix = format!("bench-{}", std::process::id());
    let disk = Contender::engine(
        &mut clerk,
        &settings.subject,
        &folder.path().join("disk"),
        &format!("{prefix}-disk"),
    )?;
    let mut named = vec![("own disk".to_owned(), disk)];
    for engines in 1..=MOST {
        let prefix = format!("{prefix}-{engines}");
        let place = folder.path().join(engines.to_string());
        let database = new_url()?;
        let shared = Contender::engines(
            &mut clerk,
            &settings.subject,
            (&place, &prefix),
            &database,
            engines,
        )?;
        until_shared(&database, engines)?;
        named.push((format!("{engines} sharing"), shared));
    }
    for (_, contender) in &mut named {
        contender.fill(&clerk, 1)?;
    }
    let body = named
        .first()
        .context("no engine")?
        .1
        .participant
        .last_body();
    let rows = Contender::rows(&mut clerk, &new_url()?, &format!("{prefix}-rows"), &body)?;
    named.push(("rows alone".to_owned(), rows));
    println!(
        "cluster: {} rounds of {} ms each, in turn; bodies of {} bytes; medians, quartiles in brackets; CPU of the engines \
         together, without the database's",
        settings.rounds,
        settings.millis,
        body.len()
    );
    for &in_flight in &settings.in_flight {
        for (_, contender) in &mut named {
            contender.fill(&clerk, in_flight)?;
        }
        let mut rounds: Vec<Vec<Round>> = named.iter().map(|_| Vec::new()).collect();
        for _ in 0..settings.rounds {
            for ((_, contender), rounds) in named.iter_mut().zip(&mut rounds) {
                rounds.push(round(contender, Duration::from_millis(settings.millis))?);
            }
        }
        print(in_flight, &named, &rounds);
    }
    let (_, mut shared) = named.swap_remove(MOST);
    drop(named);
    takeovers(&mut clerk, &mut shared, settings)
}

/// How many bytes the database has written to its log.
fn log_position() -> Result<u64> {
    let position = sql(
        &new_url()?,
        "SELECT trunc(pg_current_wal_lsn() - '0/0'::pg_lsn)",
    )?;
    Ok(position.trim().parse()?)
}

fn round(contender: &mut Contender, time: Duration) -> Result<Round> {
    let (cpu, all) = (contender.cpu()?, contender.participant.answered());
    let log = log_position()?;
    contender.participant.open();
    std::thread::sleep(time / 4);
    let (before, started) = (contender.participant.answered(), Instant::now());
    std::thread::sleep(time);
    let (answered, took) = (contender.participant.answered(), started.elapsed());
    contender.participant.close();
    contender.settle()?;
    Ok(Round {
        rate: per_second(answered - before, took),
        cpu: contender.cpu()? - cpu,
        actions: contender.participant.answered() - all,
        log: log_position()? - log,
    })
}

fn print(in_flight: u64, named: &[(String, Contender)], rounds: &[Vec<Round>]) {
    let Some(ceiling) = rounds.last() else { return };
    for ((name, _), rounds) in named.iter().zip(rounds) {
        let rate = Spread::of(rounds.iter().map(|round| round.rate));
        let ratio = rounds.iter().zip(ceiling);
        let ratio = Spread::of(ratio.map(|(one, rows)| one.rate / rows.rate));
        let actions: u64 = rounds.iter().map(|round| round.actions).sum();
        let cpu: Duration = rounds.iter().map(|round| round.cpu).sum();
        let log: u64 = rounds.iter().map(|round| round.log).sum();
        println!(
            "{in_flight:>6} in flight | {name:<10} | {:>6.0} [{:.0}–{:.0}] /s | to rows alone {:.2} [{:.2}–{:.2}] | \
             {:>5.0} µs CPU an action | {:>6.0} bytes of log an action",
            rate.median,
            rate.low,
            rate.high,
            ratio.median,
            ratio.low,
            ratio.high,
            cpu.as_secs_f64() * 1e6 / actions.max(1) as f64,
            log as f64 / actions.max(1) as f64
        );
    }
}

/// Kills one engine after the other under load, each until the others have its groups and serve them; meanwhile processes of
/// the other engines are measured.
fn takeovers(clerk: &mut Clerk, shared: &mut Contender, settings: &Settings) -> Result<()> {
    if settings.kills == 0 {
        return Ok(());
    }
    let database = shared.database()?.to_owned();
    let participant = format!("bench-{}-healthy", std::process::id());
    let tasks = format!("worker_{participant}");
    clerk.declare(&tasks)?;
    let (launches, answers) = shared.queues()?;
    let healthy = Healthy::start(&broker_url()?, &tasks, &answers)?;
    launch_healthy(settings.healthy, clerk, &launches, &participant)?;
    all_have_asked(&healthy, settings.healthy)?;
    let (mut took, mut calm, mut during) = (Vec::new(), Vec::new(), Vec::new());
    for kill in 0..settings.kills {
        shared.participant.open();
        std::thread::sleep(Duration::from_millis(500));
        let _ = healthy.waits();
        std::thread::sleep(CALM);
        calm.extend(healthy.waits());
        let before = holders(&database)?;
        let began = Instant::now();
        shared.kill(kill % MOST)?;
        until_shared(&database, MOST - 1)?;
        took.push(began.elapsed().as_secs_f64());
        // Until the others have served what they took.
        std::thread::sleep(CALM);
        let after = holders(&database)?;
        let is_neighbour = |group: u8| {
            let holder = before.get(&group);
            holder.is_some_and(|holder| after.values().any(|other| other == holder))
        };
        during.extend(healthy.waits_in(is_neighbour));
        shared.participant.close();
        // Everything that was in flight still is, also in the groups of the killed engine.
        shared.settle()?;
        shared.start(kill % MOST)?;
        until_shared(&database, MOST)?;
    }
    for waits in [&mut took, &mut calm, &mut during] {
        waits.sort_by(f64::total_cmp);
    }
    println!(
        "until the groups of a killed engine were others': median {:.1} s, longest {:.1} s, of {} kills",
        quantile(&took, 0.5),
        quantile(&took, 1.0),
        settings.kills
    );
    let (calm, during) = (Waits::of(&calm)?, Waits::of(&during)?);
    println!(
        "waits of processes under load: p99 {:.0} ms, longest {:.0} ms; of those of other engines from a kill until a second \
         after its groups were others': median {:.0} ms, p99 {:.0} ms, longest {:.0} ms ({} waits)",
        calm.p99_millis,
        calm.longest_millis,
        during.median_millis,
        during.p99_millis,
        during.longest_millis,
        during.count
    );
    Ok(())
}

/// Waits until so many engines have all groups of a database.
fn until_shared(database: &str, engines: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let holders = holders(database)?;
        let different: BTreeSet<&String> = holders.values().collect();
        if (holders.len(), different.len()) == (16, engines) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{engines} engines do not share {database}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
