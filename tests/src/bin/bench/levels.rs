//! The engine compared with the durable and the bare relay, at several numbers of messages in
//! flight: in short alternating rounds, so that a noisy machine disturbs all three alike.

use crate::{
    clerk::Clerk,
    contenders::{Contender, looping},
    processes,
    statistics::{Spread, per_second},
    subject::Subject,
};
use anyhow::{Result, ensure};
use bureaucrat_tests::engine::broker_url;
use clap::Args;
use serde::Serialize;
use std::time::{Duration, Instant};

/// A level is void if the durable relay reaches less than this part of the bare relay's rate.
const VALID_FROM: f64 = 0.7;

#[derive(Debug, Args)]
pub struct Settings {
    /// How many messages are in flight, in rising order
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 50, 200, 1_000])]
    in_flight: Vec<u64>,
    /// Rounds at each level; each measures all three [default: 5, thorough: 11]
    #[arg(long)]
    rounds: Option<u32>,
    /// Milliseconds that each is measured in a round [default: 700, thorough: 2000]
    #[arg(long)]
    millis: Option<u64>,
    /// How many actions the engine's loop has for each of its conditions
    #[arg(long, default_value_t = 1)]
    actions: usize,
    /// Longer: about seven minutes in place of one and a half
    #[arg(long)]
    thorough: bool,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subject: Subject,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            in_flight: vec![1, 10, 50, 200, 1_000],
            rounds: None,
            millis: None,
            actions: 1,
            thorough: false,
            json: false,
            subject: Subject::default(),
        }
    }
}

impl Settings {
    fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.thorough { 11 } else { 5 })
    }

    fn time(&self) -> Duration {
        let usual = if self.thorough { 2_000 } else { 700 };
        Duration::from_millis(self.millis.unwrap_or(usual))
    }
}

/// What one contender did in one round.
struct Round {
    rate: f64,
    cpu: Duration,
    actions: u64,
}

#[derive(Debug, Serialize)]
struct Figures {
    actions_per_second: Spread,
    cpu_micros_per_action: f64,
}

#[derive(Debug, Serialize)]
struct Level {
    in_flight: u64,
    engine: Figures,
    durable_relay: Figures,
    bare_relay: Figures,
    /// Ratios of rates in the same round.
    engine_to_durable: Spread,
    durable_to_bare: Spread,
    cpu_engine_to_durable: f64,
    /// Whether the durable relay is fast enough for a comparison.
    valid: bool,
}

/// # Errors
/// When engine or broker fail, or a message is lost.
pub fn run(settings: &Settings) -> Result<()> {
    let rising = settings.in_flight.is_sorted_by(|a, b| a < b);
    ensure!(
        rising && settings.in_flight.first().is_some_and(|first| *first > 0),
        "--in-flight takes rising numbers"
    );
    ensure!(
        settings.rounds() > 0 && !settings.time().is_zero(),
        "nothing to measure"
    );
    let folder = tempfile::tempdir()?;
    let mut clerk = Clerk::connect(&broker_url()?)?;
    let prefix = format!("bench-{}", std::process::id());
    let definition = looping(settings.actions.max(1));
    let mut engine = Contender::engine_with(
        &mut clerk,
        &settings.subject,
        folder.path(),
        &prefix,
        &definition,
    )?;
    engine.fill(&clerk, 1)?;
    // The relays carry exactly the bytes that the engine sends.
    let body = engine.participant.last_body();
    let log = folder.path().join("relay");
    std::fs::create_dir(&log)?;
    let mut relay =
        |name, log| Contender::relay(&mut clerk, log, &format!("{prefix}-{name}"), &body);
    let durable = relay("durable", Some(log.as_path()))?;
    let bare = relay("bare", None)?;
    let mut contenders = [engine, durable, bare];
    if !settings.json {
        print_head(settings, body.len());
    }
    let mut levels = Vec::new();
    for &in_flight in &settings.in_flight {
        for contender in &mut contenders {
            contender.fill(&clerk, in_flight)?;
        }
        let mut rounds = [const { Vec::new() }; 3];
        for _ in 0..settings.rounds() {
            for (contender, rounds) in contenders.iter_mut().zip(&mut rounds) {
                rounds.push(round(contender, settings.time())?);
            }
        }
        let level = level(in_flight, &rounds);
        if !settings.json {
            print(&level);
        }
        levels.push(level);
    }
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&levels)?);
    } else {
        print_legend();
    }
    Ok(())
}

