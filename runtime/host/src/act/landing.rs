//! What becomes of a row of the outbox once its publish has an outcome, or it is not needed any more.

use super::troubles::{Destination, News};
use bureaucrat_store::keys::{DestinationHash, OutboxKey};

/// Where a row is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Outbox,
    /// Set aside, under this destination.
    Aside(DestinationHash),
}

/// What a row that is not needed any more leaves in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    Row(Place),
    /// Perhaps a row that is set aside.
    Perhaps,
    Nothing,
}

/// What became of a publish.
#[derive(Debug, PartialEq, Eq)]
pub struct Landed {
    pub key: OutboxKey,
    pub destination: Destination,
    pub place: Place,
    /// None when the row was withdrawn meanwhile.
    pub row: Option<RowGone>,
    pub news: News,
}

/// What is to be done about the row of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowGone {
    /// It left.
    Left,
    /// It is to be set aside.
    SetAside(DestinationHash),
    /// It stays where it is.
    Stays,
}
