//! `module test`: a module against a table of cases, with what each costs.

use super::{
    cases::{self, Case, Tested},
    junit, tools,
};
use crate::{
    Exit,
    arguments::{ModuleTest, Options},
    commands::{module_sandbox, print_line},
    output,
    progress::Progress,
    screen::{self, tell},
};
use anyhow::Context;
use bureaucrat_sandbox::{Class, Guest, SandboxLimits};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// What all cases of a function cost.
struct Cost {
    cases: usize,
    failed: usize,
    /// Sorted.
    fuel: Vec<u64>,
    /// Sorted.
    times: Vec<Duration>,
    memory_bytes: u64,
}

pub fn run(options: &Options, test: &ModuleTest) -> anyhow::Result<Exit> {
    let table = cases::read(&test.cases)?;
    let sandbox = module_sandbox(options)?;
    let guest = tools::load(&sandbox, &test.file)?;
    for case in &table {
        tools::has_function(&guest, &test.file, &case.function)
            .with_context(|| format!("{}: `{}`", test.cases.display(), case.name))?;
    }
    let progress = Progress::start("running the cases");
    let started = Instant::now();
    let play = |case: Case| {
        let played = case.play(&sandbox, &guest);
        Tested {
            is_met: case.expected.is_met_by(&played.outcome),
            case,
            played,
        }
    };
    let tested: Vec<Tested> = table.into_iter().map(play).collect();
    let took = started.elapsed();
    drop(progress);
    if let Some(file) = &test.junit {
        let report = junit::report(&test.file.display().to_string(), &tested, took)?;
        output::write(file, &report)?;
    }
    let limits = sandbox.limits_of(guest.class());
    if test.json {
        print_line(&json(&guest, &tested, limits).to_string())?;
    } else {
        print(&guest, &tested, limits, took)?;
    }
    Ok(match tested.iter().all(|tested| tested.is_met) {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

fn costs(tested: &[Tested]) -> BTreeMap<&str, Cost> {
    let mut costs = BTreeMap::new();
    for Tested {
        case,
        played,
        is_met,
    } in tested
    {
        let cost = costs.entry(&*case.function).or_insert_with(|| Cost {
            cases: 0,
            failed: 0,
            fuel: Vec::new(),
            times: Vec::new(),
            memory_bytes: 0,
        });
        cost.cases += 1;
        cost.failed += usize::from(!is_met);
        cost.fuel.push(played.fuel);
        cost.times.push(played.time);
        cost.memory_bytes = cost.memory_bytes.max(played.memory_bytes);
    }
    for cost in costs.values_mut() {
        cost.fuel.sort_unstable();
        cost.times.sort_unstable();
    }
    costs
}

fn print(
    guest: &Guest,
    tested: &[Tested],
    limits: &SandboxLimits,
    took: Duration,
) -> anyhow::Result<()> {
    for Tested { case, played, .. } in tested.iter().filter(|tested| !tested.is_met) {
        let (name, function) = (screen::clean(&case.name), &case.function);
        print_line(&format!("FAILED  {name} ({function})"))?;
        print_line(&screen::clean(&format!("  expected  {}", case.expected)))?;
        let was = cases::shown(&played.outcome);
        print_line(&screen::clean(&format!("  was       {was}")))?;
        for words in played.log.texts() {
            print_line(&format!("  log       {}", screen::clean(words)))?;
        }
    }
    let style = screen::heading();
    let costs = costs(tested);
    let width = costs.keys().map(|name| name.len()).max().unwrap_or(0);
    let width = width.max("FUNCTION".len());
    print_line(&format!(
        "{style}{:<width$}  CASES  {:>11}  {:>11}  {:>8}  {:>9}  {:>9}  {:>9}{style:#}",
        "FUNCTION", "FUEL MEDIAN", "MOST", "OF LIMIT", "MEMORY", "TIME P50", "P99"
    ))?;
    for (function, cost) in &costs {
        let most = at(&cost.fuel, 1.0);
        print_line(&format!(
            "{function:<width$}  {:>5}  {:>11}  {most:>11}  {:>8}  {:>9}  {:>9}  {:>9}",
            cost.cases,
            at(&cost.fuel, 0.5),
            percent(most, limits.fuel),
            format!("{} KiB", cost.memory_bytes >> 10),
            micros(at(&cost.times, 0.5)),
            micros(at(&cost.times, 0.99)),
        ))?;
    }
    for line in worst(guest, tested, limits) {
        print_line(&screen::clean(&line))?;
    }
    let failed = tested.iter().filter(|tested| !tested.is_met).count();
    let compiled = match guest.compile_time() {
        Some(time) => format!("compiled in {:.1} s", time.as_secs_f64()),
        None => "compiled before".to_owned(),
    };
    tell(&format!(
        "{} cases, {failed} failed, in {:.2} s ({compiled})",
        tested.len(),
        took.as_secs_f64()
    ));
    Ok(())
}

/// The most bytes of memory that the guest's class may have.
fn memory_limit(guest: &Guest, limits: &SandboxLimits) -> u64 {
    let bytes = match guest.class() {
        Class::Small => limits.memory_bytes,
        Class::Runtime => limits.runtime_memory_bytes,
    };
    bytes as u64
}

/// The cases that come nearest to a limit.
fn worst(guest: &Guest, tested: &[Tested], limits: &SandboxLimits) -> Vec<String> {
    let fuel = |tested: &&Tested| tested.played.fuel;
    let memory = |tested: &&Tested| tested.played.memory_bytes;
    let line = |what: &str, most: u64, limit: u64, tested: &Tested| {
        let Case { name, function, .. } = &tested.case;
        let share = percent(most, limit);
        format!("most {what}: {most} of {limit} ({share}), in `{name}` ({function})")
    };
    let by_fuel = tested.iter().max_by_key(fuel);
    let by_fuel = by_fuel.map(|worst| line("fuel", worst.played.fuel, limits.fuel, worst));
    let by_memory = tested.iter().max_by_key(memory).map(|worst| {
        let limit = memory_limit(guest, limits);
        line("memory in bytes", worst.played.memory_bytes, limit, worst)
    });
    by_fuel.into_iter().chain(by_memory).collect()
}

fn json(guest: &Guest, tested: &[Tested], limits: &SandboxLimits) -> Value {
    let cases = tested.iter().map(
        |Tested {
             case,
             played,
             is_met,
         }| {
            json!({
                "name": case.name,
                "function": case.function,
                "passed": is_met,
                "expected": case.expected.json(),
                "was": cases::json(&played.outcome),
                "log": played.log.texts().collect::<Vec<_>>(),
                "log_dropped": played.log.dropped(),
                "fuel": played.fuel,
                "memory_bytes": played.memory_bytes,
                "nanoseconds": nanos(played.time),
            })
        },
    );
    let functions = costs(tested).into_iter().map(|(function, cost)| {
        json!({
            "function": function,
            "cases": cost.cases,
            "failed": cost.failed,
            "fuel_median": at(&cost.fuel, 0.5),
            "fuel_most": at(&cost.fuel, 1.0),
            "memory_bytes_most": cost.memory_bytes,
            "nanoseconds_median": nanos(at(&cost.times, 0.5)),
            "nanoseconds_p99": nanos(at(&cost.times, 0.99)),
        })
    });
    json!({
        "hash": guest.hash().to_string(),
        "failed": tested.iter().filter(|tested| !tested.is_met).count(),
        "fuel_limit": limits.fuel,
        "memory_bytes_limit": memory_limit(guest, limits),
        "functions": functions.collect::<Vec<_>>(),
        "cases": cases.collect::<Vec<_>>(),
    })
}

/// The quantile of sorted values.
pub fn at<T: Copy + Default>(sorted: &[T], quantile: f64) -> T {
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index below a length, and it may be rounded"
    )]
    let index = (quantile * last as f64).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

pub fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn percent(part: u64, whole: u64) -> String {
    format!("{:.2} %", part as f64 / whole.max(1) as f64 * 100.0)
}
