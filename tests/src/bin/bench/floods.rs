//! The engine in a flood, compared with a bare relay in the same flood: its memory, how long
//! healthy processes on other queues wait, and how long it takes to shut down.

pub mod healthy;
mod kinds;
pub mod runs;

use crate::{statistics::quantile, subject::Subject};
use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use kinds::Kind;
use serde::Serialize;

#[derive(Debug, Args)]
pub struct Settings {
    /// Which floods; all of them by default
    #[arg(long, value_enum)]
    kind: Vec<Kind>,
    /// Rows for a missing queue, and dead replies [default: 5000, thorough: 200000]
    #[arg(long)]
    rows: Option<u64>,
    /// Processes that wait for a large event; each may cost megabytes of memory and disk
    /// [default: 300, thorough: 10000]
    #[arg(long)]
    waiters: Option<u64>,
    /// Large events
    #[arg(long, default_value_t = 1)]
    events: u64,
    /// Messages of 16 MiB [default: 30, thorough: 1000]
    #[arg(long)]
    large: Option<u64>,
    /// Seconds that healthy processes are watched, from the start of a flood
    /// [default: 5, thorough: 60]
    #[arg(long)]
    seconds: Option<u64>,
    /// Healthy processes
    #[arg(long, default_value_t = 50)]
    healthy: u64,
    /// The engine's setting `memory`, in MiB; its peak is held against it
    #[arg(long, default_value_t = 512)]
    budget: u64,
    /// The sizes that the issue asks for; minutes for each flood
    #[arg(long)]
    thorough: bool,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subject: Subject,
}

impl Settings {
    fn rows(&self) -> u64 {
        self.usually(self.rows, 5_000, 200_000)
    }

    fn waiters(&self) -> u64 {
        self.usually(self.waiters, 300, 10_000)
    }

    fn large(&self) -> u64 {
        self.usually(self.large, 30, 1_000)
    }

    fn seconds(&self) -> u64 {
        self.usually(self.seconds, 5, 60)
    }

    fn usually(&self, said: Option<u64>, quick: u64, thorough: u64) -> u64 {
        said.unwrap_or(if self.thorough { thorough } else { quick })
    }
}

/// How long healthy processes waited.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Waits {
    pub count: usize,
    pub median_millis: f64,
    pub p99_millis: f64,
    pub longest_millis: f64,
}

impl Waits {
    pub fn of(sorted: &[f64]) -> Result<Self> {
        ensure!(!sorted.is_empty(), "healthy processes did nothing");
        Ok(Self {
            count: sorted.len(),
            median_millis: quantile(sorted, 0.5),
            p99_millis: quantile(sorted, 0.99),
            longest_millis: quantile(sorted, 1.0),
        })
    }
}

/// What was seen with one of the two in the engine's place.
#[derive(Debug, Serialize)]
pub struct Seen {
    before: Waits,
    flooded: Waits,
    /// Messages of the flood that were published meanwhile.
    put: u64,
    /// Those that still were in its queue at the end.
    left: u32,
}

#[derive(Debug, Serialize)]
struct Flooded {
    kind: String,
    count: u64,
    engine: Seen,
    bare_relay: Seen,
    p99_to_relay: f64,
    resident_before_mib: f64,
    peak_mib: f64,
    budget_mib: u64,
    /// Whether the peak is at most the budget plus a quarter.
    within_budget: bool,
    /// From SIGTERM to the end, during the flood; none if it had to be killed.
    end_seconds: Option<f64>,
}

/// # Errors
/// When engine, relay or broker fail.
pub fn run(settings: &Settings) -> Result<()> {
    let kinds = match settings.kind.is_empty() {
        true => Kind::value_variants(),
        false => &settings.kind,
    };
    let mut all = Vec::new();
    if !settings.json {
        print_head(settings);
    }
    for (number, kind) in kinds.iter().enumerate() {
        let prefix = format!("floods-{}-{number}", std::process::id());
        let flooded = flooded(settings, *kind, &prefix)?;
        if !settings.json {
            print(&flooded);
        }
        all.push(flooded);
    }
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&all)?);
    }
    Ok(())
}

fn flooded(settings: &Settings, kind: Kind, prefix: &str) -> Result<Flooded> {
    let flood = kind.flood(settings, &format!("{prefix}-missing"));
    let engine = runs::engine(settings, &flood, prefix)?;
    let bare_relay = runs::relay(settings, &flood, prefix, &engine.bodies)?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(Flooded {
        kind: kind
            .to_possible_value()
            .map_or_else(String::new, |kind| kind.get_name().to_owned()),
        count: flood.count,
        p99_to_relay: engine.seen.flooded.p99_millis / bare_relay.flooded.p99_millis,
        engine: engine.seen,
        bare_relay,
        resident_before_mib: mib(engine.resident_before),
        peak_mib: mib(engine.peak),
        budget_mib: settings.budget,
        within_budget: engine.peak <= (settings.budget << 20) / 4 * 5,
        end_seconds: engine.end.map(|end| end.as_secs_f64()),
    })
}

fn print_head(settings: &Settings) {
    println!(
        "floods: {} healthy processes, watched for {} s from a flood's start; waits in ms",
        settings.healthy,
        settings.seconds()
    );
    println!(
        "{:>14} {:>15} | {:>8} {:>8} {:>9} {:>8} | {:>8} {:>8} {:>8} | {:>6} | \
         {:>8} {:>8} {:>7} | {:>9}",
        "flood",
        "messages",
        "p99 calm",
        "p99",
        "longest",
        "left",
        "relay's",
        "p99",
        "left",
        "factor",
        "MiB calm",
        "peak",
        "budget",
        "SIGTERM s"
    );
}

fn print(flooded: &Flooded) {
    let (engine, relay) = (&flooded.engine, &flooded.bare_relay);
    let end = flooded
        .end_seconds
        .map_or("killed".to_owned(), |end| format!("{end:.2}"));
    println!(
        "{:>14} {:>15} | {:>8.1} {:>8.1} {:>9.1} {:>8} | {:>8.1} {:>8.1} {:>8} | {:>6.2} | \
         {:>8.0} {:>8.0} {:>7} | {:>9}",
        flooded.kind,
        format!("{} of {}", engine.put, flooded.count),
        engine.before.p99_millis,
        engine.flooded.p99_millis,
        engine.flooded.longest_millis,
        engine.left,
        relay.before.p99_millis,
        relay.flooded.p99_millis,
        relay.left,
        flooded.p99_to_relay,
        flooded.resident_before_mib,
        flooded.peak_mib,
        if flooded.within_budget {
            "within"
        } else {
            "over"
        },
        end
    );
}
