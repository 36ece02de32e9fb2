//! Runs the simulation over many seeds, or one plan again with its last steps.

use bureaucrat_tests::simulation::{Plan, Tracing, Trouble, run, sandbox, sweep, told};
use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    time::Instant,
};

const HELP: &str = "\
Usage: simulate [--seeds N] [--from SEED] [--launches N] [--steps N] [--without KIND,...] [--with KIND]
       simulate --seed SEED [--launches N] [--steps N] [--without KIND,...] [--with KIND]

  --seeds N        how many seeds are run [default: 10000]
  --from SEED      the first of them [default: 0]
  --seed SEED      run this one alone, and print its last steps when it fails
  --launches N     processes of a run [default: 5]
  --steps N        steps with trouble before the calm [default: 2000]
  --without KINDS  kinds of trouble to leave out: power, disk, reads, connections, blocking, queues, clock, repeats,
                   late, hostile, rival, restarts, faults, bounds, jobs
  --with KIND      a kind of trouble that is left out otherwise: takeovers (engines are suspended, replaced by others,
                   and wake), away (the store gives no answers at times), patience (launches wait long), sharing (several
                   engines share the store), versions (of two versions, with sharing); may be repeated

Examples:
  simulate --seeds 100000
  simulate --seed 17 --launches 2 --steps 400 --without clock,rival
  simulate --seeds 1000 --with sharing --with versions

Ends with 0 when everything held, with 1 when something did not, with 2 for arguments that can't be used.";

struct Arguments {
    plan: Plan,
    from: u64,
    seeds: u64,
    alone: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments {
        plan: Plan::new(0),
        from: 0,
        seeds: 10_000,
        alone: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if ["--help", "-h"].contains(&argument.as_str()) {
            return Err(HELP.into());
        }
        let value = arguments
            .next()
            .ok_or_else(|| format!("{argument} needs a value"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|error| format!("{argument} {value}: {error}"))
        };
        match argument.as_str() {
            "--seeds" => found.seeds = number()?,
            "--from" => found.from = number()?,
            "--seed" => (found.plan.seed, found.alone) = (number()?, true),
            "--launches" => {
                found.plan.launches =
                    usize::try_from(number()?).map_err(|error| error.to_string())?
            }
            "--steps" => found.plan.steps = number()?,
            "--with" => match Trouble::named(&value) {
                Some(trouble) => found.plan.without.retain(|without| *without != trouble),
                None => return Err(format!("there is no kind of trouble `{value}`")),
            },
            "--without" => {
                for name in value.split(',') {
                    let trouble = Trouble::named(name)
                        .ok_or_else(|| format!("there is no kind of trouble `{name}`"))?;
                    found.plan.without.push(trouble);
                }
            }
            _ => return Err(format!("there is no argument {argument}; see --help")),
        }
    }
    Ok(found)
}

fn main() -> ExitCode {
    let Arguments {
        plan,
        from,
        seeds,
        alone,
    } = match arguments() {
        Ok(arguments) => arguments,
        Err(words) if words == HELP => {
            println!("{words}");
            return ExitCode::SUCCESS;
        }
        Err(words) => {
            eprintln!("simulate: {words}");
            return ExitCode::from(2);
        }
    };
    let cache = tempfile::tempdir();
    let sandbox = match cache
        .as_ref()
        .map_err(ToString::to_string)
        .and_then(|cache| sandbox(cache.path()))
    {
        Ok(sandbox) => sandbox,
        Err(error) => {
            eprintln!("simulate: cannot set up the sandbox: {error}");
            return ExitCode::FAILURE;
        }
    };
    let started = Instant::now();
    let (runs, ended) = if alone {
        (
            1,
            run(&plan, &sandbox, Tracing::Off).map_err(|failure| told(plan, failure, &sandbox)),
        )
    } else {
        let plans: Vec<_> = (from..from.saturating_add(seeds))
            .map(|seed| Plan {
                seed,
                ..plan.clone()
            })
            .collect();
        let is_watched = std::io::stderr().is_terminal();
        let progress = |done: u64| {
            if is_watched && done.is_multiple_of(50) {
                eprint!("\r{done} of {seeds} seeds");
                let _ = std::io::stderr().flush();
            }
        };
        (seeds, sweep(&plans, &sandbox, progress))
    };
    match ended {
        Ok(report) => {
            println!(
                "{runs} seeds in {:.1} s, everything held",
                started.elapsed().as_secs_f64()
            );
            for (what, count) in &report.counts {
                println!("  {what:<40} {count:>12}");
            }
            ExitCode::SUCCESS
        }
        Err(told) => {
            println!("{told}");
            ExitCode::FAILURE
        }
    }
}
