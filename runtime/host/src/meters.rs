//! What the engine has done in this run, counted: for those who watch it.
//!
//! A count costs the driver one addition, and nobody who reads makes it wait. Nothing is stored; each
//! run begins at zero.

use crate::plan::transaction::After;
use bureaucrat_model::{Millis, Timestamp};
use bureaucrat_store::keys::OutboxKind;
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

/// Why launches were refused.
#[derive(Debug, Default)]
pub struct Refusals {
    pub definition: Count,
    pub rules: Count,
    pub quota: Count,
    pub unknown: Count,
    pub key: Count,
    pub environment: Count,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Meters {
    /// Batches that were written with one sync.
    pub commits: Count,
    pub launches: Count,
    pub completed: Count,
    pub failed: Count,
    pub answers: Count,
    /// Tasks that were put into the outbox.
    pub tasks: Count,
    pub events: Count,
    pub dead_letters: Count,
    pub parked: Count,
    pub evaluations: Count,
    pub fuel: Count,
    pub refused: Refusals,
    /// A write to the store with its sync.
    pub commit: Spans,
    pub condition: Spans,
    /// From a launch to its first task, durable.
    pub first_task: Spans,
    /// From an answer to the task that follows, durable.
    pub next_task: Spans,
}

/// What a transaction began with, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Began {
    Launch(Timestamp),
    Answer(Timestamp),
}

impl Meters {
    /// Something has become durable.
    pub(crate) fn durable(&self, after: &After, now: impl Fn() -> Timestamp) {
        let kinds = after.publish.iter().map(|publish| publish.key.kind);
        let tasks = kinds.filter(|kind| *kind == OutboxKind::Task).count();
        if tasks == 0 {
            return;
        }
        self.tasks.add(tasks as u64);
        let took = |since: Timestamp| {
            let Millis(millis) = now().since(since);
            Duration::from_millis(millis)
        };
        match after.began {
            Some(Began::Launch(at)) => self.first_task.took(took(at)),
            Some(Began::Answer(at)) => self.next_task.took(took(at)),
            None => {}
        }
    }
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
