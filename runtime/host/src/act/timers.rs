//! Timers: what must happen at a certain time. The near future is in memory, everything is on disk.
//!
//! Besides the waits of fibers, rows with fiber numbers that no fiber has remind the host of its
//! own duties.

use crate::{act::standing::TimersDue, damage::Damages};
use bureaucrat_model::{FiberId, Millis, ProcessId, ShardGroups, ShardId, Timestamp, Turn};
use bureaucrat_store::{Store, StoreError, Table, keys, reading::scan_around};
use std::collections::BTreeSet;

pub use bureaucrat_store::keys::WaitKey;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A fiber waits for it.
    Wait,
    /// The process used up a step's instructions and must continue.
    Continue,
    /// The process is parked and must be retried.
    Retry,
    /// The process has ended and was visible for long enough.
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

/// How far ahead rows are kept in memory.
const HORIZON: Millis = Millis(60_000);

/// Rows per read from the disk.
const BATCH: usize = 10_000;

/// Timers that are held back at once.
const HELD_BACK: usize = 100_000;

/// How far a shard's rows were read.
#[derive(Debug, Clone)]
struct Reach {
    /// Every row on disk that is due before this time is in memory.
    until: Timestamp,
    /// Where reading continues if it stopped within a millisecond.
    cursor: Option<Vec<u8>>,
}

/// The timers of all shards.
#[derive(Debug)]
pub struct Timers {
    /// Submitted, but not durable.
    planned: BTreeSet<(Timestamp, WaitKey)>,
    near: BTreeSet<(Timestamp, WaitKey)>,
    /// Taken; the removal of their rows is not durable.
    firing: BTreeSet<(Timestamp, WaitKey)>,
    /// Due, but messages that came before are taken first.
    held_back: BTreeSet<(Timestamp, WaitKey)>,
    /// By the number of the shard.
    reaches: Vec<Reach>,
    /// The shards that are read.
    shards: Vec<ShardId>,
    /// The next of them.
    turn: usize,
    /// No shard must be read before this time.
    next_reading: Timestamp,
}

impl Timers {
    /// Timers of these groups, of which none is due before `fired`.
    pub fn new(fired: Timestamp, groups: ShardGroups) -> Self {
        let reach = Reach {
            until: fired,
            cursor: None,
        };
        Self {
            planned: BTreeSet::new(),
            near: BTreeSet::new(),
            firing: BTreeSet::new(),
            held_back: BTreeSet::new(),
            reaches: ShardId::all().map(|_| reach.clone()).collect(),
            shards: groups.shards().collect(),
            turn: 0,
            next_reading: Timestamp(0),
        }
    }

    /// Adds a timer whose row is submitted.
    pub fn plan(&mut self, due: Timestamp, wait: WaitKey) {
        self.planned.insert((due, wait));
    }

    /// Adds a timer whose row was committed.
    pub fn insert(&mut self, due: Timestamp, wait: WaitKey) {
        self.planned.remove(&(due, wait));
        // At the exact millisecond where reading stopped, the disk may have rows before and after
        // the cursor.
        let shard = usize::from(wait.process.shard().0);
        if self
            .reaches
            .get(shard)
            .is_some_and(|reach| due <= reach.until)
        {
            self.near.insert((due, wait));
        }
    }

    /// Forgets a timer whose row was removed.
    pub fn remove(&mut self, due: Timestamp, wait: WaitKey) {
        self.near.remove(&(due, wait));
        self.firing.remove(&(due, wait));
        self.held_back.remove(&(due, wait));
    }

    /// Puts back one that was taken, until messages that came before are taken.
    pub fn hold_back(&mut self, due: Timestamp, wait: WaitKey) {
        self.firing.remove(&(due, wait));
        self.held_back.insert((due, wait));
    }

    /// What was held back is due.
    pub fn release(&mut self) {
        self.near.append(&mut self.held_back);
    }

