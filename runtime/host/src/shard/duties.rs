//! What a shard does on its own: timers that come due, events to hand out, processes to remove, memories to forget.
//! Each in bounded portions, so that deliveries do not wait.

use super::{Shard, work::Kept};
use crate::{
    events::{EventProgress, Finished, Handout},
    timers::{self, Purpose, WaitKey},
    transaction::{Cause, Transaction, Work},
};
use bureaucrat_model::{Input, Millis, Timestamp};
use bureaucrat_store::{StoreError, Table, keys, reading::scan_around, records};

/// Timers that one turn takes.
const TIMERS: usize = 256;

/// Subscribers that one turn serves.
const SUBSCRIBERS: usize = 256;

/// Memories that one turn forgets, and how often it looks for some.
const EXPIRIES: usize = 500;
const EXPIRY_INTERVAL: Millis = Millis(1_000);

/// What became of the oldest event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HandedOut {
    /// There is none, or it waits for a process that is busy.
    Nothing,
    /// Nobody here waited for it: it is done.
    Unawaited,
    /// So many subscriptions were looked at.
    Portion(usize),
}

impl Shard {
    /// Does a portion of everything that is due; returns how much.
    pub(super) fn duties(&mut self) -> Result<usize, StoreError> {
        let now = self.now();
        self.outbox.retry(now);
        if self.is_full() {
            return Ok(0);
        }
        let (id, shards) = (self.id, self.shared.router.shards());
        let store = self.shared.store.clone();
        self.timers
            .refill(&*store, &self.shared.damages, now, |process| {
                crate::router::shard_of(process, shards) == id
            })?;
        let due = self.timers.take_due(now, TIMERS);
        let mut done = due.len();
        for (due, wait) in due {
            self.timer_due(due, wait)?;
        }
        done += self.hand_some_out()?;
        done += self.forget(now)?;
        done += self.remove_some(now)?;
        Ok(done)
    }

    fn timer_due(&mut self, due: Timestamp, wait: WaitKey) -> Result<(), StoreError> {
        let process = wait.process;
        let cause = Cause::Timer(due, wait);
        match timers::purpose(wait) {
            Purpose::Wait => {
                let input = Input::TimerFired {
                    fiber: wait.fiber,
                    turn: wait.turn,
                };
                self.begin(
                    process,
                    Transaction::of(Work::Step {
                        process,
                        input,
                        cause,
                    }),
                )
            }
            Purpose::Continue => self.begin(
                process,
                Transaction::of(Work::Step {
                    process,
                    input: Input::Continue,
                    cause,
                }),
            ),
            Purpose::Retry => {
                let mut transaction = Transaction::of(Work::Resume(process));
                transaction.stop_timer(due, wait);
                self.begin(process, transaction)
            }
            Purpose::Remove => {
                self.removals.push(due, wait);
                Ok(())
            }
        }
    }

    /// Serves a portion of subscribers. Events that nobody waits for are done with one commit, so that they don't keep
    /// later ones waiting for a sync each; after one that was served the next has to see what that committed.
    fn hand_some_out(&mut self) -> Result<usize, StoreError> {
        let mut done = 0;
        while done < SUBSCRIBERS {
            match self.hand_out()? {
                HandedOut::Nothing => break,
                HandedOut::Unawaited => done += 1,
                HandedOut::Portion(looked_at) => {
                    done += looked_at;
                    break;
                }
            }
        }
        Ok(done)
    }

    /// Serves a portion of the subscribers of the oldest event. Each one's transaction carries the cursor past it; one
    /// whose transaction has to wait for a job stops the line, so that no cursor passes it before its commit.
    fn hand_out(&mut self) -> Result<HandedOut, StoreError> {
        if self.handout_is_blocked()? {
            return Ok(HandedOut::Nothing);
        }
        let Some(mut handout) = self.handouts.pop_front() else {
            return Ok(HandedOut::Nothing);
        };
        let (start, end) = self.subscribers(&handout);
        let store = &*self.shared.store;
        let portion = scan_around(store, Table::Subscriptions, &start, &end, SUBSCRIBERS)?;
        let looked_at = portion.rows.len();
        self.shared
            .damages
            .note_gaps(Table::Subscriptions, &portion.gaps);
        for (key, value) in portion.rows {
            let Ok(wait) = keys::subscription_of(&key) else {
                self.shared.damages.note_key(Table::Subscriptions, &key);
                continue;
            };
            let subscribed = <[u8; 8]>::try_from(&*value).map_or(0, u64::from_be_bytes);
            if subscribed >= handout.sequence {
                continue;
            }
            if self.is_busy(wait.process)? == Kept::Free {
                handout.from = keys::successor(&key);
                self.serve(&handout, wait)?;
            }
            if self.is_busy(wait.process)? == Kept::Busy {
                self.handout_waits_for = Some(wait.process);
                self.handouts.push_front(handout);
                return Ok(HandedOut::Portion(1));
            }
        }
        if let Some(next) = portion.next {
            handout.from = next;
            self.handouts.push_front(handout);
            return Ok(HandedOut::Portion(looked_at.max(1)));
        }
        let mut transaction = Transaction::default();
        transaction.delete(
            Table::Events,
            keys::event_progress(handout.sequence, self.id),
        );
        transaction.after.handed_out.push(handout);
        self.finish(transaction)?;
        Ok(match looked_at {
            0 => HandedOut::Unawaited,
            looked_at => HandedOut::Portion(looked_at),
        })
    }

