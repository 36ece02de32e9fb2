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
    screen::clean,
};
use anyhow::bail;
use bureaucrat_sandbox::Outcome;
use serde_json::{Value, json};
use std::{
    fmt,
    time::{Duration, Instant},
};

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
    let (evaluation, instance) = (Spread::of(&times), Spread::of(&instances));
    if bench.json {
        let line = json!({
            "hash": guest.hash().to_string(),
            "function": bench.function,
            "outcome": super::cases::json(&outcome),
            "count": bench.count,
            "fuel_median": at(&fuel, 0.5),
            "fuel_most": at(&fuel, 1.0),
            "memory_bytes": memory_bytes,
            "evaluation_nanoseconds": evaluation.json(),
            "instance_nanoseconds": instance.json(),
        });
        print_line(&line.to_string())?;
        return Ok(Exit::Done);
    }
    let whole: Duration = times.iter().sum();
    let each = whole.as_secs_f64() / f64::from(bench.count);
    print_line(&clean(&format!(
        "outcome      {}",
        super::cases::shown(&outcome)
    )))?;
    print_line(&format!("fuel         {}", range(&fuel)))?;
    print_line(&format!("memory       {} KiB", memory_bytes >> 10))?;
    print_line(&format!("evaluation   {evaluation}"))?;
    print_line(&format!("  instance   {instance}"))?;
    print_line(&format!(
        "rate         {:.0} a second on one thread",
        1.0 / each.max(f64::MIN_POSITIVE)
    ))?;
    Ok(Exit::Done)
}

/// How times are spread.
struct Spread([(&'static str, Duration); 4]);

impl Spread {
    fn of(sorted: &[Duration]) -> Self {
        let quantiles = [("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("most", 1.0)];
        Self(quantiles.map(|(name, quantile)| (name, at(sorted, quantile))))
    }

    fn json(&self) -> Value {
        let entries = self.0.iter();
        let entries = entries.map(|(name, time)| ((*name).to_owned(), json!(nanos(*time))));
        Value::Object(entries.collect())
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self
            .0
            .map(|(name, time)| format!("{name} {}", micros(time)));
        f.write_str(&words.join(", "))
    }
}

fn range(sorted: &[u64]) -> String {
    match (sorted.first(), sorted.last()) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (None, _) | (_, None) => String::new(),
    }
}
