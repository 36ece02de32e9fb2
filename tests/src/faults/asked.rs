//! What `scripts/faults` requests from the tests, through the environment, and what it reads from
//! their output.

use super::Tally;
use anyhow::{Context, Result};

/// The number in a variable, or a default.
///
/// # Errors
/// If the variable is not a number.
pub fn asked(variable: &str, default: u64) -> Result<u64> {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{variable} is no number: {text}")),
        Err(_) => Ok(default),
    }
}

/// How often to cause each fault: `BUREAUCRAT_FAULT_ROUNDS`, 1 by default.
///
/// # Errors
/// If it is not a number.
pub fn rounds() -> Result<usize> {
    Ok(usize::try_from(asked("BUREAUCRAT_FAULT_ROUNDS", 1)?)?)
}

/// The seed for the moments of faults: `BUREAUCRAT_FAULT_SEED`, 1 by default.
///
/// # Errors
/// If it is not a number.
pub fn seed() -> Result<u64> {
    asked("BUREAUCRAT_FAULT_SEED", 1)
}

/// Prints a row for the table of `scripts/faults`: a kind, how often it happened, during how many
/// launches.
pub fn row(kind: &str, faults: u64, tally: &Tally) {
    println!("fault-row {kind} {faults} {}", tally.ended);
}
