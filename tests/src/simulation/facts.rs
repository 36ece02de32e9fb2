//! What is durable, in the order in which it became so, as a model knows it: checked with each commit, each publish and
//! each acknowledgement. The first thing that does not hold is kept.

use super::{Expected, Random, definitions::COMMON_EVENT};
use bureaucrat_host::events::EventRecord;
use bureaucrat_model::{
    ActivityPath, Answer, Ending, FiberId, Input, Instance, Millis, ProcessId, Status, Timestamp,
    Turn,
};
use bureaucrat_store::{
    Group, Table, Unit, Verdict, Write,
    keys::{self, OutboxKey, OutboxKind, WaitKey},
    records,
};
use bureaucrat_wire::Outgoing;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a message to the engine is, as whoever published it knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// The launch of this number.
    Launch(usize),
    /// An answer that counts once at most.
    Answer {
        /// The process.
        process: ProcessId,
        /// The activity.
        path: ActivityPath,
        /// The wait.
        turn: Turn,
    },
    /// An answer that leaves the activity waiting.
    Suspended,
    /// The event of this number.
    Event(u64),
    /// What nobody can understand, or what fits nothing: a dead letter, whole.
    Hostile,
}

/// What the model knows of a launch.
#[derive(Debug, Clone)]
pub struct LaunchFacts {
    /// The name of its process.
    pub name: String,
    /// Whether it has a message id.
    pub has_id: bool,
    /// What its process ends with; none for one that is refused.
    pub expected: Option<Expected>,
}

/// An event's row.
#[derive(Debug)]
struct EventFacts {
    name: String,
    /// Who waited for it when it was written.
    waited: BTreeSet<WaitKey>,
}

/// Everything known.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub violation: Option<String>,
    pub instances: BTreeMap<ProcessId, Instance>,
    pub removed: BTreeSet<ProcessId>,
    pub timers: BTreeMap<ProcessId, BTreeSet<(Timestamp, FiberId, Turn)>>,
    pub subscriptions: BTreeMap<ProcessId, BTreeMap<(String, FiberId, Turn), u64>>,
    pub outbox: BTreeMap<OutboxKey, Vec<u8>>,
    events: BTreeMap<u64, EventFacts>,
    /// When the event of a number was written.
    written: BTreeMap<u64, Vec<Timestamp>>,
    identified: BTreeSet<u64>,
    pub served: BTreeSet<(u64, WaitKey)>,
    /// The places of subscriptions that ended.
    pub subscribed: BTreeMap<(ProcessId, Turn), u64>,
    dead: BTreeSet<Vec<u8>>,
    pub starts: BTreeMap<String, Vec<(ProcessId, Timestamp)>>,
    pub now: Timestamp,
    highest: u64,
    floor: u64,
    /// Rows that the broker has taken, or returned to whoever may drop them.
    settled: BTreeSet<Vec<u8>>,
    pub launches: Vec<LaunchFacts>,
    acknowledged: BTreeMap<Content, usize>,
    pub cancelled: BTreeSet<ProcessId>,
    pub seen_retention: Millis,
    /// How often things happened.
    pub counts: BTreeMap<&'static str, u64>,
}

/// The facts.
#[derive(Debug, Default)]
pub struct Facts(Mutex<Known>);

