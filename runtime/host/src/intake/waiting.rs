//! Launches that wait long: each is committed as a waiting launch, and its messages are acknowledged.
//!
//! A message that is not acknowledged in time closes its channel, and a quorum queue counts how often it was given
//! back. So a launch that cannot begin in time has a row until the commit that starts or refuses it. After a restart it
//! takes its place in its user's line again. Rows and bytes are bounded; the messages of what is beyond stay with the
//! broker.

pub use super::definition::WaitingText;

use super::{
    definition::DefinitionText,
    launching::{Kept, LaunchInHand, Named},
    refusal::Refusal,
};
use crate::{
    broker::{Delivery, DeliveryHandle, Hold, Sender, Source, Way},
    fair::User,
    plan::{Planner, decided::LaunchRow, transaction::Transaction},
};
use bureaucrat_model::{Millis, ProcessId, Redelivered, Timestamp};
use bureaucrat_store::{StoreError, Table, keys, records};
use bureaucrat_wire::{NamedLaunch, Properties};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How often within the time that a launch may wait it is looked whether one has.
const LOOKS: u64 = 12;
/// Repeats of a launch that are acknowledged before it begins; further ones wait with the broker.
const REPEATS: usize = 100;
/// What a message takes in a row beside its body, about.
const MESSAGE_BYTES: usize = 500;

/// A launch that waits, and whose messages are acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRecord {
    pub arrived: Timestamp,
    /// The hash by which repeats are recognised, if it has a message id.
    #[serde(with = "serde_bytes")]
    pub seen: Option<[u8; 32]>,
    /// Whether the broker may have delivered it before.
    pub redelivered: Redelivered,
    /// Of its message, and of those that repeated it.
    pub messages: Vec<Properties>,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    pub text: WaitingText,
}

impl WaitingRecord {
    fn bytes(&self) -> usize {
        let unpacked = match &self.text {
            WaitingText::Part(..) => 0,
            WaitingText::Unpacked(text) => text.len(),
        };
        self.body.len() + unpacked + self.messages.len() * MESSAGE_BYTES
    }
}

impl LaunchInHand {
    /// Of all of its messages.
    pub fn handles(&self) -> Vec<DeliveryHandle> {
        let handles = self.deliveries.iter().map(|delivery| delivery.handle);
        handles.collect()
    }

    /// Its row; what is handed in on this machine is its sender's to repeat.
    fn record(&self) -> Option<WaitingRecord> {
        let first = self.deliveries.first()?;
        let lasting = self.deliveries.iter();
        let lasting = lasting.filter(|delivery| is_lasting(delivery));
        let messages: Vec<Properties> = lasting
            .map(|delivery| delivery.properties.clone())
            .collect();
        (messages.len() <= 1 + REPEATS).then(|| WaitingRecord {
            arrived: self.arrived,
            seen: self.seen,
            redelivered: first.redelivered,
            messages,
            body: first.body.clone(),
            text: self.text.to_waiting(),
        })
    }

    /// Its messages are acknowledged from now on; returns their handles.
    fn acknowledged(&mut self) -> Vec<DeliveryHandle> {
        let handles = self.handles();
        for (place, delivery) in self.deliveries.iter_mut().enumerate() {
            if delivery.handle.is_of_the_broker() {
                delivery.handle.generation = DeliveryHandle::KEPT;
                // What it takes is counted as a row's now.
                delivery.hold = Hold::default();
                if place > 0 {
                    delivery.body = Vec::new();
                }
            }
        }
        handles
    }
}

const fn is_lasting(delivery: &Delivery) -> bool {
    delivery.handle.generation != DeliveryHandle::HANDED_IN
}

impl Planner {
    /// Commits launches that have waited long; returns how many.
    pub(crate) fn keep_launches(&mut self) -> Result<usize, StoreError> {
        let (now, patience) = (self.now(), self.shared.config.launch_patience);
        if now < self.launching.looked.after(Millis(patience.0 / LOOKS)) {
            return Ok(0);
        }
        self.launching.looked = now;
        let overdue = self
            .launching
            .overdue(Timestamp(now.0.saturating_sub(patience.0)));
        let mut kept = 0;
        for process in overdue {
            if self.ready_bytes() >= self.shared.config.group_bytes {
                break;
            }
            kept += self.keep_launch(process)?;
        }
        Ok(kept)
    }

    /// Commits a launch, if there is room; returns how many.
    fn keep_launch(&mut self, process: ProcessId) -> Result<usize, StoreError> {
        let config = &self.shared.config;
        let Kept { rows, bytes } = self.launching.kept;
        let Some(launch) = self.launching.get_mut(process) else {
            return Ok(0);
        };
        if launch.kept.is_none() && rows >= config.waiting_launches {
            return Ok(0);
        }
        let Some(record) = launch.record() else {
            return Ok(0);
        };
        let size = record.bytes();
        let others = bytes.saturating_sub(launch.kept.unwrap_or(0));
        if others + size > config.waiting_bytes {
            return Ok(0);
        }
        let handles = launch.acknowledged();
        self.launching.keep(process, size);
        tracing::debug!(%process, "a launch waits long; it is stored, and its message acknowledged");
        let mut transaction = Transaction::new(process.shard());
        let value = records::encode(&LaunchRow::Waiting(record))?;
        transaction.put(Table::Launches, keys::instance(process), value);
        transaction.after.acknowledge = handles;
        self.finish(transaction)?;
        Ok(1)
    }

    /// A launch takes its place in its user's line, or is refused.
    pub(super) fn queue_launch(
        &mut self,
        user: User,
        process: ProcessId,
        mut in_hand: LaunchInHand,
        named: Result<Option<NamedLaunch>, Refusal>,
    ) -> Result<(), StoreError> {
        match named {
            Ok(named) => {
                in_hand.named = named.map(|launch| Named {
                    launch: Arc::new(launch),
                    chosen: None,
                });
                self.launching.queue(user, process, in_hand);
                Ok(())
            }
            Err(refusal) => self.refuse_launch(process, in_hand, &refusal),
        }
    }

    /// A launch that waited in an earlier run takes its place in line again.
    pub(crate) fn launch_waits(
        &mut self,
        process: ProcessId,
        record: WaitingRecord,
    ) -> Result<(), StoreError> {
        let size = record.bytes();
        let WaitingRecord {
            arrived,
            seen,
            redelivered,
            messages,
            body,
            text,
        } = record;
        let mut body = Some(body);
        let deliveries: Vec<Delivery> = messages
            .into_iter()
            .map(|properties| Delivery {
                handle: DeliveryHandle {
                    generation: DeliveryHandle::KEPT,
                    source: Source::Launches,
                    way: Way::Own,
                    tag: 0,
                },
                redelivered,
                properties,
                body: body.take().unwrap_or_default(),
                hold: Hold::default(),
                sender: Sender::default(),
                shard: None,
            })
            .collect();
        let text = DefinitionText::of_waiting(text);
        let Some(first) = deliveries.first() else {
            return Ok(());
        };
        let user = first.properties.user_id.clone();
        let named = self.read_named(first, &text);
        let account = self.shared.tenants.account(user.as_ref());
        let in_hand = LaunchInHand {
            deliveries,
            arrived,
            text,
            seen,
            waiting: account.map(|account| account.wait()),
            named: None,
            key: None,
            kept: Some(size),
        };
        // It is refused if this engine has other limits.
        self.queue_launch(user, process, in_hand, named)
    }
}
