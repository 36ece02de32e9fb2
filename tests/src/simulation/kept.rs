//! What may neither be lost nor come twice for reasons that the host chose: inputs that it kept while a process was
//! parked, and launches whose deliveries ended with their connection.

use super::{
    Facts,
    audit::waits,
    content::Content,
    definitions::{COMMON_EVENT, OWN_EVENT},
    facts::Known,
};
use bureaucrat_model::{Input, Instance, JsonText, Status, WaitKind};
use std::collections::BTreeMap;

/// Deliveries of launches without message id that the engine has in hand, and may make a process of.
#[derive(Debug, Default)]
pub(super) struct InHand {
    /// The generations of connections that brought each launch, by its number, as often as they did.
    generations: BTreeMap<usize, Vec<u64>>,
    /// The first batch that is being committed.
    batch: u64,
    /// Batches up to this one were submitted before the engine had heard of the last connection's end.
    submitted: u64,
}

impl InHand {
    /// Whether a process may come of the launch now; it does.
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
    /// The engine gets a delivery.
    pub fn handed(&self, content: &Content, generation: u64) {
        if let Content::Launch(number) = content {
            let mut known = self.known();
            let generations = known.in_hand.generations.entry(*number).or_default();
            generations.push(generation);
        }
    }

    /// The engine has heard that a connection ended, and has submitted so many batches until now.
    pub fn connection_ended(&self, generation: u64, submitted: u64) {
        let mut known = self.known();
        for generations in known.in_hand.generations.values_mut() {
            generations.retain(|brought| *brought > generation);
        }
        known.in_hand.submitted = submitted;
    }

    /// Batches are committed, of which this is the first.
    pub fn committing(&self, batch: u64) {
        self.known().in_hand.batch = batch;
    }
}

impl Known {
    /// A process came of a launch: one of its deliveries is in hand, or was when its batch was submitted.
    pub fn started_from_delivery(&mut self, name: &str) {
        let number = name
            .strip_prefix('L')
            .and_then(|number| number.parse().ok());
        if let Some(number) = number
            && !self.in_hand.start(number)
        {
            self.violate(format!(
                "{name} was started from a delivery whose connection had ended, and which comes again"
            ));
        }
    }

    /// A process that was parked changed: an event that was kept for it, and that it waits for, is still kept or was taken.
    pub fn kept(&mut self, before: &Instance, after: &Instance) {
        let Status::Incident { inputs, .. } = &before.status else {
            return;
        };
        let still_kept = match &after.status {
            Status::Incident { inputs, .. } => inputs.as_slice(),
            Status::Running | Status::Ended(_) => &[],
        };
        let lost = inputs.iter().find(|input| match input {
            Input::Event { turn, event, .. } => {
                let waits = waits(after)
                    .any(|(_, wait)| wait.turn == *turn && !is_checking(&wait.kind, event));
                waits && is_meant(before, event) && !still_kept.contains(input)
            }
            Input::Answer { .. }
            | Input::TimerFired { .. }
            | Input::ChildEnded { .. }
            | Input::ChildRefused { .. }
            | Input::Evaluated { .. }
            | Input::TaskRefused { .. }
            | Input::Continue => false,
        });
        if let Some(lost) = lost {
            let process = after.process;
            self.violate(format!(
                "{process} went on and {lost:?} is lost, which was kept for it"
            ));
        }
    }
}

/// Whether the conditions of a wait are being evaluated over the event.
fn is_checking(wait: &WaitKind, event: &JsonText) -> bool {
    matches!(wait, WaitKind::Event { check: Some((checked, _)), .. } if checked == event)
}

/// Whether a process that waits for the event takes it.
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
