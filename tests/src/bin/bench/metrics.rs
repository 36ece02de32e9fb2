//! What somebody who scrapes the metrics each second costs the engine: its rate and its CPU for each action, with
//! and without, in turn; and the CPU of a scrape alone.

use crate::{
    clerk::Clerk,
    contenders::Contender,
    looks::{Compared, Turn, look},
    processes,
    subject::Subject,
};
use anyhow::{Result, ensure};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::{engine::broker_url, http::Client, population::Population};
use clap::Args;
use serde::Serialize;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// How often Prometheus would ask, at the most.
const PAUSE: Duration = Duration::from_secs(1);
/// Scrapes of an idle engine, by whose CPU the cost of one is known.
const ALONE: u32 = 300;

#[derive(Debug, Args)]
pub struct Settings {
    /// Processes that are stored
    #[arg(long, default_value_t = 10_000)]
    stored: u64,
    /// Actions in flight
    #[arg(long, default_value_t = 50)]
    in_flight: u64,
    /// Seconds of each look
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Looks of each kind
    #[arg(long, default_value_t = 8)]
    rounds: usize,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subject: Subject,
}

#[derive(Debug, Serialize)]
struct Measured {
    #[serde(flatten)]
    compared: Compared,
    scrape_cpu_millis: f64,
    scrape_millis: f64,
    scrape_kib: usize,
}

/// # Errors
/// When engine or broker fail.
pub fn run(settings: &Settings) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let prefix = format!("metrics-{}", std::process::id());
    let mut clerk = Clerk::connect(&broker_url()?)?;
    let subject = settings.subject.with_option("--http-listen=0".into());
    let storage = folder.path().join("storage");
    std::fs::create_dir_all(&storage)?;
    {
        let store = RocksStore::open(&storage.join("state"))?;
        Population::new(&store)?.grow(settings.stored)?;
    }
    let mut engine = Contender::engine(&mut clerk, &subject, folder.path(), &prefix)?;
    engine.fill(&clerk, settings.in_flight)?;
    let pid = engine.pid()?;
    let client = Client::of(engine.engine_mut()?)?;
    let token = std::fs::read_to_string(storage.join("http-token"))?;
    let scrape = || -> Result<usize> {
        let answer = client.with(token.trim(), ("GET", "/api/v1/metrics"), None)?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(answer.body.len())
    };
    processes::rest(pid, PATIENCE)?;
    let kib = scrape()? >> 10;
    let (cpu, began) = (processes::cpu(pid)?, Instant::now());
    for _ in 0..ALONE {
        scrape()?;
    }
    let took = began.elapsed();
    let scrape_cpu = (processes::cpu(pid)? - cpu).as_secs_f64() * 1e3 / f64::from(ALONE);
    let compared = Compared::in_turns(settings.rounds, |turn| {
        look(&mut engine, || {
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(settings.seconds) {
                if turn == Turn::With {
                    scrape()?;
                }
                std::thread::sleep(PAUSE);
            }
            Ok(())
        })
    })?;
    let measured = Measured {
        compared,
        scrape_cpu_millis: scrape_cpu,
        scrape_millis: took.as_secs_f64() * 1e3 / f64::from(ALONE),
        scrape_kib: kib,
    };
    match settings.json {
        true => println!("{}", serde_json::to_string_pretty(&measured)?),
        false => print(settings, &measured),
    }
    Ok(())
}

fn print(settings: &Settings, measured: &Measured) {
    println!(
        "metrics: {} actions in flight, {} processes stored, looks of {} s, a scrape each second",
        settings.in_flight, settings.stored, settings.seconds
    );
    measured.compared.print(&format!(
        "a scrape takes {:.2} ms and {:.2} ms of CPU ({:.2} % of one each second), {} KiB",
        measured.scrape_millis,
        measured.scrape_cpu_millis,
        measured.scrape_cpu_millis / 10.0,
        measured.scrape_kib
    ));
}
