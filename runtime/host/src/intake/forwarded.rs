//! What engines that share a store send each other: its form, behind a signature.

use crate::{
    broker::{Delivery, Source},
    operate::asking::Between,
    plan::events::EventRecord,
};
use bureaucrat_model::{FiberId, ProcessId};
use bureaucrat_store::{Table, records};
use bureaucrat_wire::Properties;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The content type of what is forwarded.
pub(super) const FORWARD_TYPE: &str = "application/x-bureaucrat-forward";
/// The bytes of the signature, with which the body begins.
const SIGNATURE: usize = 32;

/// What is forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Forwarded {
    /// A message as it came.
    #[serde(rename = "1")]
    Message {
        source: u8,
        /// The shard that its process must be in.
        shard: Option<u8>,
        properties: Properties,
        body: ByteBuf,
        /// If its sender waits at the engine that has forwarded it: under which number, and a group of that engine's.
        receipts: Option<(u64, u8)>,
    },
    /// An event that another engine hands out, for the waits of one group.
    #[serde(rename = "2")]
    Event {
        group: u8,
        /// The shard that has it, and its number there.
        origin: (u8, u64),
        part: EventPart,
    },
    /// A question or an order about what the receiver has, or an answer.
    #[serde(rename = "3")]
    Between(Between),
}

/// An event for the waits of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPart {
    pub event: EventRecord,
    /// Fibers of the group that take one event after the other, and have had this one from an engine before.
    pub taken: Vec<(ProcessId, FiberId)>,
}

/// The number of a queue in what is forwarded.
pub(super) const fn number_of(source: Source) -> u8 {
    match source {
        Source::Launches => 1,
        Source::Answers => 2,
        Source::Events => 3,
        Source::Results => 4,
    }
}

/// The queue with a number.
pub fn source_of(number: u8) -> Option<Source> {
    let all = [
        Source::Launches,
        Source::Answers,
        Source::Events,
        Source::Results,
    ];
    all.into_iter().find(|source| number_of(*source) == number)
}

/// Whether a message in the queue of a group is from another engine.
pub(super) fn is_forward(delivery: &Delivery) -> bool {
    delivery.properties.content_type.as_deref() == Some(FORWARD_TYPE)
}

/// Takes the signature off.
pub(super) fn content_of(body: &[u8]) -> Option<(&[u8; SIGNATURE], &[u8])> {
    body.split_first_chunk::<SIGNATURE>()
}

/// What the body of a forwarded message holds, for tests: nobody has looked whether its signature is right.
pub fn forwarded_in(body: &[u8]) -> Option<Forwarded> {
    let (_, content) = content_of(body)?;
    records::decode(Table::Outbox, &[], content).ok()
}
