//! Instances: each is intact and matches its program; other tables need what its fibers wait for.

use super::waits::{fits, turn_of, wrong_as_a_whole};
use super::{Auditor, Presence, Repair, programs::Programs};
use bureaucrat_model::{
    Caller, Deadline, FiberId, FiberState, Fields, HistoryHead, Instance, Parking, ProcessId,
    Program, Recall, Status, Subscription, Timestamp, Turn, Wait, WaitKind,
};
use bureaucrat_store::{
    StoreError, Table,
    instances::{StoredFiber, StoredInstance, assemble, place_of, searched_keys},
    keys,
    reading::Gap,
    records,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Parked, with the turns for which inputs are kept.
    Parked(Parking),
    /// Since when.
    Ended(Timestamp),
}

/// What a wait needs from other tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    /// A task in the outbox, or already sent.
    Answer,
    Timer(Timestamp),
    Event(Subscription),
    /// A row that has kept events offered to it.
    Recall(Vec<Subscription>),
    /// A called process, or a row that starts it.
    Child(ProcessId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub fiber: FiberId,
    pub turn: Turn,
    pub need: Need,
    /// Whether what it needs was found.
    pub met: bool,
}

/// What the audit remembers about a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub phase: Phase,
    pub waiting: Vec<Waiting>,
    pub caller: Option<Caller>,
    /// It was interrupted in the middle of its instructions, and must continue.
    pub yielded: bool,
    /// Turns that a parked process has an input for.
    pub kept: Vec<Turn>,
    pub reminders: Reminders,
    pub list: InList,
    /// Its keys in the index of searchable fields that were not found yet.
    pub searched: BTreeSet<Vec<u8>>,
    pub key: Option<Keyed>,
    pub history: HistoryHead,
}

/// The business key of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyed {
    pub user: Option<String>,
    pub name: String,
    pub key: String,
    /// Whether the index has it.
    pub found: bool,
}

/// Where a process belongs in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InList {
    pub phase: keys::Phase,
    pub place: keys::Place,
    /// Whether it was found there.
    pub found: bool,
}

/// The host's own timers that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reminders {
    pub go_on: bool,
    pub retry: bool,
    pub remove: bool,
}

/// The processes of a store.
#[derive(Debug, Default)]
pub(super) struct Processes {
    pub known: BTreeMap<ProcessId, Known>,
    /// Those that are certain to start, with their keys.
    pub decided: BTreeMap<ProcessId, Option<Keyed>>,
    damaged: BTreeSet<ProcessId>,
    gaps: Vec<Gap>,
}

impl Processes {
    /// Whether the process's record is damaged, or may be in a damaged part.
    pub fn is_hidden(&self, process: ProcessId) -> bool {
        let key = process.as_bytes().as_slice();
        let within = |gap: &Gap| key >= gap.from.as_slice() && key < gap.to.as_slice();
        self.damaged.contains(&process) || self.gaps.iter().any(within)
    }

    /// What the fiber of a process that waits under this turn needs, as far as it is `wanted`.
    pub fn waiting(
        &mut self,
        process: ProcessId,
        turn: Turn,
        wanted: impl Fn(&Waiting) -> bool,
    ) -> Option<&mut Waiting> {
        let known = self.known.get_mut(&process)?;
        let mut waits = known.waiting.iter_mut();
        waits.find(|wait| wait.turn == turn && wanted(wait))
    }
}

