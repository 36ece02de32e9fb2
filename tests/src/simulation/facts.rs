//! What is durable, in the order in which it became durable, as the model knows it. It is checked
//! at each commit, publish and acknowledgement. The first violation is kept.

use super::{
    Random,
    audit_log::AuditFacts,
    bulk::BulkFacts,
    content::{Content, LaunchFacts},
    decided::Decided,
    definitions::NEVER,
    deploying::Versions,
    events::EventFacts,
    histories::Histories,
    kept::InHand,
    modules::Uploaded,
    shared::SharedFacts,
    withdrawn::TaskFacts,
};
use bureaucrat_model::{
    ActivityPath, Answer, Ending, FiberId, Input, Instance, Millis, Parking, ProcessId, Status,
    Timestamp, Turn, lock,
};
use bureaucrat_store::{Group, MemoryStore, Verdict, keys::OutboxKey, records};
use bureaucrat_wire::Outgoing;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};

/// The event's name and the wanted key, and who waits.
pub(super) type SubscriptionRow = ((String, Option<String>), FiberId, Turn);

#[derive(Debug, Default)]
pub(super) struct Known {
    pub violation: Option<String>,
    pub instances: BTreeMap<ProcessId, Instance>,
    /// Their rows, as written.
    pub rows: MemoryStore,
    pub histories: Histories,
    pub programs: BTreeSet<Vec<u8>>,
    pub removed: BTreeSet<ProcessId>,
    pub timers: BTreeMap<ProcessId, BTreeSet<(Timestamp, FiberId, Turn)>>,
    pub subscriptions: BTreeMap<ProcessId, BTreeMap<SubscriptionRow, u64>>,
    pub outbox: BTreeMap<OutboxKey, Vec<u8>>,
    pub events: BTreeMap<u64, EventFacts>,
    /// When the event with a number was written.
    pub written: BTreeMap<u64, Vec<Timestamp>>,
    pub identified: BTreeSet<u64>,
    /// The sequence numbers at which each event was written.
    pub sequences: BTreeMap<u64, Vec<u64>>,
    /// The sequence numbers of subscriptions that ended.
    pub subscribed: BTreeMap<(ProcessId, Turn), u64>,
    pub dead: BTreeMap<Vec<u8>, String>,
    pub starts: BTreeMap<String, Vec<(ProcessId, Timestamp)>>,
    pub now: Timestamp,
    pub highest: u64,
    pub shared: SharedFacts,
    /// Rows that the broker has taken, or has returned and that may be dropped.
    pub settled: BTreeSet<Vec<u8>>,
    /// Call trees with a task that the broker never takes.
    pub unsendable: BTreeSet<[u8; 2]>,
    pub launches: Vec<LaunchFacts>,
    pub deployed: Versions,
    pub decided: Decided,
    pub told: BTreeSet<Vec<u8>>,
    pub tasks: TaskFacts,
    pub kept_until: BTreeMap<u64, Timestamp>,
    pub taken_kept: BTreeSet<Vec<u8>>,
    /// The index of business keys.
    pub keys: BTreeMap<Vec<u8>, ProcessId>,
    pub in_hand: InHand,
    pub uploaded: Uploaded,
    acknowledged: BTreeMap<Content, usize>,
    /// Answers whose acknowledgement by the engine was checked.
    judged: BTreeSet<Content>,
    pub cancelled: BTreeSet<ProcessId>,
    /// Processes of which operators changed where they stand: they may end in any way.
    pub modified: BTreeSet<ProcessId>,
    /// Processes that operators resumed; all of them, if a bulk job does.
    pub resumed: BTreeSet<ProcessId>,
    pub all_resumed: bool,
    pub bulk: BulkFacts,
    pub audit_log: AuditFacts,
    /// Answers that were kept for parked processes: what does not fit is forgotten when they continue.
    pub kept_answers: BTreeSet<(ProcessId, ActivityPath, Turn)>,
    pub seen_retention: Millis,
    pub counts: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
pub struct Facts(Mutex<Known>);

impl Facts {
    /// Nothing is durable; these launches will be made.
    pub fn new(launches: Vec<LaunchFacts>, seen_retention: Millis) -> Self {
        Self(Mutex::new(Known {
            launches,
            seen_retention,
            ..Known::default()
        }))
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.0)
    }

