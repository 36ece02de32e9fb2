//! Checks after each commit that the durable state of a changed process is consistent: every wait
//! has its row, every row has its wait, a process that ended does not change, and it ends as its
//! definition says.

use super::{
    Expected,
    facts::Known,
    keeping::are_published,
    kept::{deadline, fires, reminders, same, within},
};
use bureaucrat_model::{
    Ending, FiberId, FiberState, Input, Instance, ProcessId, Status, Subscription, Turn, Wait,
    WaitKind,
};
use bureaucrat_store::keys::{OutboxKey, OutboxKind};
use bureaucrat_wire::Duplicate;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Timers with these numbers and above are the host's reminders: continue, retry, remove.
pub(super) const REMOVE: u32 = u32::MAX - 2;
pub(super) const RETRY: u32 = u32::MAX - 1;
pub(super) const CONTINUE: u32 = u32::MAX;

pub(super) fn waits(instance: &Instance) -> impl Iterator<Item = (FiberId, &Wait)> {
    instance
        .fibers
        .iter()
        .filter_map(|(id, fiber)| match &fiber.state {
            FiberState::Waiting(wait) => Some((id, wait)),
            FiberState::Ready => None,
        })
}

pub(super) fn is_parked(instance: &Instance) -> bool {
    matches!(instance.status, Status::Incident { .. })
}

fn is_kept(instance: &Instance, fiber: FiberId, turn: Turn) -> bool {
    matches!(&instance.status, Status::Incident { inputs, .. }
        if inputs.contains(&Input::TimerFired { fiber, turn }))
}

/// How a process's timers may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timers {
    /// When they are due.
    Fire,
    /// Also earlier: a handler stopped what was waiting.
    MayStop,
}

impl Known {
    /// A process was written or removed; `before` is its previous state.
    pub fn changed(&mut self, process: ProcessId, before: Option<&Instance>, timers: Timers) {
        let Some(after) = self.instances.get(&process).cloned() else {
            return self.removal(process, before);
        };
        if is_parked(&after) {
            self.were_parked.insert(process);
        }
        let Some(before) = before else {
            return self.started(&after);
        };
        if before.has_ended() {
            if before != &after {
                self.violate(format!("{process} had ended and changed"));
            }
            return;
        }
        self.kept(before, &after);
        for (fiber, wait) in waits(before) {
            let still = waits(&after).any(|(_, other)| other.turn == wait.turn);
            if still || after.fault().is_some() {
                continue;
            }
            match &wait.kind {
                WaitKind::Timer { due, .. } if self.now < *due && fires(timers, &after, fiber) => {
                    let now = self.now;
                    self.violate(format!("a timer of {process} due at {due} fired at {now}"));
                }
                WaitKind::Event { subscriptions, .. } if are_published(subscriptions, wait) => {
                    self.event_taken(&after, fiber, wait.turn);
                }
                WaitKind::Event { .. }
                | WaitKind::Timer { .. }
                | WaitKind::Answer { .. }
                | WaitKind::Child { .. }
                | WaitKind::Branches { .. }
                | WaitKind::Stopping { .. }
                | WaitKind::Fault { .. }
                | WaitKind::Listening { .. }
                | WaitKind::Compensation { .. }
                | WaitKind::Operator { .. }
                | WaitKind::Admission
                | WaitKind::Condition { .. } => {}
            }
        }
        self.ended(&after);
    }

    /// The event that ended a wait must have been written after the wait began.
    fn event_taken(&mut self, after: &Instance, fiber: FiberId, turn: Turn) {
        let process = after.process;
        let fields = match (&after.status, after.fibers.get(fiber)) {
            (Status::Ended(Ending::Completed(fields)), _) => fields,
            (_, Some(fiber)) => &fiber.fields,
            (_, None) => return,
        };
        let Some(subscribed) = self.subscribed.get(&(process, turn)).copied() else {
            return;
        };
        let fields: Value = serde_json::from_str(&fields.to_json()).unwrap_or_default();
        let Some(unique) = fields["event"]["unique"].as_u64() else {
            return;
        };
        let written = self.sequences.get(&unique);
        let last = written.and_then(|written| written.iter().max());
        if last.is_none_or(|last| subscribed >= *last) {
            self.violate(format!(
                "the event {unique} reached a wait of {process} that came after it ({subscribed})"
            ));
        }
    }

    fn removal(&mut self, process: ProcessId, before: Option<&Instance>) {
        if before.is_some_and(|before| !before.has_ended()) {
            self.violate(format!("{process} was removed though it had not ended"));
        }
    }

