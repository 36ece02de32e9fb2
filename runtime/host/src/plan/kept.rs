//! Kept events: stored for some time, and offered to those who begin to wait for them later.
//!
//! A wait that asks for them subscribes first. Once that is durable, what is kept is offered to it,
//! the oldest first, one after the other, each in a transaction of its own; what comes meanwhile
//! comes as usual. So nothing falls between the two. A process takes each kept event once: what it
//! takes is noted in the same commit, and the note goes with the event. Which waits are being served
//! is stored, so that a start continues; offering an event again to a wait changes nothing.

use super::{Planner, events::EventRecord, transaction::Transaction};
use crate::act::timers::WaitKey;
use bureaucrat_model::{FiberId, Millis, ProcessId, ShardId, Subscription, Timestamp};
use bureaucrat_policy::{Quota, Rule, Rules, Violation};
use bureaucrat_store::{
    StoreError, Table, keys,
    reading::{scan_all, scan_around},
    records,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Events that go per loop.
const GONE: usize = 100;
/// How often it is looked for events that go.
const EVERY: Millis = Millis(500);

/// A kept event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRecord {
    pub shard: u8,
    /// Who it counts for.
    pub user: Option<String>,
    /// When it goes.
    pub until: Timestamp,
    pub event: EventRecord,
}

/// What is stored about the time at which an event goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoingRecord {
    pub shard: u8,
    pub user: Option<String>,
    pub name: String,
    pub key: Option<String>,
    /// The size of its record.
    pub bytes: u64,
}

/// What a wait asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecallRecord {
    pub wanted: Vec<Subscription>,
}

/// What a transaction changes about kept events.
#[derive(Debug, Default)]
pub struct KeptNews {
    /// Events that are kept: whose, and their bytes.
    pub added: Vec<(Option<String>, u64)>,
    /// Who took which.
    pub taken: Vec<(u64, ProcessId)>,
    /// Waits that ask for them.
    pub recalls: BTreeMap<WaitKey, Vec<Subscription>>,
    /// The process to which one was offered.
    pub offered: Option<ProcessId>,
}

/// A wait that is being served.
#[derive(Debug)]
pub(super) struct Serving {
    pub wait: WaitKey,
    pub wanted: Vec<Subscription>,
    /// The last event that was examined.
    pub last: u64,
    pub stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Offering,
    Told,
}

#[derive(Debug, Clone, Copy, Default)]
struct Use {
    events: u64,
    bytes: u64,
}

/// What is kept, by user, and who is being served.
#[derive(Debug, Default)]
pub struct KeptEvents {
    uses: HashMap<Option<String>, Use>,
    total: Use,
    look: Timestamp,
    /// In each process one wait after the other.
    pub(super) lines: BTreeMap<ProcessId, VecDeque<Serving>>,
    pub(super) ready: VecDeque<ProcessId>,
    /// Notes that are not durable yet.
    taken: BTreeSet<(u64, ProcessId)>,
}

impl KeptEvents {
    /// An event is kept from now on.
    pub fn add(&mut self, user: Option<String>, bytes: u64) {
        for used in [self.uses.entry(user).or_default(), &mut self.total] {
            used.events += 1;
            used.bytes += bytes;
        }
    }

    /// A transaction is given up.
    pub fn given_up(&mut self, news: &KeptNews) {
        for (user, bytes) in &news.added {
            self.remove(user, *bytes);
        }
        self.forget_taken(&news.taken);
    }

    fn remove(&mut self, user: &Option<String>, bytes: u64) {
        let of_user = self.uses.get_mut(user);
        for used in of_user.into_iter().chain([&mut self.total]) {
            used.events = used.events.saturating_sub(1);
            used.bytes = used.bytes.saturating_sub(bytes);
        }
        if self.uses.get(user).is_some_and(|used| used.events == 0) {
            self.uses.remove(user);
        }
    }