    /// The first violation.
    pub fn violation(&self) -> Option<String> {
        self.known().violation.clone()
    }

    /// Records a violation.
    pub fn violate(&self, what: impl Into<String>) {
        self.known().violate(what.into());
    }

    /// Counts something for the report.
    pub fn count(&self, what: &'static str) {
        *self.known().counts.entry(what).or_default() += 1;
    }

    /// An engine starts: all of its numbers come after what is durable now.
    pub fn start(&self) {
        let mut known = self.known();
        known.tasks.engines += 1;
        known.in_hand = InHand::default();
    }

    /// An event with a message id: it may be written only once.
    pub fn identify(&self, event: u64) {
        self.known().identified.insert(event);
    }

    pub fn durable(&self, group: &Group, verdicts: &[Verdict]) {
        let mut known = self.known();
        let mut touched = BTreeSet::new();
        known.time_passes(group, verdicts);
        let units = group.units.iter().zip(verdicts);
        let written = units.filter(|(_, verdict)| **verdict == Verdict::Committed);
        let written: Vec<_> = written.map(|(unit, _)| unit).collect();
        for unit in written {
            known.unit(unit, &mut touched);
        }
        for process in touched {
            known.audit(process);
        }
    }

    /// The name of an event that a process awaits, and the number of that process's launch.
    pub fn awaited(&self, random: &mut Random) -> Option<(String, u64)> {
        let known = self.known();
        let all: Vec<_> = known
            .subscriptions
            .iter()
            .flat_map(|(process, subscriptions)| {
                subscriptions
                    .keys()
                    // Nobody publishes these.
                    .filter(|((name, _), ..)| !name.starts_with(NEVER))
                    .map(|((name, _), ..)| (*process, name.clone()))
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

    /// Any existing process.
    pub fn some_process(&self, random: &mut Random) -> Option<ProcessId> {
        let known = self.known();
        let all: Vec<_> = known.instances.keys().copied().collect();
        (!all.is_empty()).then(|| all[random.place(all.len())])
    }

    /// The name of a process.
    pub fn name_of(&self, process: ProcessId) -> Option<String> {
        Some(self.known().instances.get(&process)?.name.clone())
    }

    /// The processes that operators have suspended.
    pub fn suspended(&self) -> Vec<ProcessId> {
        let known = self.known();
        let instances = known.instances.values();
        let suspended =
            instances.filter(|found| found.status.parking() == Some(Parking::Suspended));
        suspended.map(|instance| instance.process).collect()
    }

    /// An operator cancels a process: it may now end in that way too.
    pub fn may_be_cancelled(&self, process: ProcessId) {
        self.known().cancelled.insert(process);
    }

    /// An operator changes where a process stands: it may end in any way.
    pub fn may_be_modified(&self, process: ProcessId) {
        self.known().modified.insert(process);
    }

    /// The planned launches.
    pub fn launches(&self) -> Vec<LaunchFacts> {
        self.known().launches.clone()
    }

    /// Checks a state of a process that someone was told.
    ///
    /// # Errors
    /// If the state is a different one.
    pub fn told(&self, process: ProcessId, status: &str) -> Result<(), String> {
        let known = self.known();
        let found = match known
            .instances
            .get(&process)
            .map(|instance| &instance.status)
        {
            None if known.removed.contains(&process) => return Ok(()),
            None => "not there",
            Some(Status::Running | Status::Parked { .. }) => "launched",
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

    /// A message is published: its row must be durable.
    pub fn published(&self, message: &Outgoing) -> Vec<u8> {
        let row = records::encode(message).unwrap_or_default();
        let mut known = self.known();
        known.task_published(message);
        if !known.outbox.values().any(|value| *value == row) {
            known.violate(format!(
                "a message to `{}` was published whose row is not durable: {}",
                message.routing_key,
                String::from_utf8_lossy(&message.body)
            ));
        }
        row
    }

    /// Whether a task that the broker has taken may be sent again.
    pub fn may_come_again(&self, message: &Outgoing) -> bool {
        self.known().may_come_again(message)
    }

    /// A delivery is acknowledged, by the engine or at the broker: its effects must be durable.
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
        // The effects of an answer may be gone again when its acknowledgement reaches the broker:
        // it was kept while its process was parked, and then matched nothing.
        if at == AckPlace::Broker && known.judged.contains(content) {
            return;
        }
        if at == AckPlace::Engine && content.is_answer() {
            known.judged.insert(content.clone());
        }
        if let Err(why) = known.is_safe(content, body, count) {
            known.violate(format!(
                "{content:?} was acknowledged ({at:?}) and is not durable: {why}"
            ));
        }
    }
}

/// Where an acknowledgement was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckPlace {
    /// Requested by the host.
    Engine,
    Broker,
}

impl Known {
    pub fn violate(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(super) fn is_durable(
        &self,
        content: &Content,
        body: &[u8],
        count: usize,
    ) -> Result<(), String> {
        let dead = |why: &str| match self.dead.contains_key(body) {
            true => Ok(()),
            false => Err(format!("{why}, and there is no dead letter of it")),
        };
        match content {
            Content::Hostile => dead("nobody can use it"),
            Content::Suspended => Ok(()),
            Content::Part { group, origin } => self.has_part(*group, *origin),
            Content::BulkOrder { job, place } => self.has_outcome(*job, *place),
            Content::BulkNews | Content::Question => Ok(()),
            Content::Forwarded { content, .. } => self.is_forward_durable(content, body),
            Content::Deployment { launch, version } => self.is_deployed(*launch, *version),
            Content::Module { name, variant } => self.is_uploaded(*name, *variant),
            Content::Launch(number) => {
                let Some(launch) = self.launches.get(*number) else {
                    return Err("it was never launched".into());
                };
                let starts = self.starts.get(&launch.name).map_or(0, Vec::len);
                let starts = match self.decided.kept(body) {
                    // It will be refused, and has a row until then.
                    kept if kept > 0 && launch.expected.is_none() => return Ok(()),
                    kept => starts + kept,
                };
                match (&launch.expected, launch.has_id) {
                    (None, _) => dead("it is refused"),
                    // A repeat is refused while the process of the first runs.
                    (Some(_), _) if launch.key.is_some() && starts > 0 => Ok(()),
                    (Some(_), true) if starts > 0 => Ok(()),
                    (Some(_), false) if starts >= count.max(1) => Ok(()),
                    (Some(_), _) => Err(format!(
                        "{starts} processes were started, {count} messages acknowledged; refused: {:?}",
                        self.dead.get(body)
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
                    Status::Parked { inputs, .. }
                        if inputs.iter().any(|input| is_answer(input, path, *turn)) =>
                    {
                        Ok(())
                    }
                    Status::Parked { .. } | Status::Running => {
                        let answer = (*process, path.clone(), *turn);
                        if has_counted(instance, *turn) || self.kept_answers.contains(&answer) {
                            Ok(())
                        } else {
                            dead("it did not count")
                        }
                    }
                },
            },
        }
    }

    /// Whether the answer to this wait took effect, so that another one may not.
    pub fn is_answered(&self, process: ProcessId, turn: Turn) -> bool {
        match self.instances.get(&process) {
            None => self.removed.contains(&process),
            Some(instance) => instance.has_ended() || has_counted(instance, turn),
        }
    }
}

/// Whether an answer to this wait was taken: it was awaited, and is no longer.
fn has_counted(instance: &Instance, turn: Turn) -> bool {
    turn.0 < instance.next_turn && instance.fibers.waiting(turn).is_none()
}

fn is_answer(input: &Input, path: &ActivityPath, turn: Turn) -> bool {
    matches!(input, Input::Answer { activity, turn: found, answer: Answer::Replace(_) | Answer::Update(_) | Answer::Value(_) | Answer::Fault { .. } | Answer::Unreadable(_) | Answer::Suspended(_), .. }
        if activity == path && found.is_none_or(|found| found == turn))
}
