//! Runs one fuzz target, or replays one input.
#![forbid(unsafe_code)]

use anyhow::{Context, Result, bail};
use bureaucrat_fuzz::{Target, run};
use std::{path::PathBuf, time::Duration};

const HELP: &str = "\
Runs a fuzz target: changed seeds until something fails or a bound is reached.

Usage: fuzz TARGET [--inputs N] [--seconds N] [--seed N] [--journal FILE]
       fuzz TARGET --replay FILE

  --inputs N      end after that many inputs [default: no bound]
  --seconds N     end after that many seconds [default: 60, without --inputs]
  --seed N        where the random numbers begin: the same seed gives the same inputs [default: 1]
  --journal FILE  holds the input in hand, for when the process dies [default: fuzz-TARGET.input]

Exits with 0 when nothing failed, 1 or a signal when something did, 2 for wrong usage.
Targets:";

struct Arguments {
    target: Target,
    inputs: Option<u64>,
    seconds: Option<u64>,
    seed: u64,
    journal: PathBuf,
    replay: Option<PathBuf>,
}

fn arguments() -> Result<Option<Arguments>> {
    let mut words = std::env::args().skip(1);
    let Some(name) = words
        .next()
        .filter(|word| !matches!(word.as_str(), "-h" | "--help"))
    else {
        return Ok(None);
    };
    let target =
        Target::named(&name).with_context(|| format!("there is no target {name}; see --help"))?;
    let mut arguments = Arguments {
        target,
        inputs: None,
        seconds: None,
        seed: 1,
        journal: format!("fuzz-{name}.input").into(),
        replay: None,
    };
    while let Some(word) = words.next() {
        let value = words
            .next()
            .with_context(|| format!("{word} needs a value; see --help"))?;
        match word.as_str() {
            "--inputs" => arguments.inputs = Some(value.parse().context("--inputs")?),
            "--seconds" => arguments.seconds = Some(value.parse().context("--seconds")?),
            "--seed" => arguments.seed = value.parse().context("--seed")?,
            "--journal" => arguments.journal = value.into(),
            "--replay" => arguments.replay = Some(value.into()),
            other => bail!("there is no option {other}; see --help"),
        }
    }
    Ok(Some(arguments))
}

fn main() {
    let arguments = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            let names: Vec<_> = Target::ALL.iter().map(|target| target.name()).collect();
            println!("{HELP} {}", names.join(", "));
            return;
        }
        Err(error) => {
            eprintln!("fuzz: {error:#}");
            std::process::exit(2);
        }
    };
    if let Err(error) = fuzz(&arguments) {
        eprintln!("fuzz: {}: {error:#}", arguments.target.name());
        std::process::exit(1);
    }
}

fn fuzz(arguments: &Arguments) -> Result<()> {
    if let Some(file) = &arguments.replay {
        let input = std::fs::read(file).with_context(|| file.display().to_string())?;
        return run::replay(arguments.target, &[input]);
    }
    let seconds = match (arguments.seconds, arguments.inputs) {
        (Some(seconds), _) => seconds,
        (None, Some(_)) => u64::from(u32::MAX),
        (None, None) => 60,
    };
    let bounds = run::Bounds {
        inputs: arguments.inputs.unwrap_or(u64::MAX),
        time: Duration::from_secs(seconds),
    };
    let done = run::run(arguments.target, arguments.seed, bounds, &arguments.journal)?;
    println!(
        "{:<11} {:>11} inputs  {:>5} traces  {:>7.1} s  {:>9.0} a second  {:>4} MiB grown",
        arguments.target.name(),
        done.inputs,
        done.traces,
        done.time.as_secs_f64(),
        done.inputs as f64 / done.time.as_secs_f64().max(0.001),
        done.grown >> 20,
    );
    Ok(())
}
