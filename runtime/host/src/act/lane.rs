//! A lane of the outbox: rows in order, the newest with their messages, and a limit on the bytes in
//! flight.

use bureaucrat_store::keys::OutboxKey;
use bureaucrat_wire::Outgoing;
use std::collections::VecDeque;

/// Bytes of messages that a lane keeps in memory; other messages are read from the store when their
/// turn comes.
const HELD_MAX: usize = 8 << 20;
/// While a lane has this many bytes in flight, nothing more is sent. A single message may be
/// larger.
const IN_FLIGHT_MAX: usize = 8 << 20;

/// Rows that wait only for their turn.
#[derive(Debug, Default)]
pub struct Lane {
    queue: VecDeque<(OutboxKey, Option<Outgoing>)>,
    /// Bytes of the messages in the queue.
    held: usize,
    /// Bytes that were published and have no outcome yet.
    in_flight: usize,
}

impl Lane {
    /// Adds a row; keeps its message in memory if there is room.
    pub fn push(&mut self, key: OutboxKey, message: Option<Outgoing>) {
        let message = message.filter(|message| self.held + message.body.len() <= HELD_MAX);
        self.held += message.as_ref().map_or(0, |message| message.body.len());
        self.queue.push_back((key, message));
    }

    /// The next row; `None` while too many bytes are in flight.
    pub fn pop(&mut self) -> Option<(OutboxKey, Option<Outgoing>)> {
        if self.in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        let (key, message) = self.queue.pop_front()?;
        self.held -= message.as_ref().map_or(0, |message| message.body.len());
        Some((key, message))
    }

    /// A row of this many bytes was published.
    pub fn depart(&mut self, bytes: usize) {
        self.in_flight += bytes;
    }

    /// A publish of this many bytes has its outcome.
    pub fn land(&mut self, bytes: usize) {
        self.in_flight -= bytes;
    }

    /// Whether nothing is in flight.
    pub const fn is_idle(&self) -> bool {
        self.in_flight == 0
    }
}
