//! `module bench`: what an evaluation costs on this machine, each in a new instance as in the engine.

use super::{
    testing::{at, micros, nanos},
    tools,
};
use crate::{
    Exit,
    arguments::{ModuleBench, Options},
    commands::{fields, module_sandbox, print_line, view},
    progress::Progress,
};
use anyhow::bail;
use bureaucrat_sandbox::Outcome;
use serde_json::json;
use std::time::{Duration, Instant};

/// Evaluations before the clock runs, so that caches are warm.
const WARMING: u32 = 20;

pub fn run(options: &Options, bench: &ModuleBench) -> anyhow::Result<Exit> {
    let sandbox = module_sandbox(options)?;
    let guest = tools::load(&sandbox, &bench.file)?;
    tools::has_function(&guest, &bench.file, &bench.function)?;
    let view = view(&fields(bench.fields.as_deref())?);
    let progress = Progress::start("evaluating");
    let evaluate = || sandbox.evaluate(&guest, &bench.function, view.clone());
    for _ in 0..WARMING {
        evaluate();
    }
    let (mut instances, mut times, mut fuel) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory_bytes = 0;
    for _ in 0..bench.count {
        let started = Instant::now();
        if let Err(outcome) = sandbox.instantiate(&guest) {
            bail!("no instance can be made: {}", super::cases::shown(&outcome));
        }
        instances.push(started.elapsed());
        let started = Instant::now();
        let evaluated = evaluate();
        times.push(started.elapsed());
        if let Outcome::Environmental(reason) = evaluated.outcome {
            bail!("no outcome: {reason}");
        }
        fuel.push(evaluated.fuel);
        memory_bytes = evaluated.memory_bytes.max(memory_bytes);
    }
    drop(progress);
    let outcome = evaluate().outcome;
    instances.sort_unstable();
    times.sort_unstable();
    fuel.sort_unstable();
    if bench.json {
        let spread = |times: &[Duration]| {
            json!({
                "median": nanos(at(times, 0.5)),
                "p90": nanos(at(times, 0.9)),
                "p99": nanos(at(times, 0.99)),
                "most": nanos(at(times, 1.0)),
            })
        };
        let line = json!({
            "hash": guest.hash().to_string(),
            "function": bench.function,
            "outcome": super::cases::json(&outcome),
            "count": bench.count,
            "fuel_median": at(&fuel, 0.5),
            "fuel_most": at(&fuel, 1.0),
            "memory_bytes": memory_bytes,
            "evaluation_nanoseconds": spread(&times),
            "instance_nanoseconds": spread(&instances),
        });
        print_line(&line.to_string())?;
        return Ok(Exit::Done);
    }
    let spread = |times: &[Duration]| {
        format!(
            "median {}, p90 {}, p99 {}, most {}",
            micros(at(times, 0.5)),
            micros(at(times, 0.9)),
            micros(at(times, 0.99)),
            micros(at(times, 1.0))
        )
    };
    let whole: Duration = times.iter().sum();
    let each = whole.as_secs_f64() / f64::from(bench.count);
    print_line(&format!("outcome      {}", super::cases::shown(&outcome)))?;
    print_line(&format!("fuel         {}", range(&fuel)))?;
    print_line(&format!("memory       {} KiB", memory_bytes >> 10))?;
    print_line(&format!("evaluation   {}", spread(&times)))?;
    print_line(&format!("  instance   {}", spread(&instances)))?;
    print_line(&format!(
        "rate         {:.0} a second on one thread",
        1.0 / each.max(f64::MIN_POSITIVE)
    ))?;
    Ok(Exit::Done)
}

fn range(sorted: &[u64]) -> String {
    match (sorted.first(), sorted.last()) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (None, _) | (_, None) => String::new(),
    }
}
