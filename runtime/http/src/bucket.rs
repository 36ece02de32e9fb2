//! A bucket that fills with time; what is allowed takes something out of it.

use std::time::Instant;

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    pub a_second: f64,
    pub at_once: f64,
}

#[derive(Debug)]
pub struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    pub const fn full(flow: &Flow, now: Instant) -> Self {
        Self {
            left: flow.at_once,
            at: now,
        }
    }

    /// Takes so much out; false, and nothing is taken, if there is less.
    pub fn take(&mut self, flow: &Flow, amount: f64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * flow.a_second).min(flow.at_once);
        self.at = self.at.max(now);
        let has_enough = self.left >= amount;
        if has_enough {
            self.left -= amount;
        }
        has_enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const FLOW: Flow = Flow {
        a_second: 10.0,
        at_once: 20.0,
    };

    fn taken(bucket: &mut Bucket, amount: f64, now: Instant) -> usize {
        std::iter::repeat_with(|| bucket.take(&FLOW, amount, now))
            .take_while(|is_taken| *is_taken)
            .count()
    }

    #[test]
    fn it_gives_what_it_holds_and_then_what_comes_in() {
        let now = Instant::now();
        let mut bucket = Bucket::full(&FLOW, now);
        assert_eq!(taken(&mut bucket, 1.0, now), 20);
        let later = now + Duration::from_millis(500);
        assert_eq!(taken(&mut bucket, 1.0, later), 5);
        // It does not run over, and a clock that goes back fills nothing.
        let much_later = later + Duration::from_secs(3_600);
        assert_eq!(taken(&mut bucket, 4.0, much_later), 5);
        assert_eq!(taken(&mut bucket, 1.0, now), 0);
        assert_eq!(taken(&mut bucket, 1.0, much_later), 0);
    }
}
