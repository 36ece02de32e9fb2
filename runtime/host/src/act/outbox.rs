//! The outbox: durable messages that must be sent.
//!
//! A row is removed once it is confirmed and not returned. Rows of a failing destination are set
//! aside ([`super::troubles`]), so this contains only what can be sent now. Replies and notices
//! that no queue takes are dropped. Dead letters, which are as large as their senders make them,
//! have a separate lane, and each lane limits the bytes in flight. Rows are in the store; their
//! keys and the newest messages are here.

mod row;
mod standing;

pub use super::landing::{Landed, Place, RowGone, Withdrawn};
use super::{
    aside::destination_of,
    lane::Lane,
    troubles::{Destination, Full, News, Reason, Troubles},
};
use crate::{broker::Ticket, intake::large::Large, tenants::AccountOf};
use bureaucrat_model::Timestamp;
use bureaucrat_store::keys::{DestinationHash, OutboxKey, OutboxKind};
use bureaucrat_wire::Outgoing;
use row::{Departed, Row, RowState, Waited};
pub use standing::Reach;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

/// A publish in flight.
#[derive(Debug)]
struct Flight {
    key: OutboxKey,
    destination: Destination,
    bytes: usize,
    place: Place,
}

/// The outbox in memory.
#[derive(Debug)]
pub struct Outbox {
    in_flight_max: usize,
    large: Arc<Large>,
    count: u64,
    rows: HashMap<OutboxKey, Row>,
    dead_letters: Lane,
    others: Lane,
    in_flight: HashMap<Ticket, Flight>,
    pub(crate) troubles: Troubles,
    up: Publishing,
}

/// Whether publishing works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publishing {
    Up,
    Down,
}

impl Outbox {
    /// An empty outbox with at most `in_flight_max` publishes at the same time. Publishing is down
    /// at first.
    pub fn new(in_flight_max: usize, large: Arc<Large>, full: Arc<Full>) -> Self {
        Self {
            in_flight_max,
            large,
            count: 0,
            rows: HashMap::new(),
            dead_letters: Lane::default(),
            others: Lane::default(),
            in_flight: HashMap::new(),
            troubles: Troubles::new(full),
            up: Publishing::Down,
        }
    }

    /// The number of rows that can be sent.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The number of publishes that wait for their outcome.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether a message under this key waits to be sent, or for its outcome.
    pub fn has(&self, key: OutboxKey) -> bool {
        self.rows.contains_key(&key)
    }

    /// Notes a message of a user that is about to be submitted. Returns where its row belongs.
    pub fn plan(
        &mut self,
        key: OutboxKey,
        message: &Outgoing,
        account: AccountOf,
        now: Timestamp,
    ) -> Place {
        let claim = account.map(|account| account.row());
        let bytes = message.body.len();
        if is_kept(key.kind) && !self.troubles.is_empty() {
            let destination = destination_of(message);
            if self.troubles.sets_aside(&destination) {
                let troubles = &mut self.troubles;
                let hash = troubles.set_aside(&destination, key, bytes, claim, now);
                return Place::Aside(hash);
            }
        }
        let is_large = key.kind == OutboxKind::DeadLetter && self.large.concerns(bytes);
        let row = Row {
            state: RowState::Planned,
            departed: Departed::No,
            waited: Waited::at(self.up),
            claim,
            large: is_large.then(|| self.large.claim(bytes)),
        };
        self.rows.insert(key, row);
        Place::Outbox
    }

    /// A submitted message is durable: it may be sent, unless it was withdrawn meanwhile.
    pub fn activate(&mut self, key: OutboxKey, place: Place, message: Outgoing) {
        if let Place::Aside(_) = place {
            let destination = (message.exchange, message.routing_key);
            self.troubles.durable(&destination);
            return;
        }
        if let Some(row) = self.rows.get_mut(&key)
            && row.state == RowState::Planned
        {
            row.state = RowState::Queued;
            self.lane(key).push(key, Some(message));
        }
    }

    /// Adds a row of an earlier run.
    pub fn found(&mut self, key: OutboxKey, account: AccountOf) {
        let row = Row {
            state: RowState::Queued,
            departed: Departed::Perhaps,
            waited: Waited::Yes,
            claim: account.map(|account| account.row()),
            large: None,
        };
        self.rows.insert(key, row);
        self.lane(key).push(key, None);
    }

