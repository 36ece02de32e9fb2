//! Events on their way to the processes that await them.
//!
//! An event is stored once, in the shard that its name determines, and acknowledged. Then it is
//! handed out: the engine goes through the subscriptions to its name, in all shards, in portions,
//! and each one that is older than the event receives it in a transaction of its own process. The
//! event is removed once all of these are durable. After a crash it is handed out again from the
//! beginning: no process receives it twice, because one that received it has another wait by then,
//! or none.
//!
//! Events of one name keep their order; names do not wait for each other. Bodies stay in the store.

use crate::{act::timers::WaitKey, operate::handing_in::Sender};
use bureaucrat_model::{
    ActivityPath, EventSource, Fields, HistoryEvent, Input, JsonText, Millis, ProcessId,
    Redelivered, ReplyTo, ShardGroups, ShardId, Taken, Timestamp,
};
use bureaucrat_wire::{EventCounts, EventOutcome};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};

/// The stored form of an event while it is handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    pub name: String,
    pub key: Option<String>,
    /// How many emissions in a row led to it; 0 for one from outside.
    pub depth: u32,
    /// The whole JSON object.
    pub event: JsonText,
    /// The process that it is for alone.
    pub process: Option<ProcessId>,
    /// When it came, if it is kept.
    pub kept: Option<Timestamp>,
    /// Its number at the engine that has sent it on for the waits of one group.
    pub origin: Option<u64>,
}

impl EventRecord {
    /// The event as a wait gets it.
    pub fn input(&self, wait: WaitKey, source: EventSource) -> Input {
        Input::Event {
            fiber: wait.fiber,
            turn: wait.turn,
            name: self.name.clone(),
            key: self.key.clone(),
            depth: self.depth,
            event: self.event.clone(),
            source,
        }
    }

    /// The event as it is handed out; its record takes so many bytes.
    pub fn arrived(self, shard: ShardId, sequence: u64, bytes: usize) -> Arrived {
        Arrived {
            shard,
            sequence,
            name: self.name,
            key: self.key,
            process: self.process,
            kept: self.kept,
            origin: self.origin,
            bytes,
            reply_to: None,
            sender: Sender::default(),
            redelivered: Redelivered::No,
        }
    }
}

/// An event that a process emits.
#[derive(Debug)]
pub struct Emission {
    pub activity: ActivityPath,
    pub event: String,
    pub key: Option<String>,
    pub keep: Option<Millis>,
    pub fields: Fields,
    pub depth: u32,
}

impl Emission {
    /// What the history says of it.
    pub fn happened(&self) -> HistoryEvent {
        HistoryEvent::Emitted {
            activity: self.activity.clone(),
            event: self.event.clone(),
            key: self.key.clone(),
        }
    }

    pub fn record(self, now: Timestamp) -> EventRecord {
        let process = self.fields.get("process").and_then(JsonText::as_text);
        let mut object = Fields::new();
        object.set("event", JsonText::text(&self.event));
        if let Some(key) = &self.key {
            object.set("key", JsonText::text(key));
        }
        object.update(&self.fields);
        EventRecord {
            name: self.event,
            key: self.key,
            depth: self.depth,
            event: object.to_value_text(),
            process: process.and_then(|process| process.parse().ok()),
            kept: self.keep.map(|_| now),
            origin: None,
        }
    }
}

/// A durable event that must be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub shard: ShardId,
    /// Its place in the order of events and subscriptions.
    pub sequence: u64,
    pub name: String,
    pub key: Option<String>,
    /// The process that it is for alone.
    pub process: Option<ProcessId>,
    /// When it came, if it is kept.
    pub kept: Option<Timestamp>,
    /// Its number at the engine that has sent it on; that one serves all other groups.
    pub origin: Option<u64>,
    /// The size of its body.
    pub bytes: usize,
    /// Where its publisher wants to be told; what a crash interrupts tells nobody.
    pub reply_to: Option<ReplyTo>,
    /// The same for one that was handed in on this machine.
    pub sender: Sender,
    /// Whether an earlier run may have handed it out in part.
    pub redelivered: Redelivered,
}

