//! What operators hear about a destination in trouble.

use super::{Destination, Phase, Reason, Troubles};
use bureaucrat_model::Timestamp;

/// A destination in trouble, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub reason: Option<Reason>,
    /// How often it was tried since it took something last, as far as this run knows.
    pub tries: u32,
    /// When it is tried again; none while that is under way, or what waited is being sent.
    pub next_try: Option<Timestamp>,
}

impl Troubles {
    pub fn told(&self, destination: &Destination) -> Option<Told> {
        let trouble = self.of.get(destination)?;
        let next_try = match trouble.phase {
            Phase::Waiting { next } => Some(next),
            Phase::Probing | Phase::Draining => None,
        };
        Some(Told {
            reason: trouble.reason.clone(),
            tries: trouble.attempts,
            next_try,
        })
    }
}