    /// A wait that asks for kept events is durable.
    pub fn serve(&mut self, wait: WaitKey, wanted: Vec<Subscription>) {
        let line = self.lines.entry(wait.process).or_default();
        if line.iter().any(|serving| serving.wait == wait) {
            return;
        }
        line.push_back(Serving {
            wait,
            wanted,
            last: 0,
            stage: Stage::Offering,
        });
        if line.len() == 1 {
            self.ready.push_back(wait.process);
        }
    }

    /// What a process was offered is durable: its line continues.
    fn resume(&mut self, process: ProcessId) {
        let Some(line) = self.lines.get_mut(&process) else {
            return;
        };
        if line.front().is_some_and(|first| first.stage == Stage::Told) {
            line.pop_front();
        }
        self.next_in(process);
    }

    pub(super) fn next_in(&mut self, process: ProcessId) {
        if self.lines.get(&process).is_some_and(VecDeque::is_empty) {
            self.lines.remove(&process);
        } else if self.lines.contains_key(&process) {
            self.ready.push_back(process);
        }
    }

    pub fn are_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// When it is looked for events that go; never while there are none.
    pub fn next_look(&self) -> Option<Timestamp> {
        (self.total.events > 0).then_some(self.look)
    }

    pub fn forget_taken(&mut self, noted: &[(u64, ProcessId)]) {
        for noted in noted {
            self.taken.remove(noted);
        }
    }

    /// What a transaction changed is durable.
    pub fn durable(&mut self, news: KeptNews) {
        self.forget_taken(&news.taken);
        for (wait, wanted) in news.recalls {
            self.serve(wait, wanted);
        }
        if let Some(process) = news.offered {
            self.resume(process);
        }
    }
}

impl Planner {
    /// The quota that one more kept event of a user would exceed.
    pub(crate) fn keeps_too_much(
        &self,
        rules: &Rules,
        user: Option<&String>,
        bytes: u64,
    ) -> Option<Violation> {
        let config = &self.shared.config;
        let used = self
            .kept
            .uses
            .get(&user.cloned())
            .copied()
            .unwrap_or_default();
        let total = self.kept.total;
        let what = "the events that the user keeps:";
        let with = "with this one";
        let own = rules
            .over(Quota::KeptEvents, used.events + 1, what, with)
            .or_else(|| {
                rules.over(
                    Quota::KeptBytes,
                    used.bytes + bytes,
                    what,
                    "bytes with this one",
                )
            });
        own.or_else(|| {
            let is_full =
                total.events >= config.kept_events || total.bytes + bytes > config.kept_bytes;
            let what = format!(
                "the engine keeps at most {} events of {} bytes together",
                total.events, total.bytes
            );
            is_full.then(|| rules.broken(Rule::Quota(Quota::KeptEvents), what))
        })
    }

    /// Keeps an event in the commit that stores it.
    pub(crate) fn keep_event(
        &mut self,
        transaction: &mut Transaction,
        user: Option<&String>,
        sequence: u64,
        until: Timestamp,
        event: &EventRecord,
    ) -> Result<(), StoreError> {
        let (shard, user) = (transaction.shard, user.cloned());
        let value = records::encode(&KeptRecord {
            shard: shard.0,
            user: user.clone(),
            until,
            event: event.clone(),
        })?;
        let bytes = value.len() as u64;
        let going = records::encode(&GoingRecord {
            shard: shard.0,
            user: user.clone(),
            name: event.name.clone(),
            key: event.key.clone(),
            bytes,
        })?;
        let (name, key) = (&event.name, event.key.as_deref());
        transaction.put(Table::Kept, keys::kept(name, None, sequence), value);
        if key.is_some() {
            transaction.put(Table::Kept, keys::kept(name, key, sequence), Vec::new());
        }
        transaction.put(Table::Kept, keys::kept_until(until, sequence), going);
        self.kept.add(user.clone(), bytes);
        transaction.after.kept.added.push((user, bytes));
        Ok(())
    }

