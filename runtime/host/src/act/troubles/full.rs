//! Destinations that have so much waiting that they take no more.

use super::Destination;
use bureaucrat_model::lock;
use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

/// Bytes that are set aside for one destination; with more, new tasks for it are refused.
const ASIDE_MAX: u64 = 1 << 30;

/// Destinations for which so much is set aside that new tasks for them are refused.
#[derive(Debug, Default)]
pub struct Full {
    is_any: AtomicBool,
    destinations: Mutex<BTreeSet<Destination>>,
}

impl Full {
    /// Whether a destination takes no more.
    pub fn has(&self, exchange: &str, routing_key: &str) -> bool {
        if !self.is_any.load(Ordering::Acquire) {
            return false;
        }
        let destination = (exchange.to_owned(), routing_key.to_owned());
        self.lock().contains(&destination)
    }

    pub(super) fn set(&self, destination: &Destination, bytes: u64) {
        let is_full = bytes >= ASIDE_MAX;
        if !is_full && !self.is_any.load(Ordering::Acquire) {
            return;
        }
        let mut destinations = self.lock();
        if is_full {
            destinations.insert(destination.clone());
        } else {
            destinations.remove(destination);
        }
        self.is_any
            .store(!destinations.is_empty(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Destination>> {
        // A set is whole after a panic elsewhere.
        lock(&self.destinations)
    }
}
