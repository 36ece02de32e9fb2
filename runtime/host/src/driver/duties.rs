//! The driver's own duties: timers, events, remembered messages, removals; each a limited portion
//! per loop.

use super::{Driver, Stopping};
use crate::act::{
    standing::Held,
    timers::{self, Purpose},
};
use crate::plan::{
    tasks::task_row,
    upkeep::{Fired, Forgotten, Removal, Unsent},
};
use bureaucrat_model::{Millis, Pace, ShardId, Timestamp};
use bureaucrat_store::StoreError;

/// Timers per loop.
const TIMERS: usize = 256;
/// Processes per removal portion, and rows that end a portion early.
const REMOVALS: usize = 16;
const REMOVED_ROWS: usize = 2_000;
/// How often a shard's remembered messages are checked for expiry.
const FORGET: Millis = Millis(200);

impl Driver {
    /// The bytes that the parts have in memory.
    pub(super) fn held(&self) -> Held {
        Held {
            residents: self.planner.residents.bytes(),
            submitted: self.pipeline.bytes(),
        }
    }

    /// Does a portion of everything that is due; returns how much.
    pub(super) fn duties(&mut self) -> Result<usize, StoreError> {
        let now = self.shared.time.now();
        if !self.has_room() {
            return Ok(0);
        }
        let mut done = self.fire(now)?;
        done += self.planner.hand_out()?;
        done += self.planner.recall()? + self.planner.drop_kept(now)?;
        self.planner.tell_so_far()?;
        done += self.planner.retry_decided()? + self.planner.keep_launches()?;
        done += self.planner.fire_schedules()?;
        if self.stopping == Stopping::No {
            done += self.planner.continue_bulk()?;
        }
        done += self.forget(now)?;
        done += self.remove(now)?;
        Ok(done)
    }

    fn fire(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        let (durable, handing_out) = (self.pipeline.durable(), !self.planner.handouts.are_over());
        let pace = match self.backlog.is_taken(now, durable, handing_out) {
            true => {
                self.actor.timers.release();
                Pace::Clock
            }
            false => Pace::Messages,
        };
        if self.actor.timers.is_full() {
            return Ok(0);
        }
        let store = &*self.shared.store;
        let timers = &mut self.actor.timers;
        timers.refill(store, &self.shared.damages, now)?;
        if self.actor.removals.is_full() {
            return Ok(0);
        }
        let due = self.actor.timers.take_due(now, TIMERS);
        let count = due.len();
        for (due, wait) in due {
            if pace == Pace::Messages && self.planner.pace_of(wait)? == Pace::Messages {
                self.actor.timers.hold_back(due, wait);
                continue;
            }
            // The host's own reminders have no task.
            let is_wait = timers::purpose(wait) == Purpose::Wait;
            let outbox = &mut self.actor.outbox;
            let task = match is_wait && outbox.hold_up(task_row(wait.process, wait.turn)) {
                true => Unsent::Waits,
                false => Unsent::No,
            };
            match self.planner.timer_due(due, wait, task)? {
                Fired::Planned => {}
                Fired::Removal => self.actor.removals.push((due, wait)),
            }
        }
        Ok(count)
    }

    fn forget(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        let (shard, due) = self.forget_next;
        if now < due {
            return Ok(0);
        }
        let (count, forgotten) = self.planner.forget(shard, now)?;
        self.forget_next = match forgotten {
            Forgotten::All => (self.shard_after(shard), now.after(FORGET)),
            Forgotten::Portion => (shard, now),
        };
        Ok(count)
    }

    /// The next of the engine's shards.
    fn shard_after(&self, shard: ShardId) -> ShardId {
        let groups = self.shared.config.sharing.groups();
        let mut later = (1..=u8::MAX).map(|step| ShardId(shard.0.wrapping_add(step)));
        later.find(|shard| groups.has(*shard)).unwrap_or(shard)
    }

    fn remove(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        let is_time = self.actor.removals.next().is_some_and(|next| now >= next);
        if !is_time && !self.planner.is_ready() {
            return Ok(0);
        }
        let (mut processes, mut removed_rows) = (0, 0);
        while processes < REMOVALS && removed_rows < REMOVED_ROWS {
            let Some((due, wait)) = self.actor.removals.pop() else {
                break;
            };
            match self.planner.remove(due, wait)? {
                Removal::Planned { rows } => removed_rows += rows,
                Removal::Later => {
                    self.actor.removals.push((due, wait));
                    self.actor.removals.pause(now);
                    break;
                }
            }
            processes += 1;
        }
        if processes > 0 {
            self.actor.removals.pause(now);
        }
        Ok(processes)
    }
}
