//! Timers: what is to happen at a time. The near future is in memory, all of it on disk.
//!
//! Beside waits of fibers, rows with fiber numbers that no fiber has remind the host of its own duties towards a process.

use crate::damage::Damages;
use bureaucrat_model::{FiberId, Millis, ProcessId, Timestamp, Turn};
use bureaucrat_store::{Row, Store, StoreError, Table, keys, reading::scan_around};
use std::collections::BTreeSet;

pub use bureaucrat_store::keys::WaitKey;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A fiber waits for it.
    Wait,
    /// The process used up a step's instructions and is to go on.
    Continue,
    /// The process is parked and is to be tried again.
    Retry,
    /// The process ended and has been visible long enough.
    Remove,
}

const CONTINUE: u32 = u32::MAX;
const RETRY: u32 = u32::MAX - 1;
const REMOVE: u32 = u32::MAX - 2;

/// The row that reminds of a duty.
pub fn reminder(process: ProcessId, purpose: Purpose) -> Option<WaitKey> {
    let fiber = match purpose {
        Purpose::Wait => return None,
        Purpose::Continue => CONTINUE,
        Purpose::Retry => RETRY,
        Purpose::Remove => REMOVE,
    };
    Some(WaitKey {
        process,
        fiber: FiberId(fiber),
        turn: Turn(0),
    })
}

/// What a row is for.
pub fn purpose(wait: WaitKey) -> Purpose {
    match wait.fiber.0 {
        CONTINUE => Purpose::Continue,
        RETRY => Purpose::Retry,
        REMOVE => Purpose::Remove,
        _ => Purpose::Wait,
    }
}

/// How far ahead rows are held in memory.
const HORIZON: Millis = Millis(60_000);

/// Rows that one reading takes from the disk.
const BATCH: usize = 10_000;

/// The timers of a shard.
#[derive(Debug, Default)]
pub struct Timers {
    near: BTreeSet<(Timestamp, WaitKey)>,
    /// Every row on disk that is due before this is in memory.
    read_until: Timestamp,
    /// Where the reading of the disk goes on when it stopped within a millisecond.
    cursor: Option<Vec<u8>>,
}

impl Timers {
    /// Notes a timer whose row was committed.
    pub fn insert(&mut self, due: Timestamp, wait: WaitKey) {
        // At the very millisecond where reading stopped, the disk may hold rows on both sides of the cursor.
        if due <= self.read_until {
            self.near.insert((due, wait));
        }
    }

    /// Forgets a timer whose row was removed.
    pub fn remove(&mut self, due: Timestamp, wait: WaitKey) {
        self.near.remove(&(due, wait));
    }

    /// Reads rows of the near future when it is time to; `mine` tells this shard's processes. Damaged rows stay on disk.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn refill(
        &mut self,
        store: &dyn Store,
        damages: &Damages,
        now: Timestamp,
        mine: impl Fn(ProcessId) -> bool,
    ) -> Result<(), StoreError> {
        if self.cursor.is_none() && now.after(Millis(HORIZON.0 / 2)) < self.read_until {
            return Ok(());
        }
        let until = now.after(HORIZON);
        let from = self
            .cursor
            .take()
            .unwrap_or_else(|| self.read_until.0.to_be_bytes().to_vec());
        let portion = scan_around(store, Table::Timers, &from, &until.0.to_be_bytes(), BATCH)?;
        damages.note_gaps(Table::Timers, &portion.gaps);
        for (key, _) in portion.rows {
            match keys::timer_of(&key) {
                Ok((due, wait)) if mine(wait.process) => {
                    self.near.insert((due, wait));
                }
                Ok(_) => {}
                Err(_) => damages.note_key(Table::Timers, &key),
            }
        }
        match portion.next {
            // New rows between the cursor and the horizon are read from the disk by the next reading.
            Some(next) => {
                let due = next.first_chunk::<8>().map(|due| u64::from_be_bytes(*due));
                self.read_until = due.map_or(until, Timestamp);
                self.cursor = Some(next);
            }
            None => self.read_until = until,
        }
        Ok(())
    }

    /// Takes at most `limit` timers that are due, in the order of their times. Their rows are still on disk.
    pub fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<(Timestamp, WaitKey)> {
        let mut due = Vec::new();
        while due.len() < limit {
            match self.near.first() {
                Some(first) if first.0 <= now => due.extend(self.near.pop_first()),
                _ => break,
            }
        }
        due
    }

    /// When the next timer is due, or the disk is to be read again.
    pub fn next_due(&self) -> Timestamp {
        let refill = Timestamp(self.read_until.0.saturating_sub(HORIZON.0 / 2));
        self.near
            .first()
            .map_or(refill, |(due, _)| (*due).min(refill))
    }

    /// Whether reading the disk stopped short and has to go on.
    pub const fn is_behind(&self) -> bool {
        self.cursor.is_some()
    }
}

/// The rows of a scan, for callers that only need keys.
pub fn keys_of(rows: Vec<Row>) -> Vec<Vec<u8>> {
    rows.into_iter().map(|(key, _)| key).collect()
}
