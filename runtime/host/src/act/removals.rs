//! Ended processes whose time is over. They are removed a few at a time, together with a commit
//! that happens anyway, or after a pause.
//!
//! However many become due at once, deliveries and timers wait for at most one small portion. The
//! rest stays on disk as timers, and the next run finds it.

use super::Due;
use bureaucrat_model::{Millis, Timestamp};
use std::collections::VecDeque;

/// The pause between portions that need a commit of their own.
const PAUSE: Millis = Millis(20);
/// The most processes kept in memory; further ones are taken from the timers later.
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

    /// When the next portion may be removed; `None` if nothing is due.
    pub fn next(&self) -> Option<Timestamp> {
        (!self.due.is_empty()).then_some(self.next)
    }

    /// A portion was removed, or must wait.
    pub fn pause(&mut self, now: Timestamp) {
        self.next = now.after(PAUSE);
    }
}