    /// Whether so many are held back that no more may be taken: what is not taken stays on disk.
    pub fn is_full(&self) -> bool {
        self.held_back.len() >= HELD_BACK
    }

    /// Reads rows of the near future when it is time to. Damaged rows stay on disk.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn refill(
        &mut self,
        store: &dyn Store,
        damages: &Damages,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut left = BATCH;
        while left > 0 && now >= self.next_reading {
            let shard = self.shards.get(self.turn).copied();
            let reach = shard.and_then(|shard| self.reaches.get(usize::from(shard.0)));
            let (Some(shard), Some(reach)) = (shard, reach) else {
                self.turn = 0;
                self.next_reading = now.after(Millis(HORIZON.0 / 2));
                break;
            };
            let until = now.after(HORIZON);
            let from = match &reach.cursor {
                Some(cursor) => cursor.clone(),
                None => keys::timers_from(shard, reach.until),
            };
            let to = keys::timers_from(shard, until);
            let portion = scan_around(store, Table::Timers, &from, &to, left)?;
            damages.note_gaps(Table::Timers, &portion.gaps);
            left -= portion.rows.len();
            for (key, _) in portion.rows {
                match keys::timer_of(&key) {
                    Ok(timer)
                        if self.firing.contains(&timer) || self.held_back.contains(&timer) => {}
                    Ok(timer) => {
                        self.near.insert(timer);
                    }
                    Err(_) => damages.note_key(Table::Timers, &key),
                }
            }
            // The next read finds new rows between the cursor and the horizon.
            let reach = match portion.next {
                Some(next) => Reach {
                    until: keys::due_of(&next).unwrap_or(until),
                    cursor: Some(next),
                },
                None => {
                    self.turn += 1;
                    Reach {
                        until,
                        cursor: None,
                    }
                }
            };
            if let Some(place) = self.reaches.get_mut(usize::from(shard.0)) {
                *place = reach;
            }
        }
        Ok(())
    }

    /// Takes at most `limit` due timers, in order of time. Their rows are still on disk.
    pub fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<(Timestamp, WaitKey)> {
        let mut due = Vec::new();
        while due.len() < limit {
            match self.near.first() {
                Some(first) if first.0 <= now => due.extend(self.near.pop_first()),
                _ => break,
            }
        }
        self.firing.extend(due.iter().copied());
        due
    }

    /// The time before which no row is left on disk, as far as is known.
    pub fn fired(&self, now: Timestamp) -> Timestamp {
        let reaches = self.shards.iter();
        let reaches = reaches.filter_map(|shard| self.reaches.get(usize::from(shard.0)));
        let unread = reaches.map(|reach| reach.until).min();
        let first = |set: &BTreeSet<(Timestamp, WaitKey)>| set.first().map(|(due, _)| *due);
        let sets = [&self.planned, &self.near, &self.firing, &self.held_back];
        sets.into_iter()
            .map(first)
            .chain([unread])
            .flatten()
            .min()
            .map_or(now, |earliest| earliest.min(now))
    }

    /// Those whose time has come, and which have not fired, as far as they are in memory.
    pub fn due(&self, now: Timestamp) -> TimersDue {
        let is_due = |timer: &&(Timestamp, WaitKey)| timer.0 <= now;
        let near = self.near.iter().take_while(is_due).take(TimersDue::MOST);
        let first = |set: &BTreeSet<(Timestamp, WaitKey)>| set.first().map(|(due, _)| *due);
        let sets = [&self.near, &self.firing, &self.held_back];
        let first = sets.into_iter().filter_map(first).min();
        TimersDue {
            count: near.count() + self.firing.len() + self.held_back.len(),
            late: now.since(first.unwrap_or(now)),
        }
    }

    /// When the next timer is due, or the disk must be read again.
    pub fn next_due(&self) -> Timestamp {
        if self.is_full() {
            return Timestamp(u64::MAX);
        }
        self.near
            .first()
            .map_or(self.next_reading, |(due, _)| (*due).min(self.next_reading))
    }
}
