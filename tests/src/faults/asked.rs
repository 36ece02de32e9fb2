//! What `scripts/faults` asks of the tests, by the environment, and what it reads of their output.

use super::Tally;
use anyhow::{Context, Result};

/// The number that a variable holds, or another when it is not set.
///
/// # Errors
/// When it holds anything else.
pub fn asked(variable: &str, default: u64) -> Result<u64> {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{variable} is no number: {text}")),
        Err(_) => Ok(default),
    }
}

/// How often each fault is to happen: `BUREAUCRAT_FAULT_ROUNDS`, once otherwise.
///
/// # Errors
/// When that is no number.
pub fn rounds() -> Result<usize> {
    Ok(usize::try_from(asked("BUREAUCRAT_FAULT_ROUNDS", 1)?)?)
}

/// What the moments of faults are drawn from: `BUREAUCRAT_FAULT_SEED`, 1 otherwise.
///
/// # Errors
/// When that is no number.
pub fn seed() -> Result<u64> {
    asked("BUREAUCRAT_FAULT_SEED", 1)
}

/// Prints a row of the table that `scripts/faults` makes: a kind, how often it happened, with how many launches.
pub fn row(kind: &str, faults: u64, tally: &Tally) {
    println!("fault-row {kind} {faults} {}", tally.ended);
}
