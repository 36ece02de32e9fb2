//! What searchable fields add to the cost of an action: the same processes with and without them, each on an engine of
//! its own, turn by turn, so that what else the machine does meets all of them alike.

use crate::{
    clerk::Clerk,
    contenders::Contender,
    looks::{look, rest},
    statistics::Spread,
    subject::Subject,
};
use anyhow::{Result, ensure};
use bureaucrat_tests::engine::broker_url;
use clap::Args;
use serde::Serialize;
use std::time::Duration;

/// Each round counts, and an action follows.
const COUNTING: &str = "<process><context>\
    <property name=\"n\" type=\"int\" SEARCHABLE>0</property>\
    <property name=\"customer\" type=\"str\" SEARCHABLE>Ada</property>\
    <property name=\"total\" type=\"float\" SEARCHABLE>99.5</property></context>\
    <while><condition>True</condition><assign property=\"n\">context[\"n\"] + 1</assign>\
    <action participant=\"PARTICIPANT\"/></while></process>";

/// The same with three fields that stay as they are.
const STANDING: &str = "<process><context>\
    <property name=\"place\" type=\"str\" SEARCHABLE>here</property>\
    <property name=\"customer\" type=\"str\" SEARCHABLE>Ada</property>\
    <property name=\"total\" type=\"float\" SEARCHABLE>99.5</property></context>\
    <while><condition>True</condition><action participant=\"PARTICIPANT\"/></while></process>";

#[derive(Debug, Args)]
pub struct Settings {
    /// Actions in flight
    #[arg(long, default_value_t = 50)]
    in_flight: u64,
    /// Milliseconds of a turn
    #[arg(long, default_value_t = 2_000)]
    millis: u64,
    /// Turns of each engine
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subject: Subject,
}

#[derive(Debug, Serialize)]
struct Row {
    fields: &'static str,
    /// Medians of all turns.
    cpu_micros_without: f64,
    cpu_micros_with: f64,
    ratio: f64,
}

/// # Errors
/// When engine or broker fail, or a message is lost.
pub fn run(settings: &Settings) -> Result<()> {
    ensure!(
        settings.in_flight > 0 && settings.millis > 0 && settings.rounds > 0,
        "nothing to measure"
    );
    let mut clerk = Clerk::connect(&broker_url()?)?;
    let mut rows = Vec::new();
    let kinds = [
        ("three that stay", STANDING),
        ("three, one changes", COUNTING),
    ];
    for (number, (fields, definition)) in kinds.into_iter().enumerate() {
        let prefix = format!("fields-{}-{number}", std::process::id());
        let (without, with) = pair(settings, &mut clerk, &prefix, definition)?;
        rows.push(Row {
            fields,
            cpu_micros_without: without,
            cpu_micros_with: with,
            ratio: with / without,
        });
    }
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!(
        "CPU of an action, µs, median of {} turns of {} ms, {} in flight",
        settings.rounds, settings.millis, settings.in_flight
    );
    println!(
        "{:<20} {:>8} {:>8} {:>6}",
        "searchable fields", "without", "with", "ratio"
    );
    for row in &rows {
        println!(
            "{:<20} {:>8.1} {:>8.1} {:>6.2}",
            row.fields, row.cpu_micros_without, row.cpu_micros_with, row.ratio
        );
    }
    Ok(())
}

/// The cost of an action without and with searchable fields.
fn pair(
    settings: &Settings,
    clerk: &mut Clerk,
    prefix: &str,
    definition: &str,
) -> Result<(f64, f64)> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let mut engines = Vec::new();
    let kinds = [("without", ""), ("with", "searchable=\"yes\"")];
    for (folder, (name, attribute)) in folders.iter().zip(kinds) {
        let prefix = format!("{prefix}-{name}");
        let definition = definition.replace("SEARCHABLE", attribute);
        let folder = folder.path();
        let mut engine =
            Contender::engine_with(clerk, &settings.subject, folder, &prefix, &definition)?;
        engine.fill(clerk, settings.in_flight)?;
        engines.push((engine, Vec::new()));
    }
    for _ in 0..settings.rounds {
        for (engine, costs) in &mut engines {
            let time = Duration::from_millis(settings.millis);
            let seen = look(engine, || {
                std::thread::sleep(time);
                Ok(())
            })?;
            costs.push(seen.cpu_micros_per_action);
            // Deferred work is not the next engine's.
            rest(engine)?;
        }
    }
    let mut medians = engines
        .into_iter()
        .map(|(_, costs)| Spread::of(costs).median);
    let without = medians.next().unwrap_or_default();
    Ok((without, medians.next().unwrap_or_default()))
}
