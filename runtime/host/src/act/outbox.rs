//! The outbox: messages that are durable and on their way out, and when each is tried again.
//!
//! A row leaves once it is confirmed and not returned. A destination that takes nothing is tried with one message at a
//! time, ever more rarely, and keeps nobody else's messages waiting. Dead letters, as large as whoever sent them likes, have
//! a lane of their own, and in each lane the bytes under way are bounded. Rows live in the store; here stand their keys.

use crate::{
    broker::Ticket,
    intake::large::{Large, LargeClaim},
    tenants::{AccountOf, Claim},
};
use bureaucrat_model::{Millis, Timestamp};
use bureaucrat_store::keys::{OutboxKey, OutboxKind};
use bureaucrat_wire::Outgoing;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

/// A destination: exchange and routing key.
pub type Destination = (String, String);

/// Bytes of messages that a lane holds in memory beside their keys; others are read from the store when their turn comes.
const HELD_MAX: usize = 8 << 20;
/// So many bytes under way in a lane let nothing more leave. One message may be larger.
const IN_FLIGHT_MAX: usize = 8 << 20;

/// The first and the longest wait before a destination is tried again.
const BACKOFF_FIRST: Millis = Millis(500);
const BACKOFF_LAST: Millis = Millis(15_000);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowState {
    /// Planned, and not durable.
    Planned,
    Queued,
    InFlight(Ticket),
    Waiting,
}

#[derive(Debug)]
struct Row {
    state: RowState,
    /// Counts it against its user for as long as it is here.
    _claim: Option<Claim>,
    /// Counts a large dead letter until it is confirmed, or known to have nowhere to go.
    large: Option<LargeClaim>,
}

#[derive(Debug)]
struct Trouble {
    attempts: u32,
    next: Timestamp,
    waiting: VecDeque<OutboxKey>,
    /// The row that is being tried.
    probe: Option<OutboxKey>,
}

/// What a destination's trouble is worth telling about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It takes nothing; first sign of it.
    TroubleBegan,
    TroubleEnded,
    None,
}

/// Rows that wait for nothing but their turn.
#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<(OutboxKey, Option<Outgoing>)>,
    /// Bytes of the messages in the queue.
    held: usize,
    /// Bytes that were published and have no outcome yet.
    in_flight: usize,
}

impl Lane {
    fn push(&mut self, key: OutboxKey, message: Option<Outgoing>) {
        let message = message.filter(|message| self.held + message.body.len() <= HELD_MAX);
        self.held += message.as_ref().map_or(0, |message| message.body.len());
        self.queue.push_back((key, message));
    }

    fn pop(&mut self) -> Option<(OutboxKey, Option<Outgoing>)> {
        if self.in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        let (key, message) = self.queue.pop_front()?;
        self.held -= message.as_ref().map_or(0, |message| message.body.len());
        Some((key, message))
    }
}