impl Auditor<'_> {
    pub(super) fn instances(&mut self, programs: &Programs) -> Result<Processes, StoreError> {
        let mut processes = Processes::default();
        let gaps = self.each(Table::Instances, |auditor, key, value| {
            let Ok(process) = keys::instance_of(&key) else {
                let what = "its key does not have the form of its table".into();
                let findings = &mut auditor.findings;
                findings.damaged(Table::Instances, &key, None, what, Repair::None);
                return Ok(());
            };
            match assemble(auditor.store, process, &value) {
                Ok(StoredInstance { instance, rows }) => {
                    let program = programs.get(&instance.program);
                    let mut problems = problems(&instance, program);
                    if instance.process != process {
                        problems.push(format!("it has the id {}", instance.process));
                    }
                    for number in rows.unnamed_values() {
                        problems.push(format!(
                            "its fields {number} are stored, but nothing refers to them"
                        ));
                    }
                    let (from, to) = (process.as_bytes(), keys::prefix_end(process.as_bytes()));
                    let mut others = auditor.store.scan(Table::Fibers, from, &to, 1)?.into_iter();
                    if rows.is_alone() && others.next().is_some() {
                        problems.push("its fiber is in its head, and there are others".to_owned());
                    }
                    if instance.searched != instance.to_search() {
                        problems.push("its searchable fields differ from its fields".to_owned());
                    }
                    let (findings, table) = (&mut auditor.findings, Table::Instances);
                    for what in problems {
                        findings.inconsistent(table, &key, Some(process), what);
                    }
                    processes.known.insert(process, known(&instance));
                }
                Err(error @ StoreError::Damaged { .. }) => {
                    processes.damaged.insert(process);
                    let (what, findings) = (error.to_string(), &mut auditor.findings);
                    let table = Table::Instances;
                    findings.damaged(table, &key, Some(process), what, Repair::None);
                }
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        processes.gaps = gaps;
        self.bodies(&processes)?;
        Ok(processes)
    }

    /// Whether each row of a fiber and of large fields has its process; the reverse is checked above.
    fn bodies(&mut self, processes: &Processes) -> Result<(), StoreError> {
        for table in [Table::Fibers, Table::Values] {
            self.each(table, |auditor, key, value| {
                let process = if table == Table::Fibers {
                    keys::fiber_of(&key).map(|(process, _)| process)
                } else {
                    keys::value_of(&key).map(|(process, _)| process)
                };
                let Ok(process) = process else {
                    let what = "its key does not have the form of its table".into();
                    let findings = &mut auditor.findings;
                    findings.damaged(table, &key, None, what, Repair::Remove);
                    return Ok(());
                };
                let read = if table == Table::Fibers {
                    records::decode::<StoredFiber>(table, &key, &value).map(drop)
                } else {
                    records::decode::<Fields>(table, &key, &value).map(drop)
                };
                if let Err(error) = read {
                    let what = error.to_string();
                    let findings = &mut auditor.findings;
                    findings.damaged(table, &key, Some(process), what, Repair::None);
                }
                if processes.presence(process) == Presence::Absent {
                    let what = "its process does not exist".into();
                    let findings = &mut auditor.findings;
                    findings.orphan(table, &key, Some(process), what);
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn known(instance: &Instance) -> Known {
    let waiting = instance.fibers.iter().flat_map(|(fiber, state)| {
        let wait = match &state.state {
            FiberState::Waiting(wait) => Some(wait),
            FiberState::Ready => None,
        };
        let needs = wait.map(needs).unwrap_or_default();
        let turn = wait.map(|wait| wait.turn).unwrap_or_default();
        needs.into_iter().map(move |need| Waiting {
            fiber,
            turn,
            need,
            met: false,
        })
    });
    let (phase, kept) = match &instance.status {
        Status::Running => (Phase::Running, Vec::new()),
        Status::Parked {
            parking, inputs, ..
        } => (
            Phase::Parked(*parking),
            inputs.iter().filter_map(turn_of).collect(),
        ),
        Status::Ended(_) => {
            let at = instance.ended_at.unwrap_or(Timestamp(0));
            (Phase::Ended(at), Vec::new())
        }
    };
    let deadline = match instance.deadline {
        Some(Deadline::Ahead { due, turn }) => Some(Waiting {
            fiber: FiberId::DEADLINE,
            turn,
            need: Need::Timer(due),
            met: false,
        }),
        Some(Deadline::Passed) | None => None,
    };
    Known {
        phase,
        waiting: waiting.chain(deadline).collect(),
        history: instance.history,
        caller: instance.caller.clone(),
        yielded: instance.fibers.first_ready().is_some(),
        kept,
        reminders: Reminders::default(),
        list: InList {
            phase: keys::Phase::of(instance.head()),
            place: place_of(instance),
            found: false,
        },
        searched: searched_keys(instance).collect(),
        key: instance.key.clone().map(|key| Keyed {
            user: instance.user.clone(),
            name: instance.name.clone(),
            key,
            found: false,
        }),
    }
}

/// The rows of other tables that a wait needs.
fn needs(wait: &Wait) -> Vec<Need> {
    let mut needs = match &wait.kind {
        WaitKind::Answer { .. } => vec![Need::Answer],
        WaitKind::Timer { due, .. } => vec![Need::Timer(*due)],
        WaitKind::Event {
            subscriptions,
            recall,
            ..
        } => subscribed(subscriptions, *recall),
        WaitKind::Child { child, .. } => vec![Need::Child(*child)],
        WaitKind::Stopping { called, .. } => called.iter().copied().map(Need::Child).collect(),
        WaitKind::Listening {
            subscription,
            recall,
            ..
        } => subscribed(subscription.as_slice(), *recall),
        WaitKind::Branches { .. }
        | WaitKind::Condition { .. }
        | WaitKind::Fault { .. }
        | WaitKind::Compensation { .. }
        | WaitKind::Operator { .. }
        | WaitKind::Admission => Vec::new(),
    };
    needs.extend(wait.timer.map(Need::Timer));
    needs
}

fn subscribed(subscriptions: &[Subscription], recall: Recall) -> Vec<Need> {
    let distinct: BTreeSet<_> = subscriptions.iter().cloned().collect();
    let recalled = distinct.iter().filter(|one| one.since.is_some());
    let recalled = Need::Recall(recalled.cloned().collect());
    let recalled = (recall != Recall::Over).then_some(recalled);
    let events = distinct.into_iter().map(Need::Event);
    events.chain(recalled).collect()
}

/// Contradictions within the instance.
fn problems(instance: &Instance, program: Option<&Program>) -> Vec<String> {
    let mut problems = Vec::new();
    let ended = instance.has_ended();
    if ended != instance.ended_at.is_some() {
        problems.push("its state and its time of end contradict each other".into());
    }
    if ended != instance.fibers.is_empty() {
        problems.push(format!(
            "it has {} fibers, which its state does not allow",
            instance.fibers.len()
        ));
    }
    if program.is_none() && !ended {
        problems.push(format!(
            "its program {} is missing or unreadable",
            instance.program
        ));
    }
    problems.extend(wrong_as_a_whole(instance, program));
    let mut turns = BTreeSet::new();
    let mut branches = BTreeMap::<FiberId, usize>::new();
    for parent in instance
        .fibers
        .iter()
        .filter_map(|(_, fiber)| Some(fiber.branch.as_ref()?.parent))
    {
        *branches.entry(parent).or_default() += 1;
    }
    for (id, fiber) in instance.fibers.iter() {
        let mut wrong = |what: String| problems.push(format!("fiber {}: {what}", id.0));
        if id.0 >= instance.next_fiber {
            wrong("its number was never assigned".into());
        }
        if let Some(branch) = &fiber.branch
            && instance.fibers.get(branch.parent).is_none()
        {
            wrong(format!("its parent {} does not exist", branch.parent.0));
        }
        let op = program.map(|program| program.op(fiber.at).map(|(op, _)| op));
        if op == Some(None) {
            wrong(format!("there is no instruction {}", fiber.at.0));
        }
        let FiberState::Waiting(wait) = &fiber.state else {
            continue;
        };
        if wait.turn.0 >= instance.next_turn || !turns.insert(wait.turn) {
            wrong(format!(
                "its turn {} was never assigned, or assigned twice",
                wait.turn.0
            ));
        }
        if let Some(Some(op)) = op
            && !fits(op, &wait.kind)
        {
            wrong(format!("instruction {} does not wait for this", fiber.at.0));
        }
        if let WaitKind::Branches { remaining } | WaitKind::Stopping { remaining, .. } = &wait.kind
        {
            let called = matches!(
                &wait.kind,
                WaitKind::Stopping {
                    called: Some(_),
                    ..
                }
            );
            let branches = branches.get(&id).copied().unwrap_or(0) + usize::from(called);
            if branches != *remaining as usize {
                wrong(format!(
                    "it waits for {remaining} branches, but has {branches}"
                ));
            }
        }
        let evaluating = matches!(
            &wait.kind,
            WaitKind::Condition { .. }
                | WaitKind::Fault { .. }
                | WaitKind::Event { check: Some(_), .. }
                | WaitKind::Listening { check: Some(_), .. }
                | WaitKind::Admission
        );
        if evaluating && instance.status == Status::Running {
            wrong(
                "it waits for a condition that nobody evaluates, or for a decision of the \
                 engine"
                    .into(),
            );
        }
    }
    problems
}
