//! What the engine has done in this run, counted: for those who watch it.
//!
//! Nothing is stored; each run begins at zero.

use crate::plan::transaction::After;
use bureaucrat_model::{Millis, Timestamp};
pub use bureaucrat_store::figures::{BOUNDS_MICROS, Count, MemoryUse, Spans};
use bureaucrat_store::keys::OutboxKind;
use std::time::Duration;

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
