//! The engine's own work: timers that fire, ended processes that are removed, remembered messages
//! that expire. Each in limited portions, so that deliveries do not wait.

use super::{
    Planner,
    jobs::Kept,
    residents::Found,
    transaction::{Cause, Transaction, Work},
};
use crate::act::timers::{self, Purpose, WaitKey};
use bureaucrat_model::{FiberState, Input, Pace, ProcessId, ShardId, Timestamp, Turn};
use bureaucrat_store::{
    StoreError, Table, keys,
    keys::{OutboxKey, OutboxKind},
    reading::scan_around,
    records,
};

/// Remembered messages forgotten per portion.
const EXPIRIES: usize = 500;

/// What happens to a due timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// A transaction of its process takes it, and its row.
    Planned,
    /// Its process is removed.
    Removal,
}

/// Whether the broker has not confirmed the task of a wait yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsent {
    No,
    Waits,
}

/// The result of trying to remove a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is removed, with this many rows.
    Planned { rows: usize },
    /// A job is using it: try later.
    Later,
}

impl Planner {
    /// What the time of a wait runs beside.
    pub(crate) fn pace_of(&self, wait: WaitKey) -> Result<Pace, StoreError> {
        if timers::purpose(wait) != Purpose::Wait {
            return Ok(Pace::Clock);
        }
        let held = self.peek(wait.process)?;
        let fibers = held.as_ref().map(|held| &held.instance.fibers);
        let fiber = fibers.and_then(|fibers| fibers.get(wait.fiber));
        Ok(match fiber.map(|fiber| &fiber.state) {
            Some(FiberState::Waiting(found)) if found.turn == wait.turn => found.kind.pace(),
            Some(FiberState::Waiting(_) | FiberState::Ready) | None => Pace::Clock,
        })
    }

    /// Takes a due timer.
    pub(crate) fn timer_due(
        &mut self,
        due: Timestamp,
        wait: WaitKey,
        task: Unsent,
    ) -> Result<Fired, StoreError> {
        let process = wait.process;
        let cause = Cause::Timer(due, wait);
        let input = match timers::purpose(wait) {
            Purpose::Wait => Input::TimerFired {
                fiber: wait.fiber,
                turn: wait.turn,
            },
            Purpose::Continue => Input::Continue,
            Purpose::Retry => {
                let mut transaction = Transaction::of(process, Work::Retry(process));
                transaction.stop_timer(due, wait);
                self.begin(process, transaction)?;
                return Ok(Fired::Planned);
            }
            Purpose::Remove => return Ok(Fired::Removal),
        };
        let work = Work::Step {
            process,
            input,
            cause,
        };
        let mut transaction = Transaction::of(process, work);
        if task == Unsent::Waits {
            let delayed = delayed(process, wait.turn, self.now());
            transaction.work.push_front(delayed);
        }
        self.begin(process, transaction)?;
        Ok(Fired::Planned)
    }

    /// The broker never takes an activity's task, so the activity fails.
    pub(crate) fn task_refused(&mut self, key: OutboxKey, words: String) -> Result<(), StoreError> {
        if key.kind == OutboxKind::Message {
            return self.undelivered(key, &words);
        }
        let process = key.process;
        let work = Work::Step {
            process,
            input: Input::TaskRefused {
                turn: Turn(key.number),
                reason: words,
            },
            cause: Cause::Other,
        };
        self.begin(process, Transaction::of(process, work))
    }

    /// A task has left that had waited for a connection, so its attempt begins now. Its row goes in the same commit:
    /// after a crash in between, the task is sent again, and the attempt begins then.
    pub(crate) fn task_delayed(
        &mut self,
        key: OutboxKey,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let process = key.process;
        let work = delayed(process, Turn(key.number), until);
        let mut transaction = Transaction::of(process, work);
        transaction.withdraw(key);
        self.begin(process, transaction)
    }

    /// Removes an ended process with its history. A tombstone tells late answers that it existed.
    pub(crate) fn remove(&mut self, due: Timestamp, wait: WaitKey) -> Result<Removal, StoreError> {
        let process = wait.process;
        // A late answer may be waiting for the program, with the instance in its transaction.
        if self.is_busy(process)? == Kept::Busy {
            return Ok(Removal::Later);
        }
        let mut transaction = Transaction::new(process.shard());
        transaction.stop_timer(due, wait);
        if matches!(self.residents.find(process), Found::Removed) {
            self.finish(transaction)?;
            return Ok(Removal::Planned { rows: 1 });
        }
        transaction.after.unused.extend(self.uncount(process)?);
        transaction.remove(&*self.shared.store, process)?;
        let most = usize::try_from(self.shared.config.history_entries.saturating_add(8))
            .unwrap_or(usize::MAX);
        let (from, to) = (keys::history(process, 0), keys::history(process, u64::MAX));
        let portion = scan_around(&*self.shared.store, Table::History, &from, &to, most)?;
        for (key, _) in portion.rows {
            transaction.delete(Table::History, key);
        }
        let tombstone = keys::tombstone(process);
        let until = self.now().after(self.shared.config.tombstone_retention);
        transaction.put(Table::Seen, keys::expiry(until, &tombstone), Vec::new());
        transaction.put(Table::Seen, tombstone, vec![records::FORMAT]);
        let rows = transaction.rows();
        self.finish(transaction)?;
        Ok(Removal::Planned { rows })
    }

    /// Forgets a shard's messages and removed processes that have expired; returns how many, and
    /// whether that was all.
    pub(crate) fn forget(
        &mut self,
        shard: ShardId,
        now: Timestamp,
    ) -> Result<(usize, Forgotten), StoreError> {
        let (from, to) = keys::expiries(shard, now);
        let store = &*self.shared.store;
        let portion = scan_around(store, Table::Seen, &from, &to, EXPIRIES)?;
        self.shared.damages.note_gaps(Table::Seen, &portion.gaps);
        let count = portion.rows.len();
        let forgotten = match portion.next {
            Some(_) => Forgotten::Portion,
            None => Forgotten::All,
        };
        if count == 0 {
            return Ok((0, forgotten));
        }
        let mut transaction = Transaction::new(shard);
        for (key, _) in portion.rows {
            if let Ok(expired) = keys::expired_of(&key) {
                transaction.delete(Table::Seen, expired);
            }
            transaction.delete(Table::Seen, key);
        }
        self.finish(transaction)?;
        Ok((count, forgotten))
    }
}

fn delayed(process: ProcessId, turn: Turn, until: Timestamp) -> Work {
    Work::Step {
        process,
        input: Input::TaskDelayed { turn, until },
        cause: Cause::Other,
    }
}

/// Whether a shard has anything left to forget now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    All,
    Portion,
}