/// One delivery of an event to a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    pub name: String,
    pub sequence: u64,
    pub fate: Fate,
}

/// What a subscriber did with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Ignored,
    Taken,
    /// Its process is parked, and keeps the event.
    Kept,
}

impl Served {
    /// Takes note of what happens to the subscriber.
    pub fn note(&mut self, happened: &HistoryEvent) {
        if let HistoryEvent::EventReceived {
            taken: Taken::Yes, ..
        } = happened
        {
            self.fate = Fate::Taken;
        }
    }
}

/// An event that is being handed out.
#[derive(Debug)]
pub struct Handout {
    pub arrived: Arrived,
    /// The first subscription that was not examined yet; `None` at the beginning.
    pub from: Option<Vec<u8>>,
    /// Whether every subscription was examined.
    pub stage: Stage,
    /// Subscribers' transactions that are not durable.
    pub open: usize,
    pub reached: EventCounts,
    /// The groups of other engines that have subscribers.
    pub elsewhere: ShardGroups,
}

/// An event that everybody has had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOut {
    pub arrived: Arrived,
    pub reached: EventCounts,
    /// The groups of other engines that have subscribers.
    pub elsewhere: ShardGroups,
}

/// A publisher is told after so long how many had it so far.
const SO_FAR: Millis = Millis(10_000);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Serving,
    Served,
}

/// Bytes of one event in subscribers' transactions at the same time; at least one of them may hold
/// it.
const OPEN_BYTES: usize = 4 << 20;
/// Subscribers of one event with transactions in progress.
const OPEN_MAX: usize = 1_024;

impl Handout {
    /// How many more subscribers may be served now.
    pub fn room(&self) -> usize {
        let most = (OPEN_BYTES / self.arrived.bytes.max(1)).clamp(1, OPEN_MAX);
        most.saturating_sub(self.open)
    }
}

/// The events in progress, in order for each name.
#[derive(Debug, Default)]
pub struct Handouts {
    names: HashMap<String, VecDeque<Handout>>,
    /// Names whose first event may have a subscriber to serve, each once, served in turn.
    turns: VecDeque<String>,
    /// Events whose publishers wait for a reply, by the time at which they are told how far it is.
    told: VecDeque<(Timestamp, String, u64)>,
}

impl Handouts {
    pub fn add(&mut self, arrived: Arrived, now: Timestamp) {
        let name = arrived.name.clone();
        if arrived.reply_to.is_some() || arrived.sender.waits() {
            let due = now.after(SO_FAR);
            self.told.push_back((due, name.clone(), arrived.sequence));
        }
        let line = self.names.entry(name.clone()).or_default();
        line.push_back(Handout {
            arrived,
            from: None,
            stage: Stage::Serving,
            open: 0,
            reached: EventCounts::default(),
            elsewhere: ShardGroups::NONE,
        });
        if line.len() == 1 {
            self.turns.push_back(name);
        }
    }

