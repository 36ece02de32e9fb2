//! Looks at an engine that works: how much it does in a while, and what that costs it.

use crate::{contenders::Contender, processes, statistics::per_second};
use anyhow::{Result, ensure};
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
