//! What an event with a key costs, among few processes that wait and among many.

use anyhow::Result;
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::waiters::Waiters;
use clap::Args;
use serde::Serialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Events that are sent together, and how often.
const EVENTS: u64 = 100;
const ROUNDS: usize = 15;

#[derive(Debug, Args)]
pub struct Settings {
    /// How many processes wait, in rising order
    /// [default: 1000,20000, thorough: 1000,20000,1000000]
    #[arg(long, value_delimiter = ',')]
    waiting: Vec<u64>,
    /// Up to a million processes: some minutes
    #[arg(long)]
    thorough: bool,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Point {
    waiting: u64,
    micros_per_event: f64,
    rows_read_per_event: f64,
    /// To the cost among the fewest.
    ratio: f64,
}

/// # Errors
/// When the store fails.
pub fn run(settings: &Settings) -> Result<()> {
    let levels = match (settings.waiting.is_empty(), settings.thorough) {
        (false, _) => settings.waiting.clone(),
        (true, false) => vec![1_000, 20_000],
        (true, true) => vec![1_000, 20_000, 1_000_000],
    };
    let folder = tempfile::tempdir()?;
    let mut waiters = Waiters::new(Arc::new(RocksStore::open(folder.path())?))?;
    let mut points: Vec<Point> = Vec::new();
    for waiting in levels {
        let mut rounds = Vec::with_capacity(ROUNDS);
        let mut rows = 0;
        for _ in 0..ROUNDS {
            waiters.grow(waiting)?;
            let started = Instant::now();
            rows += waiters.release(EVENTS)?;
            rounds.push(started.elapsed());
        }
        rounds.sort();
        let micros = rounds.get(ROUNDS / 2).map_or(0.0, Duration::as_secs_f64) * 1e6;
        let micros_per_event = micros / EVENTS as f64;
        let first = points
            .first()
            .map_or(micros_per_event, |first| first.micros_per_event);
        let point = Point {
            waiting,
            micros_per_event,
            rows_read_per_event: rows as f64 / (EVENTS * ROUNDS as u64) as f64,
            ratio: micros_per_event / first,
        };
        if !settings.json {
            println!(
                "keyed event     {:>9.1} µs  among {waiting} processes that wait: handed out and the process ended, {:.1} rows read, {:.2} of the first",
                point.micros_per_event, point.rows_read_per_event, point.ratio
            );
        }
        points.push(point);
    }
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&points)?);
    }
    Ok(())
}
