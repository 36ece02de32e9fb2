//! Checks after each commit that the durable state of a changed process is consistent: every wait
//! has its row, every row has its wait, and a process that ended does not change.

use super::{
    facts::Known,
    keeping::are_published,
    kept::{deadline, fires, reminders, same, within},
};
use bureaucrat_model::{
    Ending, FiberId, FiberState, Input, Instance, Parking, ProcessId, Status, Subscription, Turn,
    Wait, WaitKind,
};
use bureaucrat_store::keys::{OutboxKey, OutboxKind};
use serde_json::Value;
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
    instance.status.parking().is_some()
}

/// Whether the engine has parked it, which then tries it again.
pub(super) fn is_incident(instance: &Instance) -> bool {
    instance.status.parking() == Some(Parking::Incident)
}

fn is_kept(instance: &Instance, fiber: FiberId, turn: Turn) -> bool {
    matches!(&instance.status, Status::Parked { inputs, .. }
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
        self.calls_by_name(before, &after);
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
        self.stands_still(before, &after);
        let timers = match self.was_modified(process) {
            true => Timers::MayStop,
            false => timers,
        };
        for (fiber, wait) in waits(before) {
            let still = waits(&after).any(|(_, other)| other.turn == wait.turn);
            // Who is cancelled stops its waits, before it has a fault.
            if still || after.fault().is_some() || after.cancelled.is_some() {
                continue;
            }
            match &wait.kind {
                WaitKind::Timer { due, .. } if self.now < *due && fires(timers, &after, fiber) => {
                    let now = self.now;
                    self.violate(format!("a timer of {process} due at {due} fired at {now}"));
                }
                // Unless it may have been stopped.
                WaitKind::Event { subscriptions, .. }
                    if are_published(subscriptions, wait) && timers == Timers::Fire =>
                {
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
        let at = fiber;
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
        if self.shared.is_shared {
            self.event_counts(process, at, unique);
        }
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
        branches_fit(instance)?;
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

/// A branch lives as long as what forked it waits: for its branches, for the end of what it stopped,
/// or for the next event, while this one is dealt with.
fn branches_fit(instance: &Instance) -> Result<(), String> {
    for (id, fiber) in instance.fibers.iter() {
        let Some(branch) = &fiber.branch else {
            continue;
        };
        let parent = instance.fibers.get(branch.parent);
        let state = parent.map(|parent| &parent.state);
        let is_awaited = state.is_some_and(|state| match state {
            FiberState::Waiting(wait) => matches!(
                wait.kind,
                WaitKind::Branches { .. } | WaitKind::Stopping { .. } | WaitKind::Listening { .. }
            ),
            FiberState::Ready => false,
        });
        if !is_awaited {
            return Err(format!(
                "the branch {id:?} lives, and what forked it is {state:?}"
            ));
        }
    }
    Ok(())
}

/// The first bytes of all ids in a call tree.
pub(super) fn tree(process: ProcessId) -> [u8; 2] {
    let [first, second, ..] = *process.as_bytes();
    [first, second]
}
