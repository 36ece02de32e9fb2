//! What happens to an outbox row once its publish has an outcome, or once it is no longer needed.

use super::troubles::{Destination, News};
use bureaucrat_store::keys::{DestinationHash, OutboxKey};

/// Where a row is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Outbox,
    /// Set aside, under this destination.
    Aside(DestinationHash),
}

/// What a row that is no longer needed leaves in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    Row(Place),
    /// Perhaps a row that is set aside.
    Perhaps,
    Nothing,
}

/// What happened to a publish.
#[derive(Debug, PartialEq, Eq)]
pub struct Landed {
    pub key: OutboxKey,
    pub destination: Destination,
    pub place: Place,
    /// `None` if the row was withdrawn meanwhile.
    pub row: Option<RowGone>,
    pub news: News,
}

/// What to do about the row of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowGone {
    /// It was removed.
    Left,
    /// It is a task that had waited for a connection: its process is told, and removes the row.
    Delayed,
    /// Set it aside.
    SetAside(DestinationHash),
    /// Leave it where it is.
    Stays,
}
