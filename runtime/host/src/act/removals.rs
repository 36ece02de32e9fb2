//! Ended processes whose time is over: they go a few at a time, along with a commit that is made anyway, or after a pause.
//!
//! However many become due at once, deliveries and timers wait for one small portion at most. What is left is on disk as
//! timers, and is found again by the next run.

use super::Due;
use bureaucrat_model::{Millis, Timestamp};
use std::collections::VecDeque;

/// The pause between portions that need a commit of their own.
const PAUSE: Millis = Millis(20);
/// So many are kept in mind; further ones are taken from the timers later.
const DUE_MAX: usize = 10_000;

/// Processes to remove.
#[derive(Debug, Default)]
pub struct Removals {
    due: VecDeque<Due>,
    next: Timestamp,
}

impl Removals {
    pub fn push(&mut self, due: Due) {
        self.due.push_back(due);
    }

    /// Whether no more should be added now.
    pub fn is_full(&self) -> bool {
        self.due.len() >= DUE_MAX
    }

    pub fn pop(&mut self) -> Option<Due> {
        self.due.pop_front()
    }

    /// When the next portion may go; none when nothing is due.
    pub fn next(&self) -> Option<Timestamp> {
        (!self.due.is_empty()).then_some(self.next)
    }

    /// A portion went, or one has to wait.
    pub fn pause(&mut self, now: Timestamp) {
        self.next = now.after(PAUSE);
    }
}
