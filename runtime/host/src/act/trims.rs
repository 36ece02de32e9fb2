//! Finished outbox rows: they are deleted with the next commit, or after a moment.

use super::aside::Gone;
use bureaucrat_model::{Millis, Timestamp};
use std::collections::BTreeSet;

/// The longest time that they wait for another commit.
const DELAY: Millis = Millis(100);
/// This many force a commit of their own.
const MOST: usize = 1_000;

/// Rows to delete.
#[derive(Debug, Default)]
pub struct Trims {
    rows: BTreeSet<Gone>,
    since: Timestamp,
}

impl Trims {
    pub fn add(&mut self, gone: Gone, now: Timestamp) {
        if self.rows.is_empty() {
            self.since = now;
        }
        self.rows.insert(gone);
    }

    /// A row is written again that was to be deleted.
    pub fn keep(&mut self, row: Gone) {
        self.rows.remove(&row);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// When they must be deleted at the latest.
    pub fn due(&self) -> Option<Timestamp> {
        match self.rows.len() {
            0 => None,
            MOST.. => Some(Timestamp(0)),
            _ => Some(self.since.after(DELAY)),
        }
    }

    pub fn take(&mut self) -> BTreeSet<Gone> {
        std::mem::take(&mut self.rows)
    }
}
