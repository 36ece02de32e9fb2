//! The benchmark. `--help` says what it measures. Figures that depend on the machine are shown next
//! to a reference from the same run.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

mod clerk;
mod cluster;
mod conditions;
mod contenders;
mod events;
mod fields;
mod floods;
mod forward;
mod growth;
mod http;
mod levels;
mod log;
mod looks;
mod memory;
mod metrics;
mod pages;
mod participant;
mod processes;
mod profile;
mod relay;
mod rows;
mod search;
mod sizes;
mod statistics;
mod steps;
mod subject;
mod viewers;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::time::Duration;

/// Measures bureaucrat. Without a command: conditions, steps and levels, in under two minutes.
///
/// BUREAUCRAT_TEST_AMQP names the broker; scripts/bench starts one.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Conditions that one thread evaluates per second, each in a new sandbox
    Conditions,
    /// Engine steps per second on one thread, without I/O
    Steps,
    /// Builds each language's example guest and prints the table of guest-sdk/README.md
    Guests,
    /// Actions per second and CPU per action, compared with a durable and a bare relay, at several
    /// levels
    Levels(levels::Settings),
    /// Cost of an action, startup and memory as more and more processes are stored
    Growth(growth::Settings),
    /// Memory, other processes' p99 and shutdown time while the engine is flooded
    Floods(floods::Settings),
    /// Other processes' p99, memory, and who is answered, while 10,000 strangers hold connections of the HTTP API
    Http(http::Settings),
    /// What an event with a key costs among few processes that wait, and among many
    Events(events::Settings),
    /// The first page of each search, among few processes and among many
    Search(search::Settings),
    /// What searchable fields add to an action: three that stay as they are, and three of which one changes
    Fields(fields::Settings),
    /// Each page of the dashboard, among few processes and among many, and a long list to its end
    Pages(pages::Settings),
    /// Rate and CPU per action with 200 pages of the dashboard open, and with none
    Viewers(viewers::Settings),
    /// Rate and CPU per action with a scrape of the metrics each second, and without
    Metrics(metrics::Settings),
    /// Resident memory after hostile messages of several MiB
    Memory(memory::Settings),
    /// Bytes written by a step of a process with large fields, and by an `all` with many branches
    Sizes(sizes::Settings),
    /// Actions per second with one, two and three engines that share a database, beside the engine on its own disk and a
    /// program that commits the same rows; and how long takeovers take. Needs BUREAUCRAT_TEST_POSTGRES
    Cluster(cluster::Settings),
    /// CPU profile of the engine, with perf and strace
    Profile(profile::Settings),
    /// A relay in its own process; `levels` and `celery` start it
    #[command(hide = true)]
    Relay(relay::Settings),
}

fn main() -> Result<()> {
    let time = Duration::from_secs(2);
    match Arguments::parse().part {
        Some(Part::Conditions) => conditions::measure(time),
        Some(Part::Steps) => {
            steps::measure(time);
            Ok(())
        }
        Some(Part::Guests) => bureaucrat_tests::guests::print_table(),
        Some(Part::Levels(settings)) => levels::run(&settings),
        Some(Part::Growth(settings)) => growth::run(&settings),
        Some(Part::Floods(settings)) => floods::run(&settings),
        Some(Part::Http(settings)) => http::run(&settings),
        Some(Part::Events(settings)) => events::run(&settings),
        Some(Part::Search(settings)) => search::run(&settings),
        Some(Part::Fields(settings)) => fields::run(&settings),
        Some(Part::Pages(settings)) => pages::run(&settings),
        Some(Part::Viewers(settings)) => viewers::run(&settings),
        Some(Part::Metrics(settings)) => metrics::run(&settings),
        Some(Part::Memory(settings)) => memory::run(&settings),
        Some(Part::Sizes(settings)) => sizes::run(&settings),
        Some(Part::Cluster(settings)) => cluster::run(&settings),
        Some(Part::Profile(settings)) => profile::run(&settings),
        Some(Part::Relay(settings)) => relay::run(&settings),
        None => {
            conditions::measure(time)?;
            steps::measure(time);
            levels::run(&levels::Settings::default())
        }
    }
}