    /// Forgets a row that is no longer needed. A publish in flight continues; its outcome is
    /// ignored.
    pub fn withdraw(&mut self, key: OutboxKey) -> Withdrawn {
        match self.rows.remove(&key) {
            Some(Row {
                state: RowState::Unsendable(place),
                ..
            }) => Withdrawn::Row(place),
            Some(_) => Withdrawn::Row(Place::Outbox),
            None if self.troubles.is_empty() => Withdrawn::Nothing,
            None => {
                self.troubles.withdrawn(key);
                Withdrawn::Perhaps
            }
        }
    }

    /// Publishing works, or does not.
    pub fn set_publishing(&mut self, up: Publishing) {
        self.up = up;
        if up == Publishing::Down {
            for row in self.rows.values_mut() {
                row.waited = Waited::Yes;
            }
        }
    }

    pub const fn publishing(&self) -> Publishing {
        self.up
    }

    /// Whether something may be published.
    pub fn is_open(&self) -> bool {
        self.up == Publishing::Up && self.in_flight.len() < self.in_flight_max
    }

    /// The next row to publish, with its message if that is in memory. `None` if there is none, or
    /// the windows are full.
    pub fn next(&mut self) -> Option<(OutboxKey, Option<Outgoing>)> {
        if !self.is_open() {
            return None;
        }
        while let Some((key, message)) = self.pop() {
            let row = self.rows.get(&key);
            if row.is_some_and(|row| row.state == RowState::Queued) {
                return Some((key, message));
            }
        }
        None
    }

    /// Assigns a ticket to a row that is about to be published.
    ///
    /// # Errors
    /// If its destination is failing: the row must be set aside under this hash.
    pub fn take_ticket(
        &mut self,
        key: OutboxKey,
        message: &Outgoing,
        now: Timestamp,
    ) -> Result<Ticket, DestinationHash> {
        let destination = destination_of(message);
        let bytes = message.body.len();
        if is_kept(key.kind) && self.troubles.sets_aside(&destination) {
            let claim = self.rows.remove(&key).and_then(|row| row.claim);
            let troubles = &mut self.troubles;
            return Err(troubles.set_aside(&destination, key, bytes, claim, now));
        }
        if let Some(row) = self.rows.get_mut(&key) {
            row.state = RowState::InFlight;
            row.departed = Departed::Perhaps;
        }
        Ok(self.fly(key, destination, bytes, Place::Outbox))
    }

    /// Assigns a ticket to a row that was set aside.
    pub fn take_ticket_aside(
        &mut self,
        key: OutboxKey,
        message: &Outgoing,
        hash: DestinationHash,
    ) -> Ticket {
        let destination = destination_of(message);
        self.troubles.published(&destination, key);
        self.fly(key, destination, message.body.len(), Place::Aside(hash))
    }

    fn fly(
        &mut self,
        key: OutboxKey,
        destination: Destination,
        bytes: usize,
        place: Place,
    ) -> Ticket {
        self.count += 1;
        let ticket = Ticket(self.count);
        let bytes = bytes.max(1);
        self.lane(key).depart(bytes);
        let flight = Flight {
            key,
            destination,
            bytes,
            place,
        };
        self.in_flight.insert(ticket, flight);
        ticket
    }

    /// What a publish under way is.
    pub fn kind_of(&self, ticket: Ticket) -> Option<OutboxKind> {
        self.in_flight.get(&ticket).map(|flight| flight.key.kind)
    }

    /// A publish was confirmed, or will not be retried: its row can be removed, unless it was
    /// withdrawn.
    pub fn left(&mut self, ticket: Ticket) -> Option<Landed> {
        let flight = self.land(ticket)?;
        let row = match flight.place {
            Place::Outbox => match self.rows.entry(flight.key) {
                Entry::Occupied(mut row) if row.get().is_delayed(flight.key) => {
                    row.get_mut().state = RowState::Left;
                    Some(RowGone::Delayed)
                }
                Entry::Occupied(row) => {
                    row.remove();
                    Some(RowGone::Left)
                }
                Entry::Vacant(_) => None,
            },
            Place::Aside(_) => {
                let bytes = flight.bytes;
                self.troubles.gone(&flight.destination, flight.key, bytes);
                Some(RowGone::Left)
            }
        };
        Some(landed(flight, row, News::None))
    }