    /// Subscribes a wait, and notes that it asks for kept events, if it does.
    pub(super) fn subscribe(
        &self,
        transaction: &mut Transaction,
        wait: WaitKey,
        subscription: Subscription,
    ) -> Result<(), StoreError> {
        let (sequence, recalls) = (self.shared.draw(), subscription.since.is_some());
        let key = keys::subscription(&subscription.event, subscription.key.as_deref(), wait);
        let value = keys::subscription_record(sequence, recalls);
        transaction.put(Table::Subscriptions, key, value);
        if !recalls {
            return Ok(());
        }
        let wanted = transaction.after.kept.recalls.entry(wait).or_default();
        wanted.push(subscription);
        let wanted = wanted.clone();
        let record = records::encode(&RecallRecord { wanted })?;
        transaction.put(Table::Recalls, keys::recall(wait), record);
        Ok(())
    }

    /// A process took a kept event.
    pub(super) fn take_kept(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        sequence: u64,
    ) {
        self.kept.taken.insert((sequence, process));
        transaction.after.kept.taken.push((sequence, process));
        transaction.put(Table::Taken, keys::taken(sequence, process), Vec::new());
    }

    pub(super) fn has_taken(&self, sequence: u64, process: ProcessId) -> Result<bool, StoreError> {
        if self.kept.taken.contains(&(sequence, process)) {
            return Ok(true);
        }
        let key = keys::taken(sequence, process);
        let found = self.shared.store.get(Table::Taken, &key);
        Ok(self.shared.damages.around(None, found)?.flatten().is_some())
    }

    /// Whether a fiber that takes one event after the other took this one, in an earlier run.
    pub(super) fn took_event(&self, sequence: u64, wait: WaitKey) -> Result<bool, StoreError> {
        let key = keys::taken_by_fiber(sequence, wait.process, wait.fiber);
        let found = self.shared.store.get(Table::Taken, &key);
        Ok(self.shared.damages.around(None, found)?.flatten().is_some())
    }

    /// The fibers that take one event after the other, and have had this one.
    pub(super) fn takers(&self, sequence: u64) -> Result<Vec<(ProcessId, FiberId)>, StoreError> {
        let (from, to) = keys::taken_of(sequence);
        let mut takers = Vec::new();
        let gaps = scan_all(&*self.shared.store, Table::Taken, &from, &to, |key, _| {
            takers.extend(keys::taker(&key));
            Ok(())
        })?;
        self.shared.damages.note_gaps(Table::Taken, &gaps);
        Ok(takers)
    }

    /// Removes events whose time is over, with who took them.
    pub(crate) fn drop_kept(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        if self.kept.next_look().is_none_or(|look| now < look) {
            return Ok(0);
        }
        let (from, to) = keys::kept_gone(now);
        let portion = scan_around(&*self.shared.store, Table::Kept, &from, &to, GONE)?;
        self.shared.damages.note_gaps(Table::Kept, &portion.gaps);
        self.kept.look = now.after(EVERY);
        let count = portion.rows.len();
        for (row, value) in portion.rows {
            let record = records::decode::<GoingRecord>(Table::Kept, &row, &value);
            let record = self.shared.damages.around(None, record)?;
            let (Some(going), Some((_, sequence))) = (record, keys::kept_until_of(&row)) else {
                continue;
            };
            if !self.shared.config.sharing.has(ShardId(going.shard)) {
                continue;
            }
            self.drop_one(row, &going, sequence)?;
        }
        Ok(count)
    }

    fn drop_one(
        &mut self,
        row: Vec<u8>,
        going: &GoingRecord,
        sequence: u64,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(ShardId(going.shard));
        transaction.delete(Table::Kept, keys::kept(&going.name, None, sequence));
        if let Some(key) = &going.key {
            transaction.delete(Table::Kept, keys::kept(&going.name, Some(key), sequence));
        }
        transaction.delete(Table::Kept, row);
        let (from, to) = keys::taken_of(sequence);
        let store = &*self.shared.store;
        let gaps = scan_all(store, Table::Taken, &from, &to, |key, _| {
            transaction.delete(Table::Taken, key);
            Ok(())
        })?;
        self.shared.damages.note_gaps(Table::Taken, &gaps);
        self.kept.remove(&going.user, going.bytes);
        self.finish(transaction)
    }
}
