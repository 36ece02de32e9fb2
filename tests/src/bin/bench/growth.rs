//! The cost of an action, startup and memory as more and more idle processes are stored.

use crate::{
    clerk::Clerk,
    contenders::Contender,
    processes::{self, LogWatch},
    statistics::per_second,
    subject::Subject,
};
use anyhow::{Result, bail, ensure};
use bureaucrat_tests::engine::broker_url;
use clap::Args;
use serde::Serialize;
use std::time::{Duration, Instant};

/// They wait for something that never comes: half for an event, half for a time.
const PARKED: [&str; 2] = ["<await event=\"never\"/>", "<delay duration=\"5000000\"/>"];
/// Sets how long the engine may take for these launches, and to become idle after them.
const LAUNCHES_A_SECOND: u64 = 500;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub struct Settings {
    /// How many processes are stored, in rising order
    /// [default: 2000,20000, thorough: 10000,100000,1000000]
    #[arg(long, value_delimiter = ',')]
    stored: Vec<u64>,
    /// Actions in flight while CPU and log are measured
    #[arg(long, default_value_t = 50)]
    in_flight: u64,
    /// Milliseconds that they are measured [default: 3000, thorough: 20000]
    #[arg(long)]
    millis: Option<u64>,
    /// Up to a million processes: ten minutes or more
    #[arg(long)]
    thorough: bool,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subject: Subject,
}

impl Settings {
    fn stored(&self) -> Vec<u64> {
        match (self.stored.is_empty(), self.thorough) {
            (false, _) => self.stored.clone(),
            (true, false) => vec![2_000, 20_000],
            (true, true) => vec![10_000, 100_000, 1_000_000],
        }
    }

    fn time(&self) -> Duration {
        let usual = if self.thorough { 20_000 } else { 3_000 };
        Duration::from_millis(self.millis.unwrap_or(usual))
    }
}

#[derive(Debug, Serialize)]
struct Point {
    stored: u64,
    launches_per_second: f64,
    actions_per_second: f64,
    /// By which RocksDB's log files grew.
    log_bytes_per_action: f64,
    /// Everything that the process wrote to the disk, including flushes and compactions.
    written_bytes_per_action: f64,
    cpu_micros_per_action: f64,
    /// From the start of the process to the first task that it sends for a waiting answer.
    start_to_first_delivery_millis: f64,
    /// Idle, after that start.
    resident_mib: f64,
}

/// # Errors
/// When engine or broker fail, or a message is lost.
pub fn run(settings: &Settings) -> Result<()> {
    let all = settings.stored();
    ensure!(
        all.is_sorted_by(|a, b| a < b),
        "--stored takes rising numbers"
    );
    ensure!(
        settings.in_flight > 0 && !settings.time().is_zero(),
        "nothing to measure"
    );
    let folder = tempfile::tempdir()?;
    let mut clerk = Clerk::connect(&broker_url()?)?;
    let prefix = format!("growth-{}", std::process::id());
    let mut engine = Contender::engine(&mut clerk, &settings.subject, folder.path(), &prefix)?;
    engine.fill(&clerk, settings.in_flight)?;
    let mut points: Vec<Point> = Vec::new();
    if !settings.json {
        print_head(settings);
    }
    for stored in all {
        let more = stored - points.last().map_or(0, |point| point.stored);
        let launches_per_second = park(&mut engine, &clerk, more)?;
        let mut point = measure(&mut engine, settings.time())?;
        point.stored = stored;
        point.launches_per_second = launches_per_second;
        point.start_to_first_delivery_millis = restart(&mut engine)?.as_secs_f64() * 1e3;
        processes::rest(engine.pid()?, PATIENCE)?;
        point.resident_mib = processes::memory(engine.pid()?)?.resident as f64 / f64::from(1 << 20);
        if !settings.json {
            print(&point);
        }
        points.push(point);
    }
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&points)?);
    } else {
        print_ratios(&points);
    }
    Ok(())
}

