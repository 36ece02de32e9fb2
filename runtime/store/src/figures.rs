//! What is counted and measured, for those who watch: numbers that only grow, spans of time, and the
//! memory of a store.
//!
//! A count costs one addition, and nobody who reads makes a writer wait.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub fn one(&self) {
        self.add(1);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The upper bounds of a histogram's buckets, in microseconds; the last bucket has none.
pub const BOUNDS_MICROS: [u64; 15] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    5_000_000, 30_000_000,
];

/// How long something took, in buckets.
#[derive(Debug, Default)]
pub struct Spans {
    buckets: [Count; BOUNDS_MICROS.len() + 1],
    micros: Count,
}

impl Spans {
    pub fn took(&self, span: Duration) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        self.buckets[bucket].one();
        self.micros.add(micros);
    }

    /// How many were in each bucket, and how long they took together.
    pub fn get(&self) -> (Vec<u64>, Duration) {
        let buckets = self.buckets.iter().map(Count::get).collect();
        (buckets, Duration::from_micros(self.micros.get()))
    }
}

/// The memory that a store has, in bytes, by what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryUse {
    /// Recent records that are in the log alone.
    pub memtables: u64,
    /// Blocks of files that were read.
    pub block_cache: u64,
    /// What is kept of open files beside the cache.
    pub table_readers: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_in_the_first_bucket_that_holds_it() {
        let spans = Spans::default();
        for micros in [0, 50, 51, 30_000_000, 30_000_001] {
            spans.took(Duration::from_micros(micros));
        }
        let (buckets, all) = spans.get();
        assert_eq!((buckets[0], buckets[1]), (2, 1));
        assert_eq!(buckets[BOUNDS_MICROS.len() - 1..], [1, 1]);
        assert_eq!(all, Duration::from_micros(60_000_102));
    }
}
