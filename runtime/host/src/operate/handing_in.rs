//! Messages that are handed in on this machine, where others publish them to the broker: a launch, an
//! event, a definition.
//!
//! They take the way of a delivery, with the same rules, quotas and memory of message ids, so they
//! are as durable. In place of an acknowledgement and a reply their sender gets a receipt.

use super::{Told, definitions::DeployedView};
use crate::{
    broker::{Delivery, DeliveryHandle, Hold, Source, Way},
    plan::transaction::Transaction,
};
use bureaucrat_model::{ProcessId, Redelivered};
use bureaucrat_wire::Properties;
pub use bureaucrat_wire::{EventCounts, EventOutcome};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// A message that is handed in.
#[derive(Debug)]
pub struct HandedIn {
    /// Launches, or events.
    pub source: Source,
    /// What kind of launch it is.
    pub content_type: Option<String>,
    pub body: Vec<u8>,
    /// The user whose rules count; checked by what hands it in.
    pub user: Option<String>,
    /// By which a repeat is recognised.
    pub message_id: Option<String>,
    /// Dropped with the body.
    pub hold: Hold,
    pub sender: Sender,
}

/// What has become of a message that was handed in, once that is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Receipt {
    Launched {
        process: ProcessId,
    },
    /// It has taken no effect.
    Rejected {
        reasons: Vec<String>,
    },
    /// The event is stored. What becomes of it follows.
    Stored,
    Event(EventOutcome),
    Deployed(DeployedView),
}

impl Receipt {
    pub(crate) fn rejected(reasons: &[String]) -> Self {
        Self::Rejected {
            reasons: reasons.to_vec(),
        }
    }
}

/// Who gets the receipts of a message. One that is dropped without any knows that the message took
/// no effect, or that the engine stopped. It is not part of the message: any two are equal.
#[derive(Clone, Default)]
pub struct Sender(Option<Arc<dyn Fn(Receipt) + Send + Sync>>);

impl Sender {
    /// Calls this with each receipt; it must not block.
    pub fn new(tell: impl Fn(Receipt) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// Whether anybody waits for a receipt.
    pub const fn waits(&self) -> bool {
        self.0.is_some()
    }

    pub fn tell(&self, receipt: Receipt) {
        if let Some(tell) = &self.0 {
            tell(receipt);
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.waits() { "Sender" } else { "No sender" })
    }
}

impl PartialEq for Sender {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Sender {}

impl Transaction {
    /// Tells the sender of a delivery, if it was handed in, once this is durable.
    pub fn tell(&mut self, delivery: &Delivery, receipt: Receipt) {
        if delivery.sender.waits() {
            let told = Told::Message(delivery.sender.clone(), receipt);
            self.after.told.push(told);
        }
    }
}

impl HandedIn {
    /// The delivery that it takes the place of; `tag` is unique.
    pub(crate) fn into_delivery(self, tag: u64) -> Delivery {
        Delivery {
            handle: DeliveryHandle {
                generation: DeliveryHandle::HANDED_IN,
                source: self.source,
                way: Way::Own,
                tag,
            },
            redelivered: Redelivered::No,
            properties: Properties {
                content_type: self.content_type,
                user_id: self.user,
                message_id: self.message_id,
                ..Properties::default()
            },
            body: self.body,
            hold: self.hold,
            sender: self.sender,
            shard: None,
        }
    }
}
