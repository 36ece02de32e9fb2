//! Messages that may make the broker close a channel or a connection, and are therefore published
//! carefully.
//!
//! The keys of messages that were in flight when it happened are remembered, and so is what their
//! culprit says about others: a message at least as large as one that was too large is suspicious
//! too. A direct reply-to address in a form that RabbitMQ would not write is always suspicious.

use crate::{
    connection::Closed,
    flights::{Job, Key},
};
use bureaucrat_host::broker::PublishOutcome;
use bureaucrat_model::lock;
use bureaucrat_wire::ReplyAddress;
use lapin::protocol::AMQPSoftError;
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard},
};

/// How many keys are remembered.
const KEYS_MAX: usize = 100_000;
/// A culprit smaller than this was hardly refused for its size.
const LARGE_BYTES: usize = 32 << 10;

#[derive(Debug)]
struct Known {
    keys: HashSet<Key>,
    /// A message of this size or more may be too large.
    large: usize,
}

/// What is known about messages that may close a channel.
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
    /// Whether a message must be published carefully. Its key depends on its whole body, so it is
    /// computed only if needed.
    pub fn contains(&self, job: &Job, key: impl FnOnce() -> Key) -> bool {
        let message = &job.message;
        let known = self.lock();
        (!known.keys.is_empty() && known.keys.contains(&key()))
            || message.body.len() >= known.large
            || (message.exchange.is_empty()
                && ReplyAddress::is_direct(&message.routing_key)
                && ReplyAddress::direct_node(&message.routing_key).is_none())
    }

    /// A message was in flight when its channel was closed.
    pub fn add(&self, key: Key) {
        let mut known = self.lock();
        if known.keys.len() >= KEYS_MAX {
            known.keys.clear();
        }
        known.keys.insert(key);
    }

    /// The broker closed because of a message of this size: returns its outcome.
    pub fn convict(&self, closed: Closed, key: Key, bytes: usize) -> PublishOutcome {
        self.add(key);
        let words = match closed {
            Closed::Connection(words)
            | Closed::Channel(
                AMQPSoftError::PRECONDITIONFAILED | AMQPSoftError::CONTENTTOOLARGE,
                words,
            ) => words,
            // The exchange is missing or may not be written to: not the message's fault.
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
        lock(&self.0)
    }
}