impl Facts {
    /// Nothing is durable; these are to be launched.
    pub fn new(launches: Vec<LaunchFacts>, seen_retention: Millis) -> Self {
        Self(Mutex::new(Known {
            launches,
            seen_retention,
            ..Known::default()
        }))
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first thing that did not hold.
    pub fn violation(&self) -> Option<String> {
        self.known().violation.clone()
    }

    /// Notes what does not hold.
    pub fn violate(&self, what: impl Into<String>) {
        self.known().violate(what.into());
    }

    /// Counts something for the report.
    pub fn count(&self, what: &'static str) {
        *self.known().counts.entry(what).or_default() += 1;
    }

    /// An engine starts: whatever it numbers comes after what is durable now.
    pub fn start(&self) {
        let mut known = self.known();
        known.floor = known.highest;
    }

    /// An event with a message id: it may be written once.
    pub fn identify(&self, event: u64) {
        self.known().identified.insert(event);
    }

    /// A group is durable.
    pub fn durable(&self, group: &Group, verdicts: &[Verdict]) {
        let mut known = self.known();
        let mut touched = BTreeSet::new();
        let earlier = known.now;
        for write in group.units.iter().flat_map(|unit| &unit.writes) {
            known.mark(write);
        }
        if known.now < earlier {
            let now = known.now;
            known.violate(format!(
                "time ran backwards: a commit at {now} after one at {earlier}"
            ));
        }
        for (unit, verdict) in group.units.iter().zip(verdicts) {
            match verdict {
                Verdict::Committed => known.unit(unit, &mut touched),
                Verdict::Damaged { .. } => known.violate("a commit met a damaged record".into()),
                Verdict::Conflict { process, found } => {
                    known.violate(format!("a commit met version {} of {process}", found.0));
                }
            }
        }
        for process in touched {
            known.audit(process);
        }
    }

    /// The name of an event that somebody waits for, and the number of its launch.
    pub fn awaited(&self, random: &mut Random) -> Option<(String, u64)> {
        let known = self.known();
        let all: Vec<_> = known
            .subscriptions
            .iter()
            .flat_map(|(process, subscriptions)| {
                subscriptions
                    .keys()
                    .map(|(name, ..)| (*process, name.clone()))
            })
            .collect();
        if all.is_empty() {
            return None;
        }
        let (process, name) = all[random.place(all.len())].clone();
        let number = known
            .instances
            .get(&process)?
            .name
            .strip_prefix('L')
            .and_then(|number| number.parse().ok());
        Some((name, number.unwrap_or(0)))
    }

    /// A process that is there.
    pub fn some_process(&self, random: &mut Random) -> Option<ProcessId> {
        let known = self.known();
        let all: Vec<_> = known.instances.keys().copied().collect();
        (!all.is_empty()).then(|| all[random.place(all.len())])
    }

    /// An operator cancels a process: it may end so, too.
    pub fn may_be_cancelled(&self, process: ProcessId) {
        self.known().cancelled.insert(process);
    }

    /// What was to be launched.
    pub fn launches(&self) -> Vec<LaunchFacts> {
        self.known().launches.clone()
    }

    /// Whether a process of this name was cancelled by an operator.
    pub fn was_cancelled(&self, name: &str) -> bool {
        let known = self.known();
        let starts = known.starts.get(name).into_iter().flatten();
        starts
            .into_iter()
            .any(|(process, _)| known.cancelled.contains(process))
    }

    /// What has not come to its end.
    pub fn left(&self) -> Vec<String> {
        let known = self.known();
        let mut left = Vec::new();
        for launch in known
            .launches
            .iter()
            .filter(|launch| launch.expected.is_some())
        {
            if !known.starts.contains_key(&launch.name) {
                left.push(format!("{} was not started", launch.name));
            }
        }
        for instance in known
            .instances
            .values()
            .filter(|instance| !instance.has_ended())
        {
            left.push(format!(
                "{} {} has not ended: {:?}",
                instance.name, instance.process, instance.fibers
            ));
        }
        left.extend(
            known
                .outbox
                .keys()
                .map(|key| format!("the outbox holds {key:?}")),
        );
        left.extend(
            known
                .events
                .keys()
                .map(|sequence| format!("the event {sequence} is not handed out")),
        );
        left
    }

    /// Somebody was told the state of a process.
    ///
    /// # Errors
    /// When it is another one.
    pub fn told(&self, process: ProcessId, status: &str) -> Result<(), String> {
        let known = self.known();
        let found = match known
            .instances
            .get(&process)
            .map(|instance| &instance.status)
        {
            None if known.removed.contains(&process) => return Ok(()),
            None => "not there",
            Some(Status::Running | Status::Incident { .. }) => "launched",
            Some(Status::Ended(Ending::Completed(_))) => "completed",
            Some(Status::Ended(Ending::Failed(_))) => "failed",
        };
        match status == found || (status == "launched" && found != "not there") {
            true => Ok(()),
            false => Err(format!(
                "somebody was told that {process} is {status}, and it is {found}"
            )),
        }
    }

    /// A message is published: its row has to be durable now.
    pub fn published(&self, message: &Outgoing) -> Vec<u8> {
        let row = records::encode(message).unwrap_or_default();
        let mut known = self.known();
        if !known.outbox.values().any(|value| *value == row) {
            known.violate(format!(
                "a message to `{}` was published whose row is not durable: {}",
                message.routing_key,
                String::from_utf8_lossy(&message.body)
            ));
        }
        row
    }

    /// The broker has taken a message, or returned one about a process to nobody.
    pub fn settle(&self, row: Vec<u8>) {
        self.known().settled.insert(row);
    }

    /// A delivery is acknowledged, by the engine or at the broker: what it brings about has to be durable now.
    pub fn taken(&self, content: &Content, body: &[u8], at: AckPlace) {
        let mut known = self.known();
        let count = match at {
            AckPlace::Broker => {
                let count = known.acknowledged.entry(content.clone()).or_default();
                *count += 1;
                *count
            }
            AckPlace::Engine => 0,
        };
        if let Err(why) = known.is_durable(content, body, count) {
            known.violate(format!(
                "{content:?} was acknowledged ({at:?}) and is not durable: {why}"
            ));
        }
    }
}

/// Where an acknowledgement was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckPlace {
    /// The host asked for it.
    Engine,
    /// It reached the broker.
    Broker,
}

