//! Looks at an engine that works: how much it does in a while, and what that costs it.

use crate::{
    contenders::Contender,
    processes,
    statistics::{Spread, per_second},
};
use anyhow::{Result, ensure};
use serde::Serialize;
use std::time::{Duration, Instant};

/// How long an engine may take to become idle.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was seen.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub actions_per_second: f64,
    pub cpu_micros_per_action: f64,
}

/// Lets an engine work for as long as `meanwhile` takes.
///
/// # Errors
/// When nothing moves, or something is lost.
pub fn look(engine: &mut Contender, meanwhile: impl FnOnce() -> Result<()>) -> Result<Look> {
    let pid = engine.pid()?;
    let (cpu, before) = (processes::cpu(pid)?, engine.participant.answered());
    let began = Instant::now();
    engine.participant.open();
    meanwhile()?;
    engine.participant.close();
    engine.settle()?;
    let took = began.elapsed();
    let actions = engine.participant.answered() - before;
    ensure!(actions > 0, "nothing moved");
    let cpu = (processes::cpu(pid)? - cpu).as_secs_f64() * 1e6;
    Ok(Look {
        actions_per_second: per_second(actions, took),
        cpu_micros_per_action: cpu / actions as f64,
    })
}

/// Waits until an engine whose participant holds everything does nothing more.
///
/// # Errors
/// When it never rests.
pub fn rest(engine: &Contender) -> Result<()> {
    processes::rest(engine.pid()?, PATIENCE)
}

/// Whether what is measured is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Without,
    With,
}

/// What something costs an engine.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// Without, and with it.
    actions_per_second: [Spread; 2],
    cpu_micros_per_action: [Spread; 2],
    /// Of the medians, with to without.
    rate_ratio: f64,
    cpu_ratio: f64,
}

impl Compared {
    /// Looks so often at each: without and with, then with and without, so that what drifts counts for both.
    ///
    /// # Errors
    /// When a look fails.
    pub fn in_turns(rounds: usize, mut look: impl FnMut(Turn) -> Result<Look>) -> Result<Self> {
        let (mut rates, mut costs) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
        for round in 0..2 * rounds {
            let turn = match round % 4 {
                0 | 3 => Turn::Without,
                _ => Turn::With,
            };
            let seen = look(turn)?;
            let place = usize::from(turn == Turn::With);
            rates[place].push(seen.actions_per_second);
            costs[place].push(seen.cpu_micros_per_action);
        }
        let (rates, costs) = (rates.map(Spread::of), costs.map(Spread::of));
        Ok(Self {
            rate_ratio: rates[1].median / rates[0].median,
            cpu_ratio: costs[1].median / costs[0].median,
            actions_per_second: rates,
            cpu_micros_per_action: costs,
        })
    }

    /// As two lines, and one that compares them and ends with `more`.
    pub fn print(&self, more: &str) {
        for (place, name) in ["without", "with"].into_iter().enumerate() {
            let (rate, cost) = (
                &self.actions_per_second[place],
                &self.cpu_micros_per_action[place],
            );
            println!(
                "{name:>8}: {:>7.0} actions/s ({:.0} to {:.0}), {:>6.1} µs CPU per action ({:.1} to {:.1})",
                rate.median, rate.low, rate.high, cost.median, cost.low, cost.high
            );
        }
        println!(
            "with / without: rate {:.3}, CPU {:.3}; {more}",
            self.rate_ratio, self.cpu_ratio
        );
    }
}
