//! What must neither be lost nor repeated because of what the host chose: inputs that it kept while
//! a process was parked, and launches whose deliveries ended with their connection.

use super::{
    Facts,
    audit::{CONTINUE, REMOVE, RETRY, Timers, is_incident, waits},
    content::Content,
    definitions::{COMMON_EVENT, OWN_EVENT},
    facts::Known,
};
use bureaucrat_model::{
    Deadline, FiberId, Input, Instance, JsonText, Outcome, Phase, Scope, Status, Timestamp, Turn,
    WaitKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// Unacknowledged deliveries of launches without message id, from which the engine may start a
/// process.
#[derive(Debug, Default)]
pub(super) struct InHand {
    /// The generations of connections that delivered each launch, by its number, once for each
    /// delivery.
    generations: BTreeMap<usize, Vec<u64>>,
    /// The first batch that is being committed.
    batch: u64,
    /// Batches up to this one were submitted before the engine was told that the last connection
    /// had ended.
    submitted: u64,
}

impl InHand {
    /// Whether the launch may start a process now. Counts it as started.
    fn start(&mut self, launch: usize) -> bool {
        if self.batch <= self.submitted {
            return true;
        }
        let generations = self.generations.entry(launch).or_default();
        let is_in_hand = !generations.is_empty();
        if is_in_hand {
            generations.remove(0);
        }
        is_in_hand
    }
}

impl Facts {
    /// The engine receives a delivery.
    pub fn handed(&self, content: &Content, generation: u64) {
        if let Content::Launch(number) = content {
            let mut known = self.known();
            let generations = known.in_hand.generations.entry(*number).or_default();
            generations.push(generation);
        }
    }

    /// The engine was told that a connection ended, and has submitted this many batches so far.
    pub fn connection_ended(&self, generation: u64, submitted: u64) {
        let mut known = self.known();
        for generations in known.in_hand.generations.values_mut() {
            generations.retain(|brought| *brought > generation);
        }
        known.in_hand.submitted = submitted;
    }

    /// Batches are being committed, beginning with this one.
    pub fn committing(&self, batch: u64) {
        self.known().in_hand.batch = batch;
    }
}

impl Known {
    /// A launch started a process: one of its deliveries is unacknowledged, or was when its batch
    /// was submitted.
    pub fn started_from_delivery(&mut self, name: &str) {
        let number = name
            .strip_prefix('L')
            .and_then(|number| number.parse().ok());
        // One of another engine may have been forwarded.
        if let Some(number) = number
            && !self.shared.is_shared
            && !self.in_hand.start(number)
        {
            self.violate(format!(
                "{name} was started from a delivery whose connection had ended, and which comes again"
            ));
        }
    }

    /// A parked process changed: an event that was kept for it, and that it awaits, is still kept
    /// or was taken.
    pub fn kept(&mut self, before: &Instance, after: &Instance) {
        if let Status::Parked { inputs, .. } = &after.status {
            for input in inputs {
                if let Input::Answer {
                    activity,
                    turn: Some(turn),
                    ..
                } = input
                {
                    let answer = (after.process, activity.clone(), *turn);
                    self.kept_answers.insert(answer);
                }
            }
        }
        let Status::Parked { inputs, .. } = &before.status else {
            return;
        };
        let still_kept = match &after.status {
            Status::Parked { inputs, .. } => inputs.as_slice(),
            Status::Running | Status::Ended(_) => &[],
        };
        let lost = inputs.iter().find(|input| match input {
            Input::Event { turn, event, .. } => {
                // What takes one event after the other still waits for the next one.
                let waits = waits(after).any(|(_, wait)| {
                    let is_listening = matches!(wait.kind, WaitKind::Listening { .. });
                    wait.turn == *turn && !is_listening && !is_checking(&wait.kind, event)
                });
                waits && is_meant(before, event) && !still_kept.contains(input)
            }
            Input::Answer { .. }
            | Input::TimerFired { .. }
            | Input::ChildEnded { .. }
            | Input::ChildRefused { .. }
            | Input::Evaluated { .. }
            | Input::TaskRefused { .. }
            | Input::TaskDelayed { .. }
            | Input::DefinitionFound { .. }
            | Input::Detached { .. }
            | Input::Retry
            | Input::Admitted { .. }
            | Input::Recalled { .. }
            | Input::Refused { .. }
            | Input::Continue => false,
        });
        if let Some(lost) = lost {
            let process = after.process;
            self.violate(format!(
                "{process} continued and {lost:?}, which was kept for it, is lost"
            ));
        }
    }
}

/// Whether the conditions of a wait are being evaluated for the event.
fn is_checking(wait: &WaitKind, event: &JsonText) -> bool {
    let (WaitKind::Event {
        check: Some(check), ..
    }
    | WaitKind::Listening {
        check: Some(check), ..
    }) = wait
    else {
        return false;
    };
    check.event == *event
}

/// Whether a process that awaits the event takes it.
fn is_meant(instance: &Instance, event: &JsonText) -> bool {
    let Some(event) = event.to_value() else {
        return false;
    };
    let number = instance.name.strip_prefix('L');
    match event["event"].as_str() {
        Some(COMMON_EVENT) => true,
        Some(OWN_EVENT) => number == Some(event["number"].to_string().as_str()),
        Some(_) | None => false,
    }
}

pub(super) fn within(
    what: &str,
    rows: &BTreeSet<u64>,
    waits: &BTreeSet<u64>,
) -> Result<(), String> {
    match rows.is_subset(waits) {
        true => Ok(()),
        false => Err(format!("{what} have turns {rows:?}, its are {waits:?}")),
    }
}

/// Whether a timer that is gone must have fired: what was stopped is gone with its timer, or at its end.
pub(super) fn fires(timers: Timers, after: &Instance, fiber: FiberId) -> bool {
    let is_at_its_end = |scope: &Scope| scope.phase == Phase::Finally(Outcome::Stopped);
    let lives = match after.fibers.get(fiber) {
        Some(found) => !found.scopes.iter().any(is_at_its_end),
        None => fiber == FiberId(0),
    };
    timers == Timers::Fire && lives && after.cancelled.is_none()
}

/// The timer of a process's deadline.
pub(super) fn deadline(instance: &Instance) -> Option<(Timestamp, FiberId, Turn)> {
    match instance.deadline? {
        Deadline::Ahead { due, turn } => Some((due, FiberId::DEADLINE, turn)),
        Deadline::Passed => None,
    }
}

pub(super) fn reminders(
    instance: &Instance,
    timers: &BTreeSet<(Timestamp, FiberId, Turn)>,
) -> Result<(), String> {
    let count = |number| {
        timers
            .iter()
            .filter(|(_, fiber, _)| fiber.0 == number)
            .count()
    };
    let ready = instance.fibers.first_ready().is_some();
    if count(REMOVE) != usize::from(instance.has_ended()) {
        return Err(format!(
            "{} reminders to remove it, it has ended: {}",
            count(REMOVE),
            instance.has_ended()
        ));
    }
    if is_incident(instance) && count(RETRY) == 0 {
        return Err("it is parked and nothing reminds to try it again".into());
    }
    if matches!(instance.status, Status::Running) && ready && count(CONTINUE) == 0 {
        return Err("it has yielded and nothing reminds it to continue".into());
    }
    Ok(())
}

pub(super) fn same<T: Ord + std::fmt::Debug>(
    what: &str,
    rows: &BTreeSet<T>,
    waits: &BTreeSet<T>,
) -> Result<(), String> {
    match rows == waits {
        true => Ok(()),
        false => Err(format!("{what} are {rows:?}, it waits for {waits:?}")),
    }
}
