//! The benchmark. What it measures is in its `--help`; each figure that depends on the machine is
//! beside one that the same run measured.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

mod clerk;
mod conditions;
mod contenders;
mod floods;
mod forward;
mod growth;
mod levels;
mod log;
mod memory;
mod participant;
mod processes;
mod profile;
mod relay;
mod sizes;
mod statistics;
mod steps;
mod subject;

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
    /// Conditions that one thread evaluates in a second, a fresh sandbox each
    Conditions,
    /// Steps of the engine that one thread makes in a second, without I/O
    Steps,
    /// Builds each language's example guest and prints the table of guest-sdk/README.md
    Guests,
    /// Actions a second and CPU an action, beside a durable and a bare relay, at several levels
    Levels(levels::Settings),
    /// What an action, a start and memory cost with more and more processes stored
    Growth(growth::Settings),
    /// Memory, other processes' p99 and the time of an end while the engine is flooded
    Floods(floods::Settings),
    /// What stays resident after hostile messages of several MiB
    Memory(memory::Settings),
    /// What a step of a process with large fields writes, and an `all` of many branches
    Sizes(sizes::Settings),
    /// Where the engine's CPU goes, by perf and strace
    Profile(profile::Settings),
    /// A relay in a process of its own; `levels` starts it
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
        Some(Part::Memory(settings)) => memory::run(&settings),
        Some(Part::Sizes(settings)) => sizes::run(&settings),
        Some(Part::Profile(settings)) => profile::run(&settings),
        Some(Part::Relay(settings)) => relay::run(&settings),
        None => {
            conditions::measure(time)?;
            steps::measure(time);
            levels::run(&levels::Settings::default())
        }
    }
}
