//! What a program does about faults: retries of actions, and handlers of scopes.

use crate::{
    fault::{CodePattern, Fault, FaultSource},
    indexes::{ConditionRange, OpIndex},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// How often an action is tried, and when again. Fractions are in thousandths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How often it is tried altogether.
    pub attempts: u32,
    /// The pause before the second attempt.
    pub delay: Millis,
    /// By what each further pause is longer than the one before.
    pub factor: u32,
    /// The longest pause.
    pub max_delay: Millis,
    /// The part of a pause by which it is longer or shorter, at random.
    pub jitter: u32,
    /// After which faults; empty for whatever the participant fails with.
    pub on: Vec<CodePattern>,
    /// With some, one of them has to hold.
    pub conditions: ConditionRange,
}

impl Retry {
    /// Whether another attempt follows when one failed like this.
    pub fn is_for(&self, fault: &Fault) -> bool {
        let code = &fault.code;
        let is_meant = match self.on.as_slice() {
            [] => fault.source == FaultSource::Participant,
            on => on.iter().any(|pattern| pattern.matches(code)),
        };
        is_meant && !code.is_final() && code.is_caught_by_default()
    }

    /// The pause after `failed` attempts, of which the last one asked for a pause of its own, or not.
    pub fn pause_after(&self, failed: u32, asked: Option<Millis>, chance: u64) -> Millis {
        match asked {
            Some(asked) => asked.min(self.max_delay),
            None => self.pause(failed, chance),
        }
    }

    /// The pause after `failed` attempts; `chance` is any number, the same for the same pause.
    pub fn pause(&self, failed: u32, chance: u64) -> Millis {
        let mut pause = self.delay.0.min(self.max_delay.0);
        for _ in 1..failed {
            let longer = u128::from(pause) * u128::from(self.factor) / 1_000;
            let longer = u64::try_from(longer).unwrap_or(u64::MAX);
            let next = longer.min(self.max_delay.0);
            if next == pause {
                break;
            }
            pause = next;
        }
        let spread = u128::from(pause) * u128::from(self.jitter.min(1_000)) / 1_000;
        let spread = u64::try_from(spread).unwrap_or(u64::MAX);
        let offset = chance % spread.saturating_mul(2).saturating_add(1);
        Millis(pause.saturating_sub(spread).saturating_add(offset))
    }
}

/// What a handler of a scope catches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handler {
    /// Patterns of codes; none of them for a handler of all faults.
    pub codes: Vec<CodePattern>,
    /// With some, one of them has to hold.
    pub conditions: ConditionRange,
    /// Where it begins.
    pub at: OpIndex,
    /// With one, it handles faults by trying the scope again, as often as this says.
    pub retry: Option<Retry>,
}

impl Handler {
    /// Whether it is for the fault, as far as no conditions decide. The scope was tried again so often.
    pub fn catches(&self, fault: &Fault, tried_again: u32) -> bool {
        if let Some(retry) = &self.retry {
            return tried_again.saturating_add(1) < retry.attempts && retry.is_for(fault);
        }
        match self.codes.as_slice() {
            [] => fault.code.is_caught_by_default(),
            codes => codes.iter().any(|pattern| pattern.matches(&fault.code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound() {
        let retry = |delay, factor, jitter| Retry {
            attempts: 9,
            delay: Millis(delay),
            factor,
            max_delay: Millis(5_000),
            jitter,
            on: Vec::new(),
            conditions: ConditionRange::default(),
        };
        let pauses = |retry: Retry| (1..6).map(|n| retry.pause(n, 0).0).collect::<Vec<_>>();
        assert_eq!(
            pauses(retry(1_000, 2_000, 0)),
            [1_000, 2_000, 4_000, 5_000, 5_000]
        );
        assert_eq!(pauses(retry(1_000, 1_000, 0)), [1_000; 5]);
        assert_eq!(
            pauses(retry(900, 1_500, 0)),
            [900, 1_350, 2_025, 3_037, 4_555]
        );
        assert_eq!(pauses(retry(9_000, 2_000, 0)), [5_000; 5]);
        assert_eq!(pauses(retry(0, 2_000, 500)), [0; 5]);
        assert_eq!(
            retry(1_000, 2_000, 200).pause(u32::MAX, u64::MAX).0,
            4_000 + u64::MAX % 2_001
        );
        let spread = (0..9_999).map(|chance| retry(1_000, 2_000, 200).pause(1, chance).0);
        assert!(spread.clone().min() == Some(800) && spread.max() == Some(1_200));
    }
}