/// Launches idle processes and lets the engine become idle, including its compactions. Returns how
/// many it launched per second.
fn park(engine: &mut Contender, clerk: &Clerk, count: u64) -> Result<f64> {
    let launches = engine.engine_mut()?.name("launches");
    let started = Instant::now();
    for (number, activity) in (0..).zip(PARKED) {
        let definition = format!(
            "<process><context><property name=\"text\" type=\"str\">some text that is \
             stored</property></context>{activity}</process>"
        );
        clerk.put(&launches, definition.as_bytes(), (count + number) / 2)?;
    }
    let patience = PATIENCE + Duration::from_secs(count / LAUNCHES_A_SECOND);
    while clerk.ready(&launches)? > 0 {
        if started.elapsed() > patience {
            bail!(
                "the engine does not take launches:\n{}",
                engine.engine_mut()?.log_tail()
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let rate = per_second(count, started.elapsed());
    processes::rest(engine.pid()?, patience)?;
    Ok(rate)
}

fn measure(engine: &mut Contender, time: Duration) -> Result<Point> {
    let pid = engine.pid()?;
    let log = LogWatch::start(&engine.engine_mut()?.storage().join("state"))?;
    let (cpu, written) = (processes::cpu(pid)?, processes::written(pid)?);
    let before = engine.participant.answered();
    let started = Instant::now();
    engine.participant.open();
    std::thread::sleep(time);
    engine.participant.close();
    engine.settle()?;
    let actions = engine.participant.answered() - before;
    let took = started.elapsed();
    // Deferred work, such as removals and compactions, belongs to these actions.
    processes::rest(pid, PATIENCE)?;
    ensure!(actions > 0, "nothing moved");
    let each = |all: f64| all / actions as f64;
    Ok(Point {
        stored: 0,
        launches_per_second: 0.0,
        actions_per_second: per_second(actions, took),
        log_bytes_per_action: each(log.grown()? as f64),
        written_bytes_per_action: each((processes::written(pid)? - written) as f64),
        cpu_micros_per_action: each((processes::cpu(pid)? - cpu).as_secs_f64() * 1e6),
        start_to_first_delivery_millis: 0.0,
        resident_mib: 0.0,
    })
}

/// Stops the engine, lets answers wait for it, starts it, and measures the time to its first task.
fn restart(contender: &mut Contender) -> Result<Duration> {
    contender.engine_mut()?.end()?;
    contender.participant.open();
    contender.participant.holds(0)?;
    let before = contender.participant.taken();
    let started = Instant::now();
    contender.engine_mut()?.start()?;
    while contender.participant.taken() == before {
        if started.elapsed() > PATIENCE {
            bail!(
                "the engine sends nothing:\n{}",
                contender.engine_mut()?.log_tail()
            );
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = started.elapsed();
    contender.participant.close();
    contender.settle()?;
    Ok(took)
}

fn print_head(settings: &Settings) {
    println!(
        "growth: {} actions in flight for {:?}; of the stored processes, half await an event, half \
         a time",
        settings.in_flight,
        settings.time()
    );
    println!(
        "{:>9} | {:>10} {:>9} | {:>12} {:>16} {:>10} | {:>17} {:>12}",
        "stored",
        "launches/s",
        "actions/s",
        "log B/action",
        "written B/action",
        "CPU µs",
        "start to task, ms",
        "resident MiB"
    );
}

fn print(point: &Point) {
    println!(
        "{:>9} | {:>10.0} {:>9.0} | {:>12.0} {:>16.0} {:>10.1} | {:>17.0} {:>12.1}",
        point.stored,
        point.launches_per_second,
        point.actions_per_second,
        point.log_bytes_per_action,
        point.written_bytes_per_action,
        point.cpu_micros_per_action,
        point.start_to_first_delivery_millis,
        point.resident_mib
    );
}

fn print_ratios(points: &[Point]) {
    let ends = points.first().zip(points.last());
    let Some((first, last)) = ends.filter(|(first, last)| first.stored < last.stored) else {
        return;
    };
    println!(
        "at {} beside {}: log {:.2}, written {:.2}, CPU {:.2} times",
        last.stored,
        first.stored,
        last.log_bytes_per_action / first.log_bytes_per_action,
        last.written_bytes_per_action / first.written_bytes_per_action,
        last.cpu_micros_per_action / first.cpu_micros_per_action
    );
}
