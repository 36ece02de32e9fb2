//! What memory knows of a row of the outbox.

use super::{Place, Publishing};
use crate::{intake::large::LargeClaim, tenants::Claim};
use bureaucrat_store::keys::{OutboxKey, OutboxKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowState {
    /// Submitted, but not durable.
    Planned,
    Queued,
    InFlight,
    /// The broker never takes it: it is removed with the fault of its activity.
    Unsendable(Place),
    /// The broker has it: it is removed once its process knows that it was delayed.
    Left,
}

/// Whether a row was published, so that the broker may have its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Departed {
    No,
    Perhaps,
}

/// Whether a row could not be sent for a while: there was no connection, or the time of its attempt passed before the
/// broker confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    No,
    Yes,
}

impl Waited {
    /// What holds for a new row.
    pub const fn at(publishing: Publishing) -> Self {
        match publishing {
            Publishing::Up => Self::No,
            Publishing::Down => Self::Yes,
        }
    }
}

#[derive(Debug)]
pub(super) struct Row {
    pub state: RowState,
    pub departed: Departed,
    pub waited: Waited,
    /// Counts the row against its user while it is here.
    pub claim: Option<Claim>,
    /// Counts a large dead letter until it is confirmed or set aside.
    #[expect(dead_code, reason = "it counts by being held")]
    pub large: Option<LargeClaim>,
}

impl Row {
    /// Whether it is a task whose participant did not get it when it was sent, because there was no connection.
    pub fn is_delayed(&self, key: OutboxKey) -> bool {
        key.kind == OutboxKind::Task && self.waited == Waited::Yes
    }
}
