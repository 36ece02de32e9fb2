//! Messages of a transaction: those that it sends, and those that it makes unnecessary.

use crate::act::outbox::Place;
use bureaucrat_store::keys::OutboxKey;
use bureaucrat_wire::Outgoing;

#[derive(Debug)]
pub struct Publish {
    pub key: OutboxKey,
    pub message: Outgoing,
    /// Where its row is; decided when it is submitted.
    pub place: Place,
}

/// A message that is no longer needed.
#[derive(Debug)]
pub struct Unneeded {
    pub key: OutboxKey,
    /// What is sent if it may have left already.
    pub tell: Vec<(OutboxKey, Outgoing)>,
}