    /// The broker never takes a task: its activity's fault removes it. `None` if it was withdrawn.
    pub fn unsendable(&mut self, ticket: Ticket, now: Timestamp) -> Option<OutboxKey> {
        let flight = self.land(ticket)?;
        let (key, place) = (flight.key, flight.place);
        match place {
            Place::Outbox => self.rows.get_mut(&key)?.state = RowState::Unsendable(place),
            Place::Aside(_) => {
                self.troubles.gone(&flight.destination, key, flight.bytes);
                self.troubles.tells_nothing(&flight.destination, now);
                let row = Row {
                    state: RowState::Unsendable(place),
                    departed: Departed::Perhaps,
                    waited: Waited::No,
                    claim: None,
                    large: None,
                };
                self.rows.insert(key, row);
            }
        }
        Some(key)
    }

    /// A publish was confirmed.
    pub fn confirmed(&mut self, ticket: Ticket) -> Option<Landed> {
        let landed = self.left(ticket)?;
        self.troubles.taken(&landed.destination);
        Some(landed)
    }

    /// The destination returned or refused a publish.
    pub fn refused(&mut self, ticket: Ticket, reason: &Reason, now: Timestamp) -> Option<Landed> {
        let flight = self.land(ticket)?;
        if !is_kept(flight.key.kind) {
            let row = self.rows.remove(&flight.key).map(|_| RowGone::Left);
            return Some(landed(flight, row, News::None));
        }
        let news = self.troubles.refused(&flight.destination, reason, now);
        let row = match flight.place {
            Place::Aside(_) => Some(RowGone::Stays),
            Place::Outbox => self.rows.remove(&flight.key).map(|row| {
                let (key, bytes) = (flight.key, flight.bytes);
                let troubles = &mut self.troubles;
                let destination = &flight.destination;
                RowGone::SetAside(troubles.set_aside(destination, key, bytes, row.claim, now))
            }),
        };
        Some(landed(flight, row, news))
    }

    /// A publish was lost with its connection: it is retried as soon as publishing works.
    pub fn lost(&mut self, ticket: Ticket, now: Timestamp) {
        let Some(flight) = self.land(ticket) else {
            return;
        };
        match flight.place {
            Place::Aside(_) => self.troubles.lost(&flight.destination, flight.key, now),
            Place::Outbox => {
                if let Some(row) = self.rows.get_mut(&flight.key) {
                    row.state = RowState::Queued;
                    self.lane(flight.key).push(flight.key, None);
                }
            }
        }
    }

    /// Dead letters come last, but one of them is always in flight.
    fn pop(&mut self) -> Option<(OutboxKey, Option<Outgoing>)> {
        let (first, second) = if self.dead_letters.is_idle() {
            (&mut self.dead_letters, &mut self.others)
        } else {
            (&mut self.others, &mut self.dead_letters)
        };
        first.pop().or_else(|| second.pop())
    }

    fn land(&mut self, ticket: Ticket) -> Option<Flight> {
        let flight = self.in_flight.remove(&ticket)?;
        self.lane(flight.key).land(flight.bytes);
        if let Place::Aside(_) = flight.place {
            self.troubles.landed(&flight.destination, flight.key);
        }
        Some(flight)
    }

    fn lane(&mut self, key: OutboxKey) -> &mut Lane {
        if key.kind == OutboxKind::DeadLetter {
            return &mut self.dead_letters;
        }
        &mut self.others
    }
}

fn landed(flight: Flight, row: Option<RowGone>, news: News) -> Landed {
    Landed {
        key: flight.key,
        destination: flight.destination,
        place: flight.place,
        row,
        news,
    }
}

/// Whether a message waits for its destination. Others are dropped if no queue takes them: the
/// process that gave the address is gone.
const fn is_kept(kind: OutboxKind) -> bool {
    match kind {
        OutboxKind::Task | OutboxKind::DeadLetter | OutboxKind::Resent | OutboxKind::Call => true,
        OutboxKind::Forward => true,
        OutboxKind::Reply | OutboxKind::Notice | OutboxKind::Message => false,
        OutboxKind::Withdrawal | OutboxKind::Revocation => false,
    }
}