/// Runs one contender: measures the rate after a short warm-up, and the CPU over the whole round,
/// so that briefly deferred work counts too.
fn round(contender: &mut Contender, time: Duration) -> Result<Round> {
    let pid = contender.pid()?;
    let (cpu, all) = (processes::cpu(pid)?, contender.participant.answered());
    contender.participant.open();
    std::thread::sleep(time / 4);
    let (before, started) = (contender.participant.answered(), Instant::now());
    std::thread::sleep(time);
    let (answered, took) = (contender.participant.answered(), started.elapsed());
    contender.participant.close();
    contender.settle()?;
    let actions = contender.participant.answered() - all;
    ensure!(actions > 0, "nothing moved");
    Ok(Round {
        rate: per_second(answered - before, took),
        cpu: processes::cpu(pid)? - cpu,
        actions,
    })
}

fn figures(rounds: &[Round]) -> Figures {
    let actions: u64 = rounds.iter().map(|round| round.actions).sum();
    let cpu: Duration = rounds.iter().map(|round| round.cpu).sum();
    Figures {
        actions_per_second: Spread::of(rounds.iter().map(|round| round.rate)),
        cpu_micros_per_action: cpu.as_secs_f64() * 1e6 / actions as f64,
    }
}

fn level(in_flight: u64, [engine, durable, bare]: &[Vec<Round>; 3]) -> Level {
    let ratio = |one: &[Round], other: &[Round]| {
        Spread::of(
            one.iter()
                .zip(other)
                .map(|(one, other)| one.rate / other.rate),
        )
    };
    let (engine_to_durable, durable_to_bare) = (ratio(engine, durable), ratio(durable, bare));
    let (engine, durable_relay) = (figures(engine), figures(durable));
    Level {
        in_flight,
        cpu_engine_to_durable: engine.cpu_micros_per_action / durable_relay.cpu_micros_per_action,
        engine,
        durable_relay,
        bare_relay: figures(bare),
        engine_to_durable,
        durable_to_bare,
        valid: durable_to_bare.median >= VALID_FROM,
    }
}

fn print_head(settings: &Settings, body: usize) {
    println!(
        "levels: {} rounds of {:?} each, interleaved; bodies of {body} bytes; medians, quartiles \
         in brackets",
        settings.rounds(),
        settings.time(),
    );
    println!(
        "{:>9} | {:>22} {:>22} {:>22} | {:>18} {:>18} | {:>7} {:>7} {:>7} {:>6}",
        "in flight",
        "engine /s",
        "durable relay /s",
        "bare relay /s",
        "engine/durable",
        "durable/bare",
        "CPU eng",
        "durable",
        "bare µs",
        "factor"
    );
}

fn print(level: &Level) {
    let rate = |figures: &Figures| {
        let Spread { median, low, high } = figures.actions_per_second;
        format!("{median:.0} [{low:.0}–{high:.0}]")
    };
    let ratio = |Spread { median, low, high }: Spread| format!("{median:.2} [{low:.2}–{high:.2}]");
    println!(
        "{:>9} | {:>22} {:>22} {:>22} | {:>18} {:>18} | \
         {:>7.0} {:>7.0} {:>7.0} {:>6.2}{}",
        level.in_flight,
        rate(&level.engine),
        rate(&level.durable_relay),
        rate(&level.bare_relay),
        ratio(level.engine_to_durable),
        ratio(level.durable_to_bare),
        level.engine.cpu_micros_per_action,
        level.durable_relay.cpu_micros_per_action,
        level.bare_relay.cpu_micros_per_action,
        level.cpu_engine_to_durable,
        if level.valid { "" } else { "  void" }
    );
}

fn print_legend() {
    println!(
        "durable relay: consume, append twice, one fdatasync for all that waits, publish with \
         confirm, acknowledge\nbare relay: the same without the log\nCPU: µs an action, of that \
         process alone\nvoid: the durable relay makes less than {VALID_FROM} of the bare one"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(rates: [f64; 3], cpu_millis: u64) -> Vec<Round> {
        let round = |rate| Round {
            rate,
            cpu: Duration::from_millis(cpu_millis),
            actions: 100,
        };
        rates.map(round).into()
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        // The machine was slower in the second round, for all contenders.
        let all = [
            rounds([90.0, 9.0, 80.0], 3),
            rounds([100.0, 10.0, 100.0], 2),
            rounds([200.0, 20.0, 200.0], 1),
        ];
        let level = level(10, &all);
        assert_eq!(level.engine_to_durable.median, 0.9);
        assert_eq!(level.durable_to_bare.median, 0.5);
        assert!(!level.valid, "0.5 is below the limit");
        assert_eq!(level.cpu_engine_to_durable, 1.5);
        assert_eq!(level.durable_relay.cpu_micros_per_action, 20.0);
    }
}
