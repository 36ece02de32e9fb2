//! Messages that the broker may close a channel or a connection over, and that therefore go the
//! careful way.
//!
//! The keys of messages that were on their way when it happened are remembered, and so is what
//! their culprit teaches about others: a message at least as large as one that was too large is as
//! suspicious. A direct address that RabbitMQ would not write is suspicious always.

use crate::{
    connection::Closed,
    flights::{Job, Key},
};
use bureaucrat_host::broker::PublishOutcome;
use bureaucrat_wire::ReplyAddress;
use lapin::protocol::AMQPSoftError;
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many keys are remembered.
const KEYS_MAX: usize = 100_000;
/// A culprit of fewer bytes was hardly refused for its size.
const LARGE_BYTES: usize = 32 << 10;

#[derive(Debug)]
struct Known {
    keys: HashSet<Key>,
    /// A message of so many bytes, or more, may be too large.
    large: usize,
}

/// What is known of messages that may close a channel.
#[derive(Debug)]
pub(crate) struct Suspects(Mutex<Known>);

impl Default for Suspects {
    fn default() -> Self {
        Self(Mutex::new(Known {
            keys: HashSet::new(),
            large: usize::MAX,
        }))
    }
}

impl Suspects {
    /// Whether a message needs care. Its key takes a look at its whole body, so that it is made
    /// only when it is needed.
    pub fn contains(&self, job: &Job, key: impl FnOnce() -> Key) -> bool {
        let message = &job.message;
        let known = self.lock();
        (!known.keys.is_empty() && known.keys.contains(&key()))
            || message.body.len() >= known.large
            || (message.exchange.is_empty()
                && ReplyAddress::is_direct(&message.routing_key)
                && ReplyAddress::direct_node(&message.routing_key).is_none())
    }

    /// A message was on its way when its channel was closed.
    pub fn add(&self, key: Key) {
        let mut known = self.lock();
        if known.keys.len() >= KEYS_MAX {
            known.keys.clear();
        }
        known.keys.insert(key);
    }

    /// A message of this size is the one that the broker closed over: its outcome.
    pub fn convict(&self, closed: Closed, key: Key, bytes: usize) -> PublishOutcome {
        self.add(key);
        let words = match closed {
            Closed::Connection(words)
            | Closed::Channel(
                AMQPSoftError::PRECONDITIONFAILED | AMQPSoftError::CONTENTTOOLARGE,
                words,
            ) => words,
            // An exchange that is missing, or that may not be written to: no fault of the message.
            Closed::Channel(_, words) => return PublishOutcome::Refused(words),
        };
        if bytes >= LARGE_BYTES {
            let mut known = self.lock();
            known.large = known.large.min(bytes);
        }
        PublishOutcome::Unsendable(words)
    }

    /// The broker took a message of this size.
    pub fn clear(&self, key: Key, bytes: usize) {
        let mut known = self.lock();
        known.keys.remove(&key);
        if bytes >= known.large {
            known.large = bytes + 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
