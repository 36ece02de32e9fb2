//! Pauses between attempts: doubled each time up to a limit, with jitter, so that engines do not
//! all come at once. A connection that is lost soon after it was made counts as one more failed
//! attempt.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// The pauses of one series of attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub fn new((first, longest): (Duration, Duration)) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// The pause before the next attempt: between half and all of the current delay.
    pub fn pause(&mut self) -> Duration {
        let due = self.next;
        self.next = (due * 2).min(self.longest);
        // A hasher's random keys are random enough to spread attempts.
        let random = RandomState::new().hash_one(0_u8) >> 32;
        due / 2 + due.mul_f64(random as f64 / f64::from(u32::MAX) / 2.0)
    }

    /// An attempt succeeded, and the connection worked for this long. The next series starts short
    /// again only if it worked for longer than the longest pause: otherwise a connection that is
    /// always lost at once would be made again without a pause.
    pub fn worked(&mut self, span: Duration) {
        if span > self.longest {
            self.next = self.first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let mut backoff = Backoff::new((Duration::from_millis(100), Duration::from_millis(300)));
        for due in [100, 200, 300, 300] {
            let pause = backoff.pause().as_millis();
            assert!((due / 2..=due).contains(&pause), "{pause} of {due}");
        }
        backoff.worked(Duration::from_millis(300));
        assert!(backoff.pause().as_millis() > 100, "it was lost too soon");
        backoff.worked(Duration::from_millis(301));
        assert!(backoff.pause().as_millis() <= 100);
    }
}
