//! Resident memory after hostile messages of several MiB: whether memory is returned.

use crate::{clerk::Clerk, processes, subject::Subject};
use anyhow::{Context, Result};
use bureaucrat_tests::engine::broker_url;
use clap::Args;
use serde::Serialize;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);
/// How long the engine is left alone before the last measurement.
const SETTLING: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub struct Settings {
    /// How many messages, of all sorts in turn
    #[arg(long, default_value_t = 95)]
    messages: u64,
    /// The size of each, in MiB
    #[arg(long, default_value_t = 6)]
    mib: usize,
    /// Print one JSON document instead of a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subject: Subject,
}

/// Resident memory in MiB.
#[derive(Debug, Serialize)]
struct Seen {
    before: f64,
    peak: f64,
    after: f64,
}

/// # Errors
/// When engine or broker fail.
pub fn run(settings: &Settings) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut clerk = Clerk::connect(&broker_url()?)?;
    let prefix = format!("memory-{}", std::process::id());
    let mut engine = settings.subject.engine(folder.path(), &prefix)?;
    clerk.declare_queues_of(&engine)?;
    engine.start()?;
    engine.answers(PATIENCE)?;
    let pid = engine.pid().context("the engine does not run")?;
    processes::rest(pid, PATIENCE)?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let before = mib(processes::memory(pid)?.resident);
    let bodies = bodies(settings.mib << 20);
    for number in 0..settings.messages {
        let (of, body) = &bodies[number as usize % bodies.len()];
        clerk.put(&engine.name(of), body, 1)?;
    }
    let started = Instant::now();
    for of in ["launches", "answers", "events"] {
        while clerk.ready(&engine.name(of))? > 0 && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    processes::rest(pid, PATIENCE)?;
    std::thread::sleep(SETTLING);
    let memory = processes::memory(pid)?;
    let seen = Seen {
        before,
        peak: mib(memory.peak),
        after: mib(memory.resident),
    };
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&seen)?);
    } else {
        println!(
            "memory: {:.0} MiB resident before {} hostile messages of {} MiB, {:.0} at most, {:.0} \
             after",
            seen.before, settings.messages, settings.mib, seen.peak, seen.after
        );
    }
    Ok(())
}

/// Messages that are expensive to read: values by the million, text, elements.
fn bodies(bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    let filled = |before: &str, part: &str, after: &str| {
        let mut body = before.to_owned();
        while body.len() < bytes {
            body.push_str(part);
        }
        body.push_str(after);
        body.into_bytes()
    };
    let header =
        r#"{"header": {"message": "response", "target": "t_0", "origin": "t_0"}, "fields": "#;
    vec![
        (
            "answers",
            filled(&format!("{header}{{\"a\": [0"), ",1", "]}}"),
        ),
        (
            "answers",
            filled(&format!("{header}{{\"a\": [0"), ",{\"b\":[]}", "]}}"),
        ),
        ("answers", filled(header, "x", "")),
        (
            "events",
            filled("{\"event\": \"e\", \"a\": [0", ",\"text\"", "]}"),
        ),
        (
            "events",
            filled("{\"event\": \"e\", \"a\": {\"b\": 0", ",\"c\":{}", "}}"),
        ),
        (
            "launches",
            filled("<process>", "<action participant=\"p\"/>", "</process>"),
        ),
        ("launches", filled("<process>", "<sequence>", "")),
        ("launches", filled("", "x", "")),
    ]
}
