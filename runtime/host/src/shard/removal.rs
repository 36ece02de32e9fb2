//! Removing ended processes in the background: a few at a time, along with a commit that is made anyway, or after a pause.
//!
//! However many become due at once, deliveries and timers wait for one small portion at most. What is left is on disk as
//! timers, and is found again by the next run.

use super::{Shard, work::Kept};
use crate::{
    planted::{Fault, planted},
    timers::{self, WaitKey},
    transaction::Transaction,
};
use bureaucrat_model::{Millis, Timestamp};
use bureaucrat_store::{
    StoreError, Table, instances::delete_instance, keys, reading::scan_around, records,
};
use std::collections::VecDeque;

/// Processes that one portion removes.
const PROCESSES: usize = 16;
/// Rows that end a portion early.
const ROWS: usize = 2_000;
/// The pause between portions that need a commit of their own.
const PAUSE: Millis = Millis(20);

/// Ended processes whose time is over.
#[derive(Debug, Default)]
pub(super) struct Removals {
    due: VecDeque<(Timestamp, WaitKey)>,
    next: Timestamp,
}

impl Removals {
    pub fn push(&mut self, due: Timestamp, wait: WaitKey) {
        self.due.push_back((due, wait));
    }

    /// When the next portion may go; none when nothing is due.
    pub fn next(&self) -> Option<Timestamp> {
        (!self.due.is_empty()).then_some(self.next)
    }
}

impl Shard {
    /// Removes a portion; returns how many processes.
    pub(super) fn remove_some(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        if self.finished.is_empty() && now < self.removals.next {
            return Ok(0);
        }
        let (mut processes, mut rows) = (0, 0);
        while processes < PROCESSES && rows < ROWS {
            let Some((due, wait)) = self.removals.due.pop_front() else {
                break;
            };
            // A late answer may wait for the program with the instance in hand: it would meet nothing at its commit.
            if self.is_busy(wait.process)? == Kept::Busy {
                self.removals.push(due, wait);
                self.removals.next = now.after(PAUSE);
                break;
            }
            rows += self.remove(due, wait)?;
            processes += 1;
        }
        if processes > 0 {
            self.removals.next = now.after(PAUSE);
        }
        Ok(processes)
    }

    /// Removes an ended process with its history; a tombstone tells later answers that it was there. Returns how many rows
    /// went.
    fn remove(&mut self, due: Timestamp, wait: WaitKey) -> Result<usize, StoreError> {
        let process = wait.process;
        let mut transaction = Transaction::default();
        transaction.stop_timer(due, wait);
        transaction.after.unused.extend(self.uncount(process)?);
        delete_instance(&*self.shared.store, process, &mut transaction.writes)?;
        let most = usize::try_from(self.shared.config.history_entries.saturating_add(8))
            .unwrap_or(usize::MAX);
        let (from, to) = (keys::history(process, 0), keys::history(process, u64::MAX));
        let portion = scan_around(&*self.shared.store, Table::History, &from, &to, most)?;
        for key in timers::keys_of(portion.rows) {
            transaction.delete(Table::History, key);
        }
        let tombstone = keys::tombstone(process);
        let until = self.now().after(self.shared.config.tombstone_retention);
        transaction.put(Table::Seen, keys::expiry(until, &tombstone), Vec::new());
        if !planted(Fault::TombstoneMissing) {
            transaction.put(Table::Seen, tombstone, vec![records::FORMAT]);
        }
        transaction.after.removed.push(process);
        let rows = transaction.writes.len();
        self.finish(transaction)?;
        Ok(rows)
    }
}