    fn started(&mut self, instance: &Instance) {
        let process = instance.process;
        if self.removed.contains(&process) {
            return self.violate(format!("{process} was removed and is there again"));
        }
        let now = self.now;
        if instance.caller.is_none() {
            let found = self
                .launches
                .iter()
                .find(|launch| launch.name == instance.name);
            let Some(launch) = found.cloned() else {
                return self.violate(format!("{process} was never launched: {}", instance.name));
            };
            let retention = self.seen_retention;
            let starts = self.starts.entry(instance.name.clone()).or_default();
            starts.push((process, now));
            let twice = starts.len() > 1 && now < starts[0].1.after(retention);
            if twice && launch.has_id {
                return self.violate(format!(
                    "{} has a message id and started twice",
                    instance.name
                ));
            }
            if launch.expected.is_none() {
                return self.violate(format!("{} was to be refused and started", instance.name));
            }
            if !launch.has_id {
                self.started_from_delivery(&instance.name);
            }
            self.started_version(&launch, instance);
        }
        self.ended(instance);
    }

    /// Compares an instance that has just ended with what its definition says.
    fn ended(&mut self, instance: &Instance) {
        let Status::Ended(ending) = &instance.status else {
            return;
        };
        *self
            .counts
            .entry(match (ending, &instance.caller) {
                (Ending::Completed(_), None) => "processes completed",
                (Ending::Failed(_), None) => "processes failed",
                (_, Some(_)) => "called processes ended",
            })
            .or_default() += 1;
        if instance.caller.is_some() {
            return;
        }
        let launch = self
            .launches
            .iter()
            .find(|launch| launch.name == instance.name);
        let Some(expected) = launch.and_then(|launch| self.expected(launch, instance)) else {
            return;
        };
        let holds = match (&expected, ending) {
            (Expected::Completed(expected, uncertain), Ending::Completed(fields)) => {
                let certain = |fields: &Map<String, Value>| {
                    let certain = fields
                        .iter()
                        .filter(|(name, _)| *name != "event" && !uncertain.contains(*name));
                    certain
                        .map(|(name, value)| (name.clone(), value.clone()))
                        .collect::<Map<_, _>>()
                };
                serde_json::from_str::<Map<String, Value>>(&fields.to_json())
                    .is_ok_and(|found| certain(&found) == certain(expected))
            }
            (Expected::Failed(codes), Ending::Failed(fault)) => codes.contains(fault.code.as_str()),
            (Expected::Completed(..), Ending::Failed(_))
            | (Expected::Failed(_), Ending::Completed(_)) => false,
        };
        let is_cancelled = self.cancelled.contains(&instance.process)
            || self
                .cancelled
                .iter()
                .any(|process| process.as_bytes()[..2] == instance.process.as_bytes()[..2]);
        let cancelled = is_cancelled
            && instance
                .fault()
                .is_some_and(|fault| fault.code.as_str() == "Cancelled");
        let refused = self.unsendable.contains(&tree(instance.process))
            && instance
                .fault()
                .is_some_and(|fault| fault.code.as_str() == "TaskRefused");
        let replaced = launch.is_some_and(|launch| launch.key == Some(Duplicate::Replace));
        let is_replaced = replaced
            && instance
                .fault()
                .is_some_and(|fault| fault.code.as_str() == "Cancelled");
        if !holds && !cancelled && !refused && !is_replaced {
            let name = &instance.name;
            self.violate(format!(
                "{name} ended with {ending:?}; expected was {expected:?}"
            ));
        }
    }

    pub fn waits_for_answer(&self, process: ProcessId, turn: Turn) -> bool {
        self.instances.get(&process).is_some_and(|instance| {
            waits(instance)
                .any(|(_, wait)| wait.turn == turn && matches!(wait.kind, WaitKind::Answer { .. }))
        })
    }

    /// Checks whether rows and waits of a process match.
    pub fn audit(&mut self, process: ProcessId) {
        if let Err(what) = self.fits(process) {
            self.violate(format!("{process}: {what}"));
        }
    }

    fn turns(&self, kind: OutboxKind, process: ProcessId) -> BTreeSet<u64> {
        let row = |number| OutboxKey {
            kind,
            process,
            number,
        };
        self.outbox
            .range(row(0)..=row(u64::MAX))
            .map(|(key, _)| key.number)
            .collect()
    }