    fn serve(&mut self, handout: &Handout, wait: WaitKey) -> Result<(), StoreError> {
        let input = Input::Event {
            fiber: wait.fiber,
            turn: wait.turn,
            event: handout.record.event.clone(),
        };
        let work = Work::Step {
            process: wait.process,
            input,
            cause: Cause::Other,
        };
        let mut transaction = Transaction::of(work);
        let progress = records::encode(&EventProgress {
            from: handout.from.clone(),
        })?;
        transaction.put(
            Table::Events,
            keys::event_progress(handout.sequence, self.id),
            progress,
        );
        self.begin(wait.process, transaction)
    }

    /// The first bytes of this shard's ids, and of the first ones after it.
    pub(super) fn range(&self) -> (Vec<u8>, Vec<u8>) {
        let bytes = |bound: u32| match u16::try_from(bound) {
            Ok(bound) => bound.to_be_bytes().to_vec(),
            Err(_) => vec![u8::MAX; 40],
        };
        let (from, to) = crate::router::shard_range(self.id, self.shared.router.shards());
        (bytes(from), bytes(to))
    }

    /// Where this shard's subscriptions to the event begin, from the cursor on, and where they end.
    fn subscribers(&self, handout: &Handout) -> (Vec<u8>, Vec<u8>) {
        let prefix = keys::subscriptions_to(&handout.record.name);
        let (from, to) = self.range();
        let start = if handout.from.is_empty() {
            [&*prefix, &*from].concat()
        } else {
            handout.from.clone()
        };
        let is_last = self.id + 1 == self.shared.router.shards();
        let end = if is_last {
            keys::prefix_end(&prefix)
        } else {
            [&*prefix, &*to].concat()
        };
        (start, end)
    }

    /// Whether the event at the front waits for a subscriber's job.
    pub(super) fn handout_is_blocked(&mut self) -> Result<bool, StoreError> {
        if let Some(process) = self.handout_waits_for {
            if self.is_busy(process)? == Kept::Busy {
                return Ok(true);
            }
            self.handout_waits_for = None;
        }
        Ok(false)
    }

    /// This shard is done with an event, durably; the last one lets the event go.
    pub(super) fn handed_out(&mut self, handout: &Handout) -> Result<(), StoreError> {
        if handout.finish() == Finished::LastShard {
            let mut transaction = Transaction::default();
            transaction.delete(Table::Events, keys::event(handout.sequence));
            self.finish(transaction)?;
        }
        Ok(())
    }

    /// Forgets message ids and removed processes whose time is over; the first shard does it for all.
    fn forget(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        if self.id != 0 || now < self.last_expiry.after(EXPIRY_INTERVAL) {
            return Ok(0);
        }
        let from = [b'x'];
        let to = keys::expiry(Timestamp(now.0.saturating_add(1)), &[]);
        let portion = scan_around(&*self.shared.store, Table::Seen, &from, &to, EXPIRIES)?;
        let rows = timers::keys_of(portion.rows);
        if rows.len() < EXPIRIES {
            self.last_expiry = now;
        }
        if rows.is_empty() {
            return Ok(0);
        }
        let mut transaction = Transaction::default();
        let count = rows.len();
        for key in rows {
            if let Ok(expired) = keys::expired_of(&key) {
                transaction.delete(Table::Seen, expired.to_vec());
            }
            transaction.delete(Table::Seen, key);
        }
        self.finish(transaction)?;
        Ok(count)
    }
}
