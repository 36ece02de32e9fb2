//! What participants are told about tasks that nobody waits for any more: one that may have got
//! such a task is told once, and no other is.

use super::{
    audit::{is_parked, waits},
    facts::Known,
    histories::happened,
    late::LateFacts,
};
use bureaucrat_model::{
    Fault, FaultSource, FiberId, HistoryEntry, HistoryEvent, Initiator, Instance, Origin,
    ProcessId, Recorded, Turn, WaitKind,
};
use bureaucrat_store::{
    Table, Unit, Write,
    keys::{OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::Outgoing;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of tasks.
#[derive(Debug, Default)]
pub(super) struct TaskFacts {
    published: BTreeSet<(ProcessId, Turn)>,
    /// Those whose participants were told that nobody waits.
    told: BTreeSet<(ProcessId, Turn)>,
    /// How many engines have started.
    pub engines: usize,
    pub late: LateFacts,
    /// How often operators had parts retried whose tasks were not sent again yet.
    retried: BTreeMap<ProcessId, u32>,
}

/// What one unit says about the tasks of its processes.
#[derive(Debug, Default)]
pub(super) struct Withdrawals {
    /// The tasks whose participants are told, and the activities that the notices name.
    told: BTreeMap<(ProcessId, Turn), String>,
    answered: BTreeSet<(ProcessId, Turn)>,
    /// The faults of participants, which may have come with an answer.
    faults: Vec<(ProcessId, Fault)>,
    /// The tasks that were still here, with the ids of their messages.
    left: Vec<(ProcessId, Turn)>,
    /// Processes that were cancelled since others replace them.
    replaced: Vec<ProcessId>,
    /// Processes of which an operator had a part retried.
    retried: Vec<ProcessId>,
}

impl Withdrawals {
    pub fn of(unit: &Unit) -> Self {
        let mut found = Self::default();
        for write in &unit.writes {
            match write {
                Write::Put { table, key, value } if *table == Table::History => {
                    for HistoryEntry { event, .. } in happened(key, value) {
                        if let Some(process) = key.first_chunk::<16>() {
                            found.happened(ProcessId::from_bytes(*process), event);
                        }
                    }
                }
                Write::Put { table, key, value } if *table == Table::Outbox => {
                    if let Some(task) = task(key, OutboxKind::Withdrawal) {
                        found.told.insert(task, target(*table, key, value));
                    }
                }
                Write::Delete { key, .. } => found.left.extend(task(key, OutboxKind::Task)),
                Write::Put { .. } => {}
            }
        }
        found
    }

    fn happened(&mut self, process: ProcessId, event: HistoryEvent) {
        if let HistoryEvent::Answered { turn, .. } = event {
            self.answered.insert((process, turn));
        }
        if let HistoryEvent::PartRetried { .. } = event {
            self.retried.push(process);
        }
        if let HistoryEvent::Cancelled {
            by: Initiator::Replacement { .. },
            ..
        } = event
        {
            self.replaced.push(process);
        }
        let (HistoryEvent::Failed(fault)
        | HistoryEvent::Caught { fault, .. }
        | HistoryEvent::AttemptFailed { fault, .. }
        | HistoryEvent::FailedAtEnd { fault }
        | HistoryEvent::Stuck { fault }) = event
        else {
            return;
        };
        if fault.source == FaultSource::Participant {
            self.faults.push((process, fault));
        }
    }
}

/// The activity that a notice names.
fn target(table: Table, key: &[u8], notice: &[u8]) -> String {
    let notice: Option<Outgoing> = records::decode(table, key, notice).ok();
    let body = notice.and_then(|notice| serde_json::from_slice::<Value>(&notice.body).ok());
    let target = body.and_then(|body| Some(body["header"]["target"].as_str()?.to_owned()));
    target.unwrap_or_default()
}

/// The process and the turn of a row of this kind.
fn task(key: &[u8], kind: OutboxKind) -> Option<(ProcessId, Turn)> {
    let key = OutboxKey::from_bytes(key).ok()?;
    (key.kind == kind).then_some((key.process, Turn(key.number)))
}

/// Where a task comes from, as its message id says.
fn origin(message: &Outgoing) -> Option<Origin> {
    message.properties.message_id.as_deref()?.parse().ok()
}

impl Known {
    /// A task was published; holds what its message says where it comes from.
    pub fn task_published(&mut self, message: &Outgoing) {
        if let Some(Origin {
            activity,
            turn: Some(turn),
        }) = origin(message)
        {
            self.tasks.published.insert((activity.process, turn));
        }
    }

    /// Whether a task that the broker has taken may be sent again: once for each order of an operator.
    pub fn may_come_again(&mut self, message: &Outgoing) -> bool {
        let process = origin(message).map(|origin| origin.activity.process);
        let retried = process.and_then(|process| self.tasks.retried.get_mut(&process));
        match retried {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            Some(_) | None => false,
        }
    }

    pub fn tells(&mut self, withdrawals: &Withdrawals) {
        // What called them fails with them.
        self.cancelled.extend(&withdrawals.replaced);
        for process in &withdrawals.retried {
            *self.tasks.retried.entry(*process).or_default() += 1;
        }
        for task in withdrawals.told.keys() {
            *self.counts.entry("withdrawals told").or_default() += 1;
            if !self.tasks.told.insert(*task) {
                self.violate(format!("{task:?} was withdrawn twice"));
            }
            // Returned messages are set aside and may have been tried by an earlier engine.
            let is_plain = !self.counts.contains_key("messages returned or refused");
            let is_new = withdrawals.left.contains(task) && self.tasks.engines == 1;
            if is_plain && is_new && !self.tasks.published.contains(task) {
                self.violate(format!(
                    "{task:?} is told to be withdrawn and was never sent"
                ));
            }
        }
    }

    /// A process was written: who waits no more for a task that was taken has told so, unless it
    /// was answered.
    pub fn withdrawn(&mut self, process: ProcessId, before: &Instance, unit: &Withdrawals) {
        let asked: Vec<(FiberId, Turn)> = waits(before)
            .filter(|(_, wait)| matches!(wait.kind, WaitKind::Answer { .. }))
            .map(|(fiber, wait)| (fiber, wait.turn))
            .collect();
        for (fiber, turn) in &asked {
            let task = (process, *turn);
            let told = unit.told.get(&task);
            let is_told = told.is_some();
            if self.waits_for_answer(process, *turn) {
                if is_told {
                    self.violate(format!("{task:?} is told to be withdrawn and is awaited"));
                }
                continue;
            }
            let at = before.fibers.get(*fiber).map(|fiber| fiber.at);
            let same = asked.iter().filter(|(other, _)| {
                let other = before.fibers.get(*other).map(|fiber| fiber.at);
                other == at
            });
            let is_alone = same.count() == 1;
            let is_answered = unit.answered.contains(&task);
            let has_failed = unit.faults.iter().any(|(of, fault)| {
                let target = format!("{of}{}", fault.activity);
                is_of_answer(fault) && told == Some(&target)
            });
            if is_told && (is_answered || is_alone && has_failed) {
                self.violate(format!("{task:?} was answered and is told to be withdrawn"));
            }
            let is_gone = !unit.left.contains(&task) && self.confirmed(task);
            // A shortened history does not have the answers.
            let has_answers = before.recorded == Recorded::Full;
            // What an earlier engine published, this one may not know.
            let is_known = self.tasks.engines == 1 && !is_parked(before);
            if has_answers
                && is_known
                && is_gone
                && !is_told
                && !is_answered
                && unit.faults.is_empty()
            {
                self.violate(format!(
                    "nobody is told that {task:?} is withdrawn, in a commit that says {unit:?}"
                ));
            }
        }
    }

    /// Whether the broker took a task, and its row is gone for that.
    fn confirmed(&self, (process, turn): (ProcessId, Turn)) -> bool {
        let key = OutboxKey {
            process,
            kind: OutboxKind::Task,
            number: turn.0,
        };
        self.tasks.published.contains(&(process, turn)) && !self.outbox.contains_key(&key)
    }
}

/// Whether a fault came with an answer, as simulated participants give it.
fn is_of_answer(fault: &Fault) -> bool {
    fault.code.as_str() == "BadAnswer" || fault.message == "it can't be done"
}