    /// Whether everything has been handed out.
    pub fn are_over(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a subscriber may be served now.
    pub fn are_ready(&self) -> bool {
        !self.turns.is_empty()
    }

    /// The name whose turn it is. It comes again after [`Self::turn_over`] or [`Self::served`].
    pub fn take_turn(&mut self) -> Option<String> {
        self.turns.pop_front()
    }

    /// The first event of a name.
    pub fn first(&mut self, name: &str) -> Option<&mut Handout> {
        self.names.get_mut(name)?.front_mut()
    }

    /// An event that has been under way for long, with how far it is; each is returned once.
    pub fn overdue(&mut self, now: Timestamp) -> Option<(Arrived, EventOutcome)> {
        while self.told.front().is_some_and(|(due, ..)| *due <= now) {
            let (_, name, sequence) = self.told.pop_front()?;
            let line = self.names.get_mut(&name).into_iter().flatten();
            let mut line = line.filter(|handout| handout.arrived.sequence == sequence);
            let Some(handout) = line.next() else {
                continue;
            };
            let counts = handout.reached;
            let told = handout.arrived.clone();
            handout.arrived.reply_to = None;
            handout.arrived.sender = Sender::default();
            return Some((told, EventOutcome::Delivering(counts)));
        }
        None
    }

    /// A portion was served: the name has another turn, unless its first event is done or waits for
    /// transactions in progress.
    pub fn turn_over(&mut self, name: String) -> Option<HandedOut> {
        let first = self.names.get_mut(&name)?.front_mut()?;
        match first.stage {
            Stage::Serving if first.room() > 0 => self.turns.push_back(name),
            Stage::Serving => {}
            Stage::Served => return self.done(&name),
        }
        None
    }

    /// A subscriber's transaction is durable. Returns an event that is done with that.
    pub fn served(&mut self, served: &Served) -> Option<HandedOut> {
        let first = self.names.get_mut(&served.name)?.front_mut()?;
        if first.arrived.sequence != served.sequence {
            return None;
        }
        let was_full = first.room() == 0;
        first.open = first.open.saturating_sub(1);
        match served.fate {
            Fate::Ignored => {}
            Fate::Taken => first.reached.taken += 1,
            Fate::Kept => first.reached.parked += 1,
        }
        match first.stage {
            Stage::Serving if was_full => self.turns.push_back(served.name.clone()),
            Stage::Serving => {}
            Stage::Served => return self.done(&served.name),
        }
        None
    }

    /// The first event of a name is done if nothing of it is in progress; then it is the next one's
    /// turn.
    fn done(&mut self, name: &str) -> Option<HandedOut> {
        let line = self.names.get_mut(name)?;
        if line.front()?.open > 0 {
            return None;
        }
        let done = line.pop_front()?;
        if line.is_empty() {
            self.names.remove(name);
        } else {
            self.turns.push_back(name.to_owned());
        }
        Some(HandedOut {
            arrived: done.arrived,
            reached: done.reached,
            elsewhere: done.elsewhere,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(sequence: u64) -> Arrived {
        Arrived {
            shard: ShardId(1),
            sequence,
            name: "paid".into(),
            key: None,
            process: None,
            kept: None,
            origin: None,
            sender: Sender::default(),
            redelivered: Redelivered::No,
            bytes: 10,
            reply_to: Some(ReplyTo {
                queue: "replies".into(),
                correlation_id: None,
            }),
        }
    }

    #[test]
    fn a_publisher_is_told_once_after_a_while_and_not_again_at_the_end() {
        let mut handouts = Handouts::default();
        handouts.add(arrived(1), Timestamp(0));
        handouts.add(arrived(2), Timestamp(5_000));
        assert_eq!(handouts.overdue(Timestamp(9_999)), None);
        let so_far = EventOutcome::Delivering(EventCounts::default());
        let told = handouts.overdue(Timestamp(10_000));
        assert_eq!(told, Some((arrived(1), so_far)));
        assert_eq!(handouts.overdue(Timestamp(10_000)), None);
        for (sequence, reply_to) in [(1, None), (2, arrived(2).reply_to)] {
            let name = handouts.take_turn().unwrap_or_default();
            if let Some(first) = handouts.first(&name) {
                first.stage = Stage::Served;
            }
            let done = handouts.turn_over(name).map(|done| done.arrived);
            let of_done = done.map(|arrived| (arrived.sequence, arrived.reply_to));
            assert_eq!(of_done, Some((sequence, reply_to)));
        }
        // The second was done before its time came.
        assert_eq!(handouts.overdue(Timestamp(60_000)), None);
    }
}
