//! A lane of the outbox: rows in order, the newest with their messages, and the bytes under way, which are bounded.

use bureaucrat_store::keys::OutboxKey;
use bureaucrat_wire::Outgoing;
use std::collections::VecDeque;

/// Bytes of messages that a lane holds in memory beside their keys; others are read from the store when their turn comes.
const HELD_MAX: usize = 8 << 20;
/// So many bytes under way in a lane let nothing more leave. One message may be larger.
const IN_FLIGHT_MAX: usize = 8 << 20;

/// Rows that wait for nothing but their turn.
#[derive(Debug, Default)]
pub struct Lane {
    queue: VecDeque<(OutboxKey, Option<Outgoing>)>,
    /// Bytes of the messages in the queue.
    held: usize,
    /// Bytes that were published and have no outcome yet.
    in_flight: usize,
}

impl Lane {
    /// Adds a row, with its message while there is room for it.
    pub fn push(&mut self, key: OutboxKey, message: Option<Outgoing>) {
        let message = message.filter(|message| self.held + message.body.len() <= HELD_MAX);
        self.held += message.as_ref().map_or(0, |message| message.body.len());
        self.queue.push_back((key, message));
    }

    /// The next row; none while too many bytes are under way.
    pub fn pop(&mut self) -> Option<(OutboxKey, Option<Outgoing>)> {
        if self.in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        let (key, message) = self.queue.pop_front()?;
        self.held -= message.as_ref().map_or(0, |message| message.body.len());
        Some((key, message))
    }

    /// So many bytes of a row were published.
    pub fn depart(&mut self, bytes: usize) {
        self.in_flight += bytes;
    }

    /// A publish of so many bytes has its outcome.
    pub fn land(&mut self, bytes: usize) {
        self.in_flight -= bytes;
    }

    /// Whether nothing is under way.
    pub const fn is_idle(&self) -> bool {
        self.in_flight == 0
    }
}
