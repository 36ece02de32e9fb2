//! How many requests a token may make: a bucket for each.

use crate::bucket::{Bucket, Flow};
use bureaucrat_model::lock;
use std::{collections::HashMap, sync::Mutex, time::Instant};

/// Requests of one token.
const REQUESTS: Flow = Flow {
    a_second: 500.0,
    at_once: 1_000.0,
};
/// Buckets that are kept; there are no more tokens than that.
const BUCKETS_MAX: usize = 2_048;

#[derive(Default)]
pub struct Rates(Mutex<HashMap<String, Bucket>>);

impl Rates {
    /// Takes one request out of a token's bucket; false if there is none.
    pub fn take(&self, token: &str, now: Instant) -> bool {
        let mut buckets = lock(&self.0);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(token) {
            // Those of tokens that are gone. A bucket that is made again is full.
            buckets.clear();
        }
        let bucket = buckets.entry(token.to_owned());
        let bucket = bucket.or_insert_with(|| Bucket::full(&REQUESTS, now));
        bucket.take(&REQUESTS, 1.0, now)
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
