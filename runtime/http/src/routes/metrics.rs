//! Metrics for Prometheus: what the engine has counted, and how it stands.
//!
//! Names and units are those of Prometheus' conventions. What takes long to count comes from the census,
//! so a scrape costs the engine the same however many processes there are.

mod collectors;
mod standing;

use crate::{
    engine::Call,
    operation::{Access, Nothing, Operation, Reach},
    problem::Problem,
    reply::Reply,
    tokens::Role,
};
use bureaucrat_host::meters::{BOUNDS_MICROS, Meters, Spans};
use collectors::{Refusals, Taken};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::ConstCounter, gauge::Gauge},
    registry::{Registry, Unit},
};
use std::{fmt, sync::Arc};

/// The media type of the answer: the text format that all scrapers read, and promtool checks.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub fn operations() -> Vec<Operation> {
    vec![Operation::raw(
        "/metrics",
        "metrics",
        Access::Needs(Role::Read, Reach::Engine),
        ("Metrics, as Prometheus reads them", TEXT),
        metrics,
    )]
}

fn metrics(call: &Call, _: Nothing) -> Result<Reply, Problem> {
    let mut registry = Registry::with_prefix("bureaucrat");
    let meters = call.engine.meters();
    let meters = meters.ok_or_else(|| Problem::unavailable("the engine has not started yet"))?;
    let (memory, log) = call.engine.store();
    counted(&mut registry, &meters, log);
    standing::add(&mut registry, call, memory);
    process(&mut registry);
    let mut text = String::new();
    let written = encode(&mut text, &registry);
    written.map_err(|error: fmt::Error| Problem::unavailable(error.to_string()))?;
    Ok(Reply::of(200, TEXT, classic(&text)))
}

/// OpenMetrics as the older text format: there, what describes a counter has its whole name, and there
/// are no units and no end.
fn classic(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut words = line.splitn(4, ' ');
        let (mark, what) = (words.next(), words.next());
        let (Some("#"), Some(what)) = (mark, what) else {
            told += line;
            told.push('\n');
            continue;
        };
        let (name, rest) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let next = lines.peek().copied().unwrap_or_default();
        let is_counter = match what {
            "HELP" => next == format!("# TYPE {name} counter"),
            "TYPE" => rest == "counter",
            _ => continue,
        };
        let suffix = if is_counter { "_total" } else { "" };
        told += &format!("# {what} {name}{suffix} {rest}\n");
    }
    told
}

fn counted(registry: &mut Registry, meters: &Arc<Meters>, log: &Spans) {
    let mut count = |name: &str, help: &str, value: u64| {
        registry.register(name, help, ConstCounter::new(value));
    };
    count(
        "commits",
        "Batches that were written with one sync",
        meters.commits.get(),
    );
    count(
        "launches",
        "Processes that were started",
        meters.launches.get(),
    );
    count(
        "completions",
        "Processes that completed",
        meters.completed.get(),
    );
    count("failures", "Processes that failed", meters.failed.get());
    count("answers", "Answers that arrived", meters.answers.get());
    count(
        "tasks",
        "Tasks that were put into the outbox",
        meters.tasks.get(),
    );
    count("events", "Events that arrived", meters.events.get());
    count(
        "dead_letters",
        "Messages that became dead letters",
        meters.dead_letters.get(),
    );
    count(
        "parkings",
        "Processes that the engine could not continue",
        meters.parked.get(),
    );
    count(
        "evaluations",
        "Conditions and expressions that were evaluated",
        meters.evaluations.get(),
    );
    count("fuel", "Fuel that evaluations took", meters.fuel.get());
    let refused = &meters.refused;
    let reasons = [
        ("definition", &refused.definition),
        ("rules", &refused.rules),
        ("quota", &refused.quota),
        ("unknown", &refused.unknown),
        ("key", &refused.key),
        ("environment", &refused.environment),
    ];
    let refusals = reasons.map(|(reason, count)| (reason, count.get()));
    registry.register_collector(Box::new(Refusals(refusals)));
    for (name, help, spans) in [
        (
            "commit",
            "How long a write to the store took with its sync",
            &meters.commit,
        ),
        (
            "log_sync",
            "How long the log of the store took of a write, with its sync",
            log,
        ),
        (
            "condition",
            "How long an evaluation took",
            &meters.condition,
        ),
        (
            "first_task",
            "From a launch until its first task was durable",
            &meters.first_task,
        ),
        (
            "next_task",
            "From an answer until the task that follows was durable",
            &meters.next_task,
        ),
    ] {
        registry.register_collector(Box::new(Taken {
            name,
            help,
            spans: read(spans),
        }));
    }
}

/// What the system says of this process; nothing where it has no `/proc`.
fn process(registry: &mut Registry) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let resident = lines.find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|text| text.split_whitespace().next()?.parse::<i64>().ok());
    if let Some(kib) = kib {
        let gauge = Gauge::<i64>::default();
        gauge.set(kib.saturating_mul(1_024));
        let help = "Memory of the engine's process";
        registry.register_with_unit("resident_memory", help, Unit::Bytes, gauge);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(files.count()).unwrap_or(i64::MAX));
        registry.register("open_files", "File handles of the engine's process", gauge);
    }
}

/// The buckets of a histogram with their bounds in seconds, and the sum.
fn read(spans: &Spans) -> (f64, Vec<(f64, u64)>) {
    let (counts, all) = spans.get();
    #[expect(clippy::cast_precision_loss, reason = "the bounds are small")]
    let bounds = BOUNDS_MICROS.iter().map(|micros| *micros as f64 / 1e6);
    let bounds = bounds.chain([f64::INFINITY]);
    (all.as_secs_f64(), bounds.zip(counts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_described_by_its_whole_name() {
        let text = "# HELP a Some help.\n# TYPE a counter\na_total 1\n# HELP b_seconds More.\n\
                    # TYPE b_seconds gauge\n# UNIT b_seconds seconds\nb_seconds 2\n# EOF\n";
        assert_eq!(
            classic(text),
            "# HELP a_total Some help.\n# TYPE a_total counter\na_total 1\n\
             # HELP b_seconds More.\n# TYPE b_seconds gauge\nb_seconds 2\n"
        );
    }
}
