//! What is known about named exchanges, for a while: publishing to a missing exchange closes the
//! channel.

use bureaucrat_model::lock;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// How long an exchange counts as existing after it was seen.
const SEEN_FOR: Duration = Duration::from_secs(60);
/// How long an exchange counts as missing.
const MISSING_FOR: Duration = Duration::from_secs(5);
/// How many are remembered; strangers' definitions may choose their names.
const COUNT_MAX: usize = 1_000;

/// What is known about an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    There,
    /// It was missing recently; holds the broker's words.
    Missing(String),
    Nothing,
}

/// The exchanges of one connection.
#[derive(Debug, Default)]
pub(crate) struct Exchanges(Mutex<HashMap<String, (Known, Instant)>>);

impl Exchanges {
    /// What is known about an exchange; the default one always exists.
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
        lock(&self.0)
    }
}
