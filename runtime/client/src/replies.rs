//! Replies, brought to whoever waits for them by correlation id.

use bureaucrat_wire::{Reply, WireLimits, decode_reply};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::mpsc;

/// What came for a launch: a reply, or why it can't be read.
pub(crate) type Incoming = Result<Reply, String>;

/// Replies that one launch can have: launched or rejected, and its end.
const REPLIES: usize = 4;

/// Who waits for which correlation id.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    waiting: Mutex<HashMap<String, mpsc::Sender<Incoming>>>,
}

impl Replies {
    /// Waits for replies to `correlation_id`.
    pub(crate) fn expect(&self, correlation_id: &str) -> mpsc::Receiver<Incoming> {
        let (sender, receiver) = mpsc::channel(REPLIES);
        self.lock().insert(correlation_id.to_owned(), sender);
        receiver
    }

    /// Waits no longer.
    pub(crate) fn forget(&self, correlation_id: &str) {
        self.lock().remove(correlation_id);
    }

    /// Brings a message to whoever waits for it; others are dropped.
    pub(crate) fn bring(&self, correlation_id: &str, body: &[u8]) {
        let reply =
            decode_reply(body, &WireLimits::default()).map_err(|unreadable| unreadable.to_string());
        if let Some(sender) = self.lock().get(correlation_id) {
            // A full channel means more replies than a launch can have: repeats after a crash of the engine.
            let _ = sender.try_send(reply);
        }
    }

    /// Nothing comes any more: every waiter learns of it by the end of its channel.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<Incoming>>> {
        // Map operations leave nothing half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