impl Known {
    pub fn violate(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    fn is_durable(&self, content: &Content, body: &[u8], count: usize) -> Result<(), String> {
        let dead = |why: &str| match self.dead.contains(body) {
            true => Ok(()),
            false => Err(format!("{why}, and there is no dead letter of it")),
        };
        match content {
            Content::Hostile => dead("it is no use to anybody"),
            Content::Suspended => Ok(()),
            Content::Launch(number) => {
                let Some(launch) = self.launches.get(*number) else {
                    return Err("it was never launched".into());
                };
                let starts = self.starts.get(&launch.name).map_or(0, Vec::len);
                match (&launch.expected, launch.has_id) {
                    (None, _) => dead("it is refused"),
                    (Some(_), true) if starts > 0 => Ok(()),
                    (Some(_), false) if starts >= count.max(1) => Ok(()),
                    (Some(_), _) => Err(format!(
                        "{starts} processes were started, {count} messages acknowledged"
                    )),
                }
            }
            Content::Event(number) => {
                let rows = self.written.get(number).map_or(0, Vec::len);
                let wanted = if self.identified.contains(number) {
                    1
                } else {
                    count.max(1)
                };
                match rows >= wanted {
                    true => Ok(()),
                    false => Err(format!(
                        "it was written {rows} times, {count} messages acknowledged"
                    )),
                }
            }
            Content::Answer {
                process,
                path,
                turn,
            } => match self.instances.get(process) {
                None if self.removed.contains(process) => Ok(()),
                None => dead("there is no such process"),
                Some(instance) => match &instance.status {
                    Status::Ended(_) => Ok(()),
                    Status::Incident { inputs, .. }
                        if inputs.iter().any(|input| is_answer(input, path, *turn)) =>
                    {
                        Ok(())
                    }
                    Status::Incident { .. } | Status::Running => {
                        match instance.answered.get(path) {
                            Some(last) if last >= turn => Ok(()),
                            Some(_) | None => dead("it did not count"),
                        }
                    }
                },
            },
        }
    }

    /// Whether the answer to this wait took effect, so that another one may not.
    pub fn is_answered(&self, process: ProcessId, path: &ActivityPath, turn: Turn) -> bool {
        match self.instances.get(&process) {
            None => self.removed.contains(&process),
            Some(instance) => {
                instance.has_ended()
                    || instance
                        .answered
                        .get(path)
                        .is_some_and(|last| *last >= turn)
            }
        }
    }

    fn mark(&mut self, write: &Write) {
        if let Write::Put {
            table: Table::Meta,
            key,
            value,
        } = write
            && key.starts_with(b"mark/")
            && let Ok((now, _)) = records::decode::<(Timestamp, u64)>(Table::Meta, key, value)
        {
            self.now = now;
        }
    }

    fn unit(&mut self, unit: &Unit, touched: &mut BTreeSet<ProcessId>) {
        let mut changed = Vec::new();
        let mut served = None;
        let mut left = Vec::new();
        for write in &unit.writes {
            let (table, key, value) = match write {
                Write::Put { table, key, value } => (*table, key, Some(value)),
                Write::Delete { table, key } => (*table, key, None),
            };
            match table {
                Table::Instances => self.instance_written(key, value, &mut changed),
                Table::Timers => self.timer_written(key, value.is_some(), touched),
                Table::Subscriptions => self.subscription_written(key, value, touched),
                Table::Events => self.event_written(key, value, &mut served),
                Table::Outbox => self.outbox_written(key, value, touched, &mut left),
                Table::Programs | Table::Modules | Table::Seen | Table::History | Table::Meta => {}
            }
        }
        for (process, before) in changed {
            touched.insert(process);
            self.changed(process, before.as_ref(), served);
        }
        for (key, row) in left {
            self.row_left(key, &row);
        }
    }

    fn instance_written(
        &mut self,
        key: &[u8],
        value: Option<&Vec<u8>>,
        changed: &mut Vec<(ProcessId, Option<Instance>)>,
    ) {
        let Ok(process) = keys::instance_of(key) else {
            return self.violate(format!("an instance has the key {key:02x?}"));
        };
        let before = match value.map(|record| records::decode_instance(key, record)) {
            Some(Ok((_, instance))) => self.instances.insert(process, instance),
            Some(Err(error)) => return self.violate(error.to_string()),
            None => {
                self.removed.insert(process);
                self.instances.remove(&process)
            }
        };
        changed.push((process, before));
    }

    fn timer_written(&mut self, key: &[u8], is_put: bool, touched: &mut BTreeSet<ProcessId>) {
        let Ok((due, wait)) = keys::timer_of(key) else {
            return self.violate(format!("a timer has the key {key:02x?}"));
        };
        touched.insert(wait.process);
        let timers = self.timers.entry(wait.process).or_default();
        let timer = (due, wait.fiber, wait.turn);
        if is_put {
            timers.insert(timer)
        } else {
            timers.remove(&timer)
        };
    }

    fn subscription_written(
        &mut self,
        key: &[u8],
        value: Option<&Vec<u8>>,
        touched: &mut BTreeSet<ProcessId>,
    ) {
        let Ok(wait) = keys::subscription_of(key) else {
            return self.violate(format!("a subscription has the key {key:02x?}"));
        };
        touched.insert(wait.process);
        let name = String::from_utf8_lossy(&key[2..key.len() - 28]).into_owned();
        let subscription = (name, wait.fiber, wait.turn);
        match value.map(|value| u64::from_be_bytes(value.as_slice().try_into().unwrap_or_default()))
        {
            Some(sequence) => {
                self.numbered(sequence);
                self.subscriptions
                    .entry(wait.process)
                    .or_default()
                    .insert(subscription, sequence);
            }
            // The sequence is still needed to judge whether the event that ended the wait came after it.
            None => {
                if let Some(sequence) = self
                    .subscriptions
                    .entry(wait.process)
                    .or_default()
                    .remove(&subscription)
                {
                    self.subscribed.insert((wait.process, wait.turn), sequence);
                }
            }
        }
    }

    fn numbered(&mut self, sequence: u64) {
        if sequence <= self.floor && self.floor > 0 {
            let floor = self.floor;
            self.violate(format!(
                "sequence {sequence} was given again, {floor} was durable at the start"
            ));
        }
        self.highest = self.highest.max(sequence);
    }

    fn event_written(&mut self, key: &[u8], value: Option<&Vec<u8>>, served: &mut Option<u64>) {
        let Ok((sequence, shard)) = keys::event_of(key) else {
            return self.violate(format!("an event has the key {key:02x?}"));
        };
        match (shard, value) {
            (Some(_), Some(_)) => *served = Some(sequence),
            (Some(_), None) => {}
            (None, Some(record)) => {
                match records::decode::<EventRecord>(Table::Events, key, record) {
                    Ok(record) => self.new_event(sequence, &record),
                    Err(error) => self.violate(error.to_string()),
                }
            }
            (None, None) => {
                if let Some(event) = self.events.remove(&sequence) {
                    self.event_gone(sequence, &event);
                }
            }
        }
    }

    fn new_event(&mut self, sequence: u64, record: &EventRecord) {
        self.numbered(sequence);
        let number = super::world::unique(record);
        let now = self.now;
        let retention = self.seen_retention;
        let written = self.written.entry(number).or_default();
        written.push(now);
        let twice = written.len() > 1 && now < written[0].after(retention);
        if twice && self.identified.contains(&number) {
            self.violate(format!(
                "the event {number} with a message id took effect twice"
            ));
        }
        let mut waited = BTreeSet::new();
        for (process, subscriptions) in &self.subscriptions {
            for (name, fiber, turn) in subscriptions.keys() {
                if *name == record.name {
                    waited.insert(WaitKey {
                        process: *process,
                        fiber: *fiber,
                        turn: *turn,
                    });
                }
            }
        }
        self.events.insert(
            sequence,
            EventFacts {
                name: record.name.clone(),
                waited,
            },
        );
    }

    /// An event is handed out: whoever waited for it without conditions when it was written has it.
    fn event_gone(&mut self, sequence: u64, event: &EventFacts) {
        for wait in event.waited.iter().filter(|_| event.name == COMMON_EVENT) {
            let waits = self
                .subscriptions
                .get(&wait.process)
                .is_some_and(|subscriptions| {
                    subscriptions.contains_key(&(event.name.clone(), wait.fiber, wait.turn))
                });
            let parked = self.instances.get(&wait.process);
            let parked =
                parked.is_some_and(|instance| matches!(instance.status, Status::Incident { .. }));
            if waits && !parked {
                self.violate(format!(
                    "the event {sequence} is gone and never reached {wait:?}"
                ));
                return;
            }
        }
    }

    fn outbox_written(
        &mut self,
        key: &[u8],
        value: Option<&Vec<u8>>,
        touched: &mut BTreeSet<ProcessId>,
        left: &mut Vec<(OutboxKey, Vec<u8>)>,
    ) {
        let Ok(key) = OutboxKey::from_bytes(key) else {
            return self.violate(format!("an outbox row has the key {key:02x?}"));
        };
        if matches!(key.kind, OutboxKind::Task | OutboxKind::Call) {
            touched.insert(key.process);
        }
        let Some(value) = value else {
            left.extend(self.outbox.remove(&key).map(|row| (key, row)));
            return;
        };
        if key.kind == OutboxKind::DeadLetter {
            match records::decode::<Outgoing>(Table::Outbox, &key.to_bytes(), value) {
                Ok(letter) => {
                    self.dead.insert(letter.body);
                }
                Err(error) => self.violate(error.to_string()),
            }
        }
        self.outbox.insert(key, value.clone());
    }

    /// A row leaves when the broker has its message, or nobody needs it any more.
    fn row_left(&mut self, key: OutboxKey, row: &[u8]) {
        let waits = self.waits_for_answer(key.process, Turn(key.number));
        let needed = match key.kind {
            OutboxKind::Task => waits,
            OutboxKind::Call => false,
            OutboxKind::Reply | OutboxKind::Notice | OutboxKind::DeadLetter => true,
        };
        if needed && !self.settled.contains(row) {
            self.violate(format!(
                "{key:?} left the outbox and the broker does not have it"
            ));
        }
    }
}

fn is_answer(input: &Input, path: &ActivityPath, turn: Turn) -> bool {
    matches!(input, Input::Answer { activity, turn: found, answer: Answer::Replace(_) | Answer::Update(_) | Answer::Critical(_) | Answer::Unreadable(_) | Answer::Suspended(_) }
        if activity == path && found.is_none_or(|found| found == turn))
}
