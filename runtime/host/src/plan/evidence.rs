//! The message that led to a failure that waits for an operator: it is kept with the failure.
//!
//! Where failures wait for operators, a transaction holds on to the message that it began with, which
//! would be dropped a little earlier otherwise. Nothing is copied, and only such a failure is written.

use super::{
    Planner,
    transaction::{Cause, Transaction},
};
use crate::broker::Delivery;
use bureaucrat_engine::{evidence_room, keep_message};
use bureaucrat_model::{Input, JsonText, KeptBody, KeptMessage, MessageKind, ProcessId};
use bureaucrat_wire::properties_json;
use sha2::{Digest, Sha256};

/// The most bytes of properties and headers that are kept.
const PROPERTIES_MAX: usize = 16 << 10;

/// The message that led to a transaction.
#[derive(Debug)]
pub(super) enum LedBy {
    Answer(Box<Delivery>),
    /// The event's object.
    Event(JsonText),
}

/// The event of an input.
pub(super) fn event(input: &Input) -> Option<JsonText> {
    match input {
        Input::Event { event, .. } => Some(event.clone()),
        Input::Answer { .. }
        | Input::TimerFired { .. }
        | Input::ChildEnded { .. }
        | Input::ChildRefused { .. }
        | Input::Evaluated { .. }
        | Input::Continue
        | Input::TaskRefused { .. }
        | Input::TaskDelayed { .. }
        | Input::DefinitionFound { .. }
        | Input::Detached { .. }
        | Input::Retry
        | Input::Recalled { .. }
        | Input::Admitted { .. }
        | Input::Refused { .. } => None,
    }
}

impl Transaction {
    /// Notes which message led to a step of this process.
    pub(super) fn led_by(&mut self, process: ProcessId, cause: Cause, event: Option<JsonText>) {
        match (cause, event) {
            (Cause::Answer(delivery), _) => {
                self.led_by = Some((process, LedBy::Answer(delivery)));
            }
            (Cause::UnreadableAnswer(_) | Cause::Timer(..) | Cause::Other, Some(event)) => {
                self.led_by = Some((process, LedBy::Event(event)));
            }
            (Cause::UnreadableAnswer(_) | Cause::Timer(..) | Cause::Other, None) => {}
        }
    }
}

impl Planner {
    /// A fiber of the process has just begun to wait for an operator.
    pub(super) fn keep_led_by(transaction: &mut Transaction, process: ProcessId) {
        let is_its = |(led, _): &mut (ProcessId, LedBy)| *led == process;
        let Some((_, led_by)) = transaction.led_by.take_if(is_its) else {
            return;
        };
        if let Some(held) = transaction.held.get_mut(&process) {
            let room = evidence_room(&held.instance);
            keep_message(&mut held.instance, message(led_by, room));
        }
    }
}

fn message(led_by: LedBy, room: usize) -> KeptMessage {
    let (kind, properties, body) = match led_by {
        LedBy::Answer(delivery) => {
            let mut properties = properties_json(&delivery.properties);
            if properties.to_string().len() > PROPERTIES_MAX {
                properties = serde_json::json!({});
            }
            let properties = JsonText::of(&properties);
            (MessageKind::Answer, properties, delivery.body)
        }
        LedBy::Event(event) => {
            let properties = JsonText::of(&serde_json::json!({}));
            (MessageKind::Event, properties, event.as_str().into())
        }
    };
    let fits = body.len().saturating_add(properties.as_str().len()) <= room;
    let body = match fits {
        true => KeptBody::Whole(body),
        false => KeptBody::TooLarge {
            bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
            sha256: Sha256::digest(&body).to_vec(),
        },
    };
    KeptMessage {
        kind,
        properties,
        body,
    }
}
