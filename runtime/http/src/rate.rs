//! How many requests a token may make: a bucket for each, which fills with time.

use bureaucrat_model::lock;
use std::{collections::HashMap, sync::Mutex, time::Instant};

/// Requests a second.
const RATE: f64 = 500.0;
/// Requests at once, after a while without any.
const BURST: f64 = 1_000.0;
/// Buckets that are kept; there are no more tokens than that.
const BUCKETS_MAX: usize = 2_048;

#[derive(Default)]
pub struct Rates(Mutex<HashMap<String, (f64, Instant)>>);

impl Rates {
    /// Takes one request out of a token's bucket; false if there is none.
    pub fn take(&self, token: &str, now: Instant) -> bool {
        let mut buckets = lock(&self.0);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(token) {
            // Those of tokens that are gone. A bucket that is made again is full.
            buckets.clear();
        }
        let (left, at) = buckets.entry(token.to_owned()).or_insert((BURST, now));
        let passed = now.saturating_duration_since(*at).as_secs_f64();
        *left = (*left + passed * RATE).min(BURST);
        *at = now;
        let has_one = *left >= 1.0;
        if has_one {
            *left -= 1.0;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let (rates, now) = (Rates::default(), Instant::now());
        let taken = |at| {
            let one_more = || rates.take("a", at);
            std::iter::repeat_with(one_more)
                .take_while(|is| *is)
                .count()
        };
        assert_eq!(taken(now), 1_000);
        assert_eq!(taken(now + Duration::from_secs(1)), 500);
        assert!(rates.take("b", now));
    }
}