    fn fits(&self, process: ProcessId) -> Result<(), String> {
        let none = BTreeSet::new();
        let timers = self.timers.get(&process).unwrap_or(&none);
        let subscriptions: BTreeSet<_> = self
            .subscriptions
            .get(&process)
            .into_iter()
            .flat_map(|subscriptions| subscriptions.keys().cloned())
            .collect();
        let (tasks, calls) = (
            self.turns(OutboxKind::Task, process),
            self.turns(OutboxKind::Call, process),
        );
        let Some(instance) = self.instances.get(&process) else {
            self.key_fits(process)?;
            return match timers.is_empty() && subscriptions.is_empty() && tasks.is_empty() {
                true => Ok(()),
                false => Err(format!(
                    "there are rows and no process: timers {timers:?}, subscriptions {subscriptions:?}, tasks {tasks:?}, calls {calls:?}"
                )),
            };
        };
        let (mut due, mut events, mut answers, mut children) = (
            BTreeSet::new(),
            BTreeSet::new(),
            BTreeSet::new(),
            BTreeSet::new(),
        );
        for (fiber, wait) in waits(instance) {
            due.extend(wait.timer.map(|at| (at, fiber, wait.turn)));
            match &wait.kind {
                WaitKind::Timer { due: at, .. } => {
                    due.insert((*at, fiber, wait.turn));
                }
                WaitKind::Event { subscriptions, .. } => {
                    let rows = subscriptions.iter().map(|subscription| {
                        let Subscription { event, key, .. } = subscription.clone();
                        ((event, key), fiber, wait.turn)
                    });
                    events.extend(rows);
                }
                WaitKind::Answer { .. } => {
                    answers.insert(wait.turn.0);
                }
                WaitKind::Child { child, .. } => {
                    children.insert(wait.turn.0);
                    self.child_fits(instance, *child, wait.turn)?;
                }
                WaitKind::Listening { subscription, .. } => {
                    let rows = subscription.iter().map(|subscription| {
                        let Subscription { event, key, .. } = subscription.clone();
                        ((event, key), fiber, wait.turn)
                    });
                    events.extend(rows);
                }
                WaitKind::Branches { .. }
                | WaitKind::Stopping { .. }
                | WaitKind::Operator { .. }
                | WaitKind::Compensation { .. } => {}
                WaitKind::Condition { .. } | WaitKind::Fault { .. } | WaitKind::Admission
                    if is_parked(instance) => {}
                WaitKind::Condition { .. } | WaitKind::Fault { .. } | WaitKind::Admission => {
                    return Err("it waits for the engine and is not parked".into());
                }
            }
        }
        due.extend(deadline(instance));
        let mut of_waits: BTreeSet<_> = timers
            .iter()
            .copied()
            .filter(|(_, fiber, _)| fiber.0 < REMOVE)
            .collect();
        // A timer that fired while its process was parked is kept with the other inputs. Another one may have been
        // started since.
        of_waits.retain(|(_, fiber, turn)| !is_kept(instance, *fiber, *turn));
        due.retain(|(_, fiber, turn)| !is_kept(instance, *fiber, *turn));
        same("timers", &of_waits, &due)?;
        same("subscriptions", &subscriptions, &events)?;
        self.key_fits(process)?;
        within("tasks in the outbox", &tasks, &answers)?;
        within("calls in the outbox", &calls, &children)?;
        reminders(instance, timers)?;
        self.caller_fits(instance)
    }

    /// A child that is awaited must be running, or about to be started.
    fn child_fits(&self, instance: &Instance, child: ProcessId, turn: Turn) -> Result<(), String> {
        let row = OutboxKey {
            kind: OutboxKind::Call,
            process: instance.process,
            number: turn.0,
        };
        let runs = self
            .instances
            .get(&child)
            .is_some_and(|child| !child.has_ended());
        match runs || self.outbox.contains_key(&row) || is_parked(instance) {
            true => Ok(()),
            false => Err(format!(
                "it waits for {child}, which does not run and is not to be started"
            )),
        }
    }

    fn caller_fits(&self, instance: &Instance) -> Result<(), String> {
        let Some(caller) = instance.caller.as_ref().filter(|_| !instance.has_ended()) else {
            return Ok(());
        };
        let waited = self.instances.get(&caller.process).is_some_and(|caller| {
            waits(caller).any(|(_, wait)| {
                matches!(&wait.kind, WaitKind::Child { child, .. } if *child == instance.process)
            })
        });
        // What was cancelled may still run what it runs at its end.
        match waited || instance.cancelled.is_some() {
            true => Ok(()),
            false => Err(format!(
                "it runs and its caller {} does not wait for it",
                caller.process
            )),
        }
    }
}

/// The first bytes of all ids in a call tree.
pub(super) fn tree(process: ProcessId) -> [u8; 2] {
    let [first, second, ..] = *process.as_bytes();
    [first, second]
}
