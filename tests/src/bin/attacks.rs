//! Prints a benign load's throughput and latency without and with each attack of the catalogue.
//! Uses its own engine and RabbitMQ. Fails if a benign process is lost or the engine's memory
//! grows.

use anyhow::{Context, Result, bail, ensure};
use bureaucrat_tests::{
    attacks::{
        Stop, catalogue,
        load::{Place, attack, benign, beside, beside_relay},
        orders::Order,
        relay::Answer,
    },
    engine::broker_url,
    operating::Operated,
};
use std::{process::ExitCode, time::Duration};
use tokio::sync::watch;

/// How much the engine may grow during the second half of a flood, in bytes. The first half fills
/// caches, and what the allocator keeps for the largest messages.
const GROWTH_MAX: u64 = 16 << 20;

struct Options {
    seconds: u64,
    rate: u32,
    only: Option<String>,
    flood: u64,
}

fn options() -> Result<Options> {
    let mut options = Options {
        seconds: 5,
        rate: 50,
        only: None,
        flood: 0,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--seconds" => options.seconds = value.parse()?,
            "--rate" => options.rate = value.parse()?,
            "--attack" => options.only = Some(value),
            "--flood" => options.flood = value.parse()?,
            other => bail!("no option {other}"),
        }
    }
    ensure!(
        options.seconds > 0 && options.rate > 0,
        "nothing to measure"
    );
    Ok(options)
}

/// The resident memory of a process, in bytes.
fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(kibibytes.context("no VmRSS")?.parse::<u64>()? << 10)
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

async fn run(options: Options) -> Result<()> {
    let mut operated = Operated::new(&format!("attacks.{}", std::process::id()), &[])?;
    operated.start()?;
    operated.launch("<process/>")?;
    let engine = &operated.engine;
    let place = Place {
        url: broker_url()?,
        launches: engine.name("launches"),
        answers: engine.name("answers"),
        events: engine.name("events"),
        dead: engine.name("dead"),
    };
    let pid = engine.pid().context("the engine does not run")?;
    let time = Duration::from_secs(options.seconds);
    let mut orders = Vec::new();
    for attack in catalogue() {
        let wanted = options
            .only
            .as_ref()
            .is_none_or(|part| attack.name.contains(part));
        if let Some(order) = Order::of(&attack)?.filter(|_| wanted) {
            let answer = match attack.stop {
                Stop::Refused(_) | Stop::DeadLetter(_) => Answer::Refused,
                Stop::Fault(_) | Stop::Harmless => Answer::Run,
            };
            orders.push((attack.name, order, answer));
        }
    }
    ensure!(!orders.is_empty(), "no attack has that name");
    // The first processes of a run compile their definition and fill caches.
    benign(&place, options.rate, Duration::from_secs(2)).await?;
    println!(
        "| attack | attacks a second | the broker alone | benign a second | alone | median | alone | p99 | alone | the broker alone | factor |"
    );
    println!("|{}", " --- |".repeat(11));
    let mut within = 0;
    for (name, order, answer) in &orders {
        let alone = benign(&place, options.rate, time).await?;
        let attacked = beside(&place, order, options.rate, time)
            .await
            .with_context(|| format!("beside \"{name}\":\n{}", engine.log_tail()))?;
        let relayed = beside_relay(&place, order, *answer, options.rate, time).await;
        // An attack may be more than the broker alone can handle; the engine was measured anyway.
        let (broker_rate, broker_p99) = match relayed {
            Ok(relayed) => (
                format!("{:.0}", relayed.attacks_per_second),
                millis(relayed.benign.p99),
            ),
            Err(error) => ("-".to_owned(), format!("{error:#}")),
        };
        let factor = attacked.benign.p99.as_secs_f64() / alone.p99.as_secs_f64();
        within += usize::from(factor < 2.0);
        println!(
            "| {name} | {:.0} | {broker_rate} | {:.1} | {:.1} | {} | {} | {} | {} | {broker_p99} | {factor:.1} |",
            attacked.attacks_per_second,
            attacked.benign.per_second,
            alone.per_second,
            millis(attacked.benign.median),
            millis(alone.median),
            millis(attacked.benign.p99),
            millis(alone.p99),
        );
    }
    println!(
        "\np99 below twice the undisturbed one beside {within} of {}; {} MiB resident",
        orders.len(),
        resident(pid)? >> 20
    );
    if options.flood > 0 {
        flood(&place, &orders, options.flood, pid).await?;
    }
    operated.end()
}

/// Twice this many attacks of all kinds: memory must be the same after the second half as after the
/// first.
async fn flood(place: &Place, orders: &[(&str, Order, Answer)], most: u64, pid: u32) -> Result<()> {
    let each = (most / orders.len() as u64).max(1);
    let mut figures = vec![resident(pid)?];
    let mut count = 0;
    for _ in 0..2 {
        for (name, order, _) in orders {
            let (_stop, stopped) = watch::channel(false);
            count += attack(place, order, each, stopped)
                .await
                .with_context(|| (*name).to_owned())?;
        }
        figures.push(resident(pid)?);
    }
    let mebibytes: Vec<u64> = figures.iter().map(|bytes| bytes >> 20).collect();
    println!(
        "\n{count} attacks of {} kinds: {} MiB resident before, {} MiB after half of them, {} MiB at the end",
        orders.len(),
        mebibytes[0],
        mebibytes[1],
        mebibytes[2]
    );
    ensure!(
        figures[2] <= figures[1] + GROWTH_MAX,
        "the engine grew by {} MiB",
        mebibytes[2] - mebibytes[1]
    );
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match options() {
        Err(error) => {
            eprintln!("attacks: {error:#}; see scripts/attacks --help");
            ExitCode::from(2)
        }
        Ok(options) => match run(options).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("attacks: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}
