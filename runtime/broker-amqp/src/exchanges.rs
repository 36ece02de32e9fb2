//! What is known of named exchanges, for a while: an exchange that does not exist closes the channel over a message.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long an exchange that was seen counts as there.
const SEEN_FOR: Duration = Duration::from_secs(60);
/// How long one that was missing counts as missing.
const MISSING_FOR: Duration = Duration::from_secs(5);
/// How many are remembered; their names may come from strangers' definitions.
const COUNT_MAX: usize = 1_000;

/// What is known of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    There,
    /// It was missing lately; the broker's words.
    Missing(String),
    Nothing,
}

/// The exchanges of one connection.
#[derive(Debug, Default)]
pub(crate) struct Exchanges(Mutex<HashMap<String, (Known, Instant)>>);

impl Exchanges {
    /// What is known of an exchange; the default one is always there.
    pub fn look(&self, exchange: &str) -> Known {
        if exchange.is_empty() {
            return Known::There;
        }
        match self.lock().get(exchange) {
            Some((known, until)) if *until > Instant::now() => known.clone(),
            Some(_) | None => Known::Nothing,
        }
    }

    /// Remembers what the broker said.
    pub fn learn(&self, exchange: &str, known: Known) {
        let span = match &known {
            Known::There => SEEN_FOR,
            Known::Missing(_) => MISSING_FOR,
            Known::Nothing => Duration::ZERO,
        };
        let mut map = self.lock();
        if map.len() >= COUNT_MAX {
            map.clear();
        }
        map.insert(exchange.to_owned(), (known, Instant::now() + span));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Known, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
