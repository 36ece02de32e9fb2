//! Events among the facts: each is written once, and is gone only when every wait that awaited it has had it. An engine
//! that shares the store sends an event on for the waits of other engines' groups: what is written there is its part.

use super::{
    definitions::COMMON_EVENT, facts::Known, inbox::event_parts, shared::Numbered, world::unique,
};
use bureaucrat_host::events::EventRecord;
use bureaucrat_model::{FiberId, ProcessId, ShardId, Status};
use bureaucrat_store::{
    Table, Unit,
    keys::{self, WaitKey},
    records,
};
use std::collections::BTreeSet;

#[derive(Debug)]
pub(super) struct EventFacts {
    pub name: String,
    pub key: Option<String>,
    /// Which waits awaited it when it got its number.
    pub waited: BTreeSet<WaitKey>,
    /// The number of the event that it is a part of.
    origin: Option<u64>,
}

impl Known {
    pub fn event_written(&mut self, key: &[u8], value: Option<&Vec<u8>>, unit: &Unit) {
        let Ok((shard, sequence)) = keys::event_of(key) else {
            return self.violate(format!("an event has the key {key:02x?}"));
        };
        match value {
            Some(record) => match records::decode::<EventRecord>(Table::Events, key, record) {
                Ok(record) => self.new_event(shard, sequence, &record),
                Err(error) => self.violate(error.to_string()),
            },
            None => {
                if let Some(event) = self.events.remove(&sequence) {
                    self.event_gone(sequence, &event, unit);
                }
            }
        }
    }

    fn new_event(&mut self, shard: ShardId, sequence: u64, record: &EventRecord) {
        self.numbered(sequence, Numbered::Event(shard));
        let number = unique(record);
        let counts = record.origin.unwrap_or(sequence);
        self.sequences.entry(number).or_default().push(counts);
        let waited = match record.origin {
            Some(origin) => {
                *self.counts.entry("parts of events").or_default() += 1;
                self.shared.part_written(shard.group(), origin)
            }
            None => {
                self.event_comes_after(number, sequence);
                let is_new = self.event_is_new(number);
                is_new.then(|| self.waits_for(record, sequence))
            }
        };
        let Some(waited) = waited else {
            return self.violate(format!("the event {number} took effect twice"));
        };
        self.events.insert(
            sequence,
            EventFacts {
                name: record.name.clone(),
                key: record.key.clone(),
                waited,
                origin: record.origin,
            },
        );
    }

    /// Whether an event may be written, which has this number of its publisher.
    fn event_is_new(&mut self, number: u64) -> bool {
        let now = self.now;
        let written = self.written.entry(number).or_default();
        written.push(now);
        let twice = written.len() > 1 && now < written[0].after(self.seen_retention);
        !twice || !self.identified.contains(&number)
    }

    /// Whatever was durable when an event was published has a lower number: so the numbers say which waits it is for.
    fn event_comes_after(&mut self, number: u64, sequence: u64) {
        let highest = self.shared.published.get(&number).copied();
        if let Some(highest) = highest.filter(|highest| sequence <= *highest) {
            self.violate(format!(
                "the event {number} got the number {sequence}, and {highest} was durable when it was published"
            ));
        }
    }

    fn waits_for(&self, record: &EventRecord, sequence: u64) -> BTreeSet<WaitKey> {
        let mut waited = BTreeSet::new();
        for (process, subscriptions) in &self.subscriptions {
            for (((name, wanted), fiber, turn), subscribed) in subscriptions {
                let suits = wanted.is_none() || *wanted == record.key;
                if *name == record.name && suits && *subscribed < sequence {
                    waited.insert(WaitKey {
                        process: *process,
                        fiber: *fiber,
                        turn: *turn,
                    });
                }
            }
        }
        waited
    }

    /// An event is no longer stored: every wait without conditions that awaited it when it was
    /// written must have received it, or a part of it goes to the wait's group.
    fn event_gone(&mut self, sequence: u64, event: &EventFacts, unit: &Unit) {
        let parts = event_parts(unit);
        for wait in event.waited.iter().filter(|_| event.name == COMMON_EVENT) {
            let waits = self
                .subscriptions
                .get(&wait.process)
                .is_some_and(|subscriptions| {
                    [None, event.key.clone()].into_iter().any(|wanted| {
                        let row = ((event.name.clone(), wanted), wait.fiber, wait.turn);
                        subscriptions.contains_key(&row)
                    })
                });
            let parked = self.instances.get(&wait.process);
            let parked =
                parked.is_some_and(|instance| matches!(instance.status, Status::Parked { .. }));
            // What takes one event after the other still waits for the next one.
            let numbers = [Some(sequence), event.origin];
            let mut notes = numbers
                .into_iter()
                .flatten()
                .map(|number| keys::taken_by_fiber(number, wait.process, wait.fiber));
            if !waits || parked || notes.any(|note| self.taken_kept.contains(&note)) {
                continue;
            }
            let group = wait.process.shard().group();
            if parts.contains(&(group.number(), sequence)) {
                self.shared.part_expected(group, sequence, *wait);
                continue;
            }
            self.violate(format!(
                "the event {sequence} is gone and never reached {wait:?}"
            ));
            return;
        }
    }

    /// A process begins to wait: after the numbers of the events that it has taken, or it could get them again.
    pub fn wait_comes_after(&mut self, process: ProcessId, sequence: u64) {
        let last = self.shared.last_taken.get(&process).copied();
        if let Some(last) = last.filter(|last| sequence <= *last) {
            self.violate(format!(
                "a wait of {process} got the number {sequence} after it took the event {last}"
            ));
        }
    }

    /// A fiber took an event: each copy that was published at most once.
    pub fn event_counts(&mut self, process: ProcessId, fiber: FiberId, number: u64) {
        let first = self.sequences.get(&number).and_then(|all| all.iter().min());
        if let Some(first) = first {
            let last = self.shared.last_taken.entry(process).or_default();
            *last = (*last).max(*first);
        }
        let written = self.written.get(&number).map_or(0, Vec::len);
        let taken = self.shared.taken.entry((process, fiber, number));
        let taken = taken.or_default();
        *taken += 1;
        if *taken > written {
            let taken = *taken;
            self.violate(format!(
                "{process} took the event {number} {taken} times, which was written {written} times"
            ));
        }
    }
}