#[derive(Debug)]
struct Flight {
    key: OutboxKey,
    destination: Destination,
    bytes: usize,
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
    troubles: BTreeMap<Destination, Trouble>,
    up: Publishing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publishing {
    Up,
    /// It does not.
    Down,
}

impl Outbox {
    /// An empty outbox with at most `in_flight_max` publishes at once. Publishing begins down.
    pub fn new(in_flight_max: usize, large: Arc<Large>) -> Self {
        Self {
            large,
            in_flight_max,
            count: 0,
            rows: HashMap::new(),
            dead_letters: Lane::default(),
            others: Lane::default(),
            in_flight: HashMap::new(),
            troubles: BTreeMap::new(),
            up: Publishing::Down,
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many publishes wait for their outcome.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Notes a row whose plan is submitted, and whom it counts against.
    pub fn plan(&mut self, key: OutboxKey, bytes: usize, account: AccountOf) {
        let is_large = key.kind == OutboxKind::DeadLetter && self.large.concerns(bytes);
        let row = Row {
            state: RowState::Planned,
            _claim: account.map(|account| account.row()),
            large: is_large.then(|| self.large.claim(bytes)),
        };
        self.rows.insert(key, row);
    }

    /// A planned row is durable, unless it was withdrawn meanwhile: it may leave.
    pub fn activate(&mut self, key: OutboxKey, message: Outgoing) {
        if let Some(row) = self.rows.get_mut(&key)
            && row.state == RowState::Planned
        {
            row.state = RowState::Queued;
            self.lane(key).push(key, Some(message));
        }
    }

    /// Notes a row of an earlier run.
    pub fn found(&mut self, key: OutboxKey, account: AccountOf) {
        self.plan(key, 0, account);
        self.requeue(key);
    }

    /// Forgets a row that is not needed any more; false when there is none, so that there is nothing to remove. A publish
    /// under way continues; its outcome means nothing any more.
    pub fn withdraw(&mut self, key: OutboxKey) -> bool {
        let row = self.rows.remove(&key);
        if row
            .as_ref()
            .is_some_and(|row| row.state == RowState::Queued)
        {
            // A row that was to try its destination and never will must not keep the others waiting.
            for trouble in self.troubles.values_mut() {
                if trouble.probe == Some(key) {
                    trouble.probe = None;
                }
            }
        }
        row.is_some()
    }

    /// Publishing works, or not.
    pub fn set_publishing(&mut self, up: Publishing) {
        self.up = up;
    }

    /// The next row to publish, with its message when that is held. None when there is none, or the windows are full.
    pub fn next(&mut self) -> Option<(OutboxKey, Option<Outgoing>)> {
        if self.up == Publishing::Down || self.in_flight.len() >= self.in_flight_max {
            return None;
        }
        while let Some((key, message)) = self.pop() {
            if self.is(key, RowState::Queued) {
                return Some((key, message));
            }
        }
        None
    }

    /// Gives a row that is about to be published its ticket; none when its destination is in trouble, where it waits.
    /// `bytes` is the size of its body.
    pub fn take_ticket(
        &mut self,
        key: OutboxKey,
        destination: Destination,
        bytes: usize,
    ) -> Option<Ticket> {
        if let Some(trouble) = self.troubles.get_mut(&destination)
            && trouble.probe != Some(key)
        {
            trouble.waiting.push_back(key);
            self.set(key, RowState::Waiting);
            return None;
        }
        self.count += 1;
        let ticket = Ticket(self.count);
        self.set(key, RowState::InFlight(ticket));
        let bytes = bytes.max(1);
        self.lane(key).in_flight += bytes;
        let flight = Flight {
            key,
            destination,
            bytes,
        };
        self.in_flight.insert(ticket, flight);
        Some(ticket)
    }

    /// A publish was confirmed: the row that may go, unless it was withdrawn.
    pub fn confirmed(
        &mut self,
        ticket: Ticket,
    ) -> (Option<OutboxKey>, Notice, Option<Destination>) {
        let Some((key, destination)) = self.land(ticket) else {
            return (None, Notice::None, None);
        };
        let row = self.rows.remove(&key).map(|_| key);
        let Some(trouble) = self.troubles.remove(&destination) else {
            return (row, Notice::None, None);
        };
        for key in trouble.waiting {
            self.requeue(key);
        }
        (row, Notice::TroubleEnded, Some(destination))
    }

    /// A publish was returned or refused: the row waits for its destination, with others that go there.
    pub fn refused(
        &mut self,
        ticket: Ticket,
        now: Timestamp,
    ) -> (Notice, Option<(OutboxKey, Destination)>) {
        let Some((key, destination)) = self.land(ticket) else {
            return (Notice::None, None);
        };
        let known = self.troubles.contains_key(&destination);
        let trouble = self.troubles.entry(destination.clone()).or_insert(Trouble {
            attempts: 0,
            next: now,
            waiting: VecDeque::new(),
            probe: None,
        });
        if !known || trouble.probe == Some(key) {
            trouble.attempts = trouble.attempts.saturating_add(1);
            let wait = BACKOFF_FIRST.0 << (trouble.attempts - 1).min(10);
            trouble.next = now.after(Millis(wait.min(BACKOFF_LAST.0)));
            trouble.probe = None;
        }
        if let Some(row) = self.rows.get_mut(&key) {
            row.state = RowState::Waiting;
            row.large = None;
            trouble.waiting.push_back(key);
        }
        let notice = if known {
            Notice::None
        } else {
            Notice::TroubleBegan
        };
        (notice, Some((key, destination)))
    }

    /// A publish is lost with its connection: the row is tried again as soon as publishing works.
    pub fn lost(&mut self, ticket: Ticket) {
        if let Some((key, destination)) = self.land(ticket) {
            if let Some(trouble) = self.troubles.get_mut(&destination)
                && trouble.probe == Some(key)
            {
                trouble.probe = None;
                trouble.waiting.push_back(key);
                self.set(key, RowState::Waiting);
            } else {
                self.requeue(key);
            }
        }
    }

    /// Queues a message for each destination in trouble whose time has come.
    pub fn retry(&mut self, now: Timestamp) {
        let mut ready = Vec::new();
        self.troubles.retain(|_, trouble| {
            if trouble.probe.is_some() || trouble.next > now {
                return true;
            }
            while let Some(key) = trouble.waiting.pop_front() {
                let row = self.rows.get(&key);
                if row.is_some_and(|row| row.state == RowState::Waiting) {
                    trouble.probe = Some(key);
                    ready.push(key);
                    return true;
                }
            }
            false
        });
        for key in ready {
            self.requeue(key);
        }
    }

    /// When the next destination is to be tried again.
    pub fn next_retry(&self) -> Option<Timestamp> {
        self.troubles
            .values()
            .filter(|trouble| trouble.probe.is_none())
            .map(|trouble| trouble.next)
            .min()
    }

    fn is(&self, key: OutboxKey, state: RowState) -> bool {
        self.rows.get(&key).is_some_and(|row| row.state == state)
    }

    fn set(&mut self, key: OutboxKey, state: RowState) {
        if let Some(row) = self.rows.get_mut(&key) {
            row.state = state;
            if state == RowState::Waiting {
                row.large = None;
            }
        }
    }

    fn requeue(&mut self, key: OutboxKey) {
        if let Some(row) = self.rows.get_mut(&key) {
            row.state = RowState::Queued;
            self.lane(key).push(key, None);
        }
    }

    /// Dead letters come last, but one of them is always under way.
    fn pop(&mut self) -> Option<(OutboxKey, Option<Outgoing>)> {
        let (first, second) = match self.dead_letters.in_flight {
            0 => (&mut self.dead_letters, &mut self.others),
            _ => (&mut self.others, &mut self.dead_letters),
        };
        first.pop().or_else(|| second.pop())
    }

    fn land(&mut self, ticket: Ticket) -> Option<(OutboxKey, Destination)> {
        let Flight {
            key,
            destination,
            bytes,
        } = self.in_flight.remove(&ticket)?;
        self.lane(key).in_flight -= bytes;
        Some((key, destination))
    }

    fn lane(&mut self, key: OutboxKey) -> &mut Lane {
        match key.kind {
            OutboxKind::DeadLetter => &mut self.dead_letters,
            OutboxKind::Task | OutboxKind::Reply | OutboxKind::Notice | OutboxKind::Call => {
                &mut self.others
            }
        }
    }
}
