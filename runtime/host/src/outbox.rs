//! The outbox: messages that are durable and on their way out, and when each is tried again.
//!
//! A row leaves once it is confirmed and not returned. A destination that takes nothing is tried with one message at a
//! time, ever more rarely, and keeps nobody else's messages waiting. Rows live in the store; here stand their keys.

use crate::{
    broker::Ticket,
    planted::{Fault, planted},
    router,
    tenants::{AccountOf, Claim},
};
use bureaucrat_model::{Millis, Timestamp};
use bureaucrat_store::keys::OutboxKey;
use bureaucrat_wire::Outgoing;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// A destination: exchange and routing key.
pub type Destination = (String, String);

/// Messages that are held in memory beside their keys; others are read from the store when their turn comes.
const MESSAGES_HELD: usize = 10_000;

/// The first and the longest wait before a destination is tried again.
const BACKOFF_FIRST: Millis = Millis(500);
const BACKOFF_LAST: Millis = Millis(15_000);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowState {
    /// In the queue.
    Queued,
    /// Published under a ticket.
    InFlight(Ticket),
    /// Waiting for its destination.
    Waiting,
}

#[derive(Debug)]
struct Row {
    state: RowState,
    /// Counts it against its user for as long as it is here.
    _claim: Option<Claim>,
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
    /// It takes messages again.
    TroubleEnded,
    /// Nothing new.
    None,
}

/// The outbox of a shard, in memory.
#[derive(Debug)]
pub struct Outbox {
    shard: u16,
    in_flight_max: usize,
    count: u64,
    rows: HashMap<OutboxKey, Row>,
    queue: VecDeque<(OutboxKey, Option<Outgoing>)>,
    held: usize,
    in_flight: HashMap<Ticket, (OutboxKey, Destination)>,
    troubles: BTreeMap<Destination, Trouble>,
    up: Publishing,
}

/// Whether publishing works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publishing {
    /// It does.
    Up,
    /// It does not.
    Down,
}

impl Outbox {
    /// An empty outbox with at most `in_flight_max` publishes at once. Publishing begins down.
    pub fn new(shard: u16, in_flight_max: usize) -> Self {
        Self {
            shard,
            in_flight_max,
            count: 0,
            rows: HashMap::new(),
            queue: VecDeque::new(),
            held: 0,
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

    /// Notes a row that was committed, with its message when it is at hand, and whom it counts against.
    pub fn insert(&mut self, key: OutboxKey, message: Option<Outgoing>, account: AccountOf) {
        let row = Row {
            state: RowState::Queued,
            _claim: account.map(|account| account.row()),
        };
        if self.rows.insert(key, row).is_none() {
            let message = message.filter(|_| self.held < MESSAGES_HELD);
            self.held += usize::from(message.is_some());
            self.queue.push_back((key, message));
        }
    }

    /// Forgets a row that was removed from the store. A publish under way goes on; its outcome means nothing any more.
    pub fn withdraw(&mut self, key: OutboxKey) {
        let row = self.rows.remove(&key);
        if row.is_some_and(|row| row.state == RowState::Queued) {
            // A row that was to try its destination and never will must not keep the others waiting.
            for trouble in self.troubles.values_mut() {
                if trouble.probe == Some(key) {
                    trouble.probe = None;
                }
            }
        }
    }

    /// Publishing works, or not.
    pub fn set_publishing(&mut self, up: Publishing) {
        self.up = up;
    }

    /// The next row to publish, with its message when that is held. None when there is none, or the window is full.
    pub fn next(&mut self) -> Option<(OutboxKey, Option<Outgoing>)> {
        if self.up == Publishing::Down || self.in_flight.len() >= self.in_flight_max {
            return None;
        }
        while let Some((key, message)) = self.queue.pop_front() {
            self.held -= usize::from(message.is_some());
            if self.is(key, RowState::Queued) {
                return Some((key, message));
            }
        }
        None
    }

    /// Gives a row that is about to be published its ticket; none when its destination is in trouble, where it waits.
    pub fn take_ticket(&mut self, key: OutboxKey, destination: Destination) -> Option<Ticket> {
        if let Some(trouble) = self.troubles.get_mut(&destination)
            && trouble.probe != Some(key)
        {
            trouble.waiting.push_back(key);
            self.set(key, RowState::Waiting);
            return None;
        }
        self.count += 1;
        let ticket = router::ticket(self.shard, self.count);
        self.set(key, RowState::InFlight(ticket));
        self.in_flight.insert(ticket, (key, destination));
        Some(ticket)
    }

    /// A publish was confirmed: the row that may go, unless it was withdrawn.
    pub fn confirmed(
        &mut self,
        ticket: Ticket,
    ) -> (Option<OutboxKey>, Notice, Option<Destination>) {
        let Some((key, destination)) = self.in_flight.remove(&ticket) else {
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
        let Some((key, destination)) = self.in_flight.remove(&ticket) else {
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
        if let Some((key, destination)) = self.in_flight.remove(&ticket) {
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
            let is_given_up = planted(Fault::TroubleNeverRetried);
            if trouble.probe.is_some() || trouble.next > now || is_given_up {
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
        }
    }

    fn requeue(&mut self, key: OutboxKey) {
        if let Some(row) = self.rows.get_mut(&key) {
            row.state = RowState::Queued;
            self.queue.push_back((key, None));
        }
    }
}
