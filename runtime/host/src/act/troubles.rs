//! Failing destinations: an exchange and a routing key that currently take nothing.
//!
//! What waits for such a destination is set aside: it leaves memory and the outbox's table, and is
//! found again through an index of destinations. One message at a time tries the destination, less
//! and less often. Once one is taken, what was set aside is sent in portions, in turn with all
//! other destinations. This module keeps counts and times; the store keeps the rows.

mod full;
mod told;

pub use full::Full;

use crate::tenants::Claim;
use bureaucrat_model::{Millis, Timestamp};
use bureaucrat_store::keys::{DestinationHash, OutboxKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    fmt,
    sync::Arc,
};

/// A destination: exchange and routing key.
pub type Destination = (String, String);

/// The first and the longest wait before a destination is tried again.
const BACKOFF_FIRST: Millis = Millis(500);
const BACKOFF_LAST: Millis = Millis(15_000);

/// Why a destination takes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// No queue is bound there.
    NoQueue,
    /// The broker refuses it; its words.
    Refused { words: String },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoQueue => f.write_str("there is no such queue"),
            Self::Refused { words } => f.write_str(words),
        }
    }
}

/// The state of a failing destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It will be tried at this time.
    Waiting { next: Timestamp },
    /// A message is trying it.
    Probing,
    /// It takes messages again: what was set aside is being sent.
    Draining,
}

#[derive(Debug)]
struct Trouble {
    hash: DestinationHash,
    phase: Phase,
    attempts: u32,
    /// Why it took nothing last; none when nothing was tried in this run.
    reason: Option<Reason>,
    /// Bytes that were set aside, as far as is known.
    bytes: u64,
    /// Rows whose setting aside is not durable yet: the index does not have them.
    planned: usize,
    /// Where reading the index continues.
    from: Option<OutboxKey>,
    /// Read, but not published yet.
    read: VecDeque<OutboxKey>,
    under_way: usize,
}

/// The destinations in trouble.
#[derive(Debug, Default)]
pub struct Troubles {
    full: Arc<Full>,
    of: BTreeMap<Destination, Trouble>,
    /// Destinations that are being served, in turn.
    draining: VecDeque<Destination>,
    /// Rows that were set aside and are being published.
    flying: HashSet<OutboxKey>,
    /// Finished rows whose removal is not durable: the store still has them.
    leaving: HashSet<OutboxKey>,
    /// The users that rows set aside count against.
    claims: HashMap<OutboxKey, Claim>,
}

/// Whether a destination's failure is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Began,
    Ended,
    None,
}

/// What a driver does for a destination that may have something to send.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Publish this row.
    Publish(OutboxKey),
    /// Read the index from this row on.
    Read(Option<OutboxKey>),
    Nothing,
}

impl Troubles {
    pub fn new(full: Arc<Full>) -> Self {
        Self {
            full,
            ..Self::default()
        }
    }

    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Whether new messages to a destination are set aside at once.
    pub fn sets_aside(&self, destination: &Destination) -> bool {
        let trouble = self.of.get(destination);
        trouble.is_some_and(|trouble| trouble.phase != Phase::Draining)
    }

    /// When the next destination is tried.
    pub fn next_try(&self) -> Option<Timestamp> {
        let times = self.of.values().filter_map(|trouble| match trouble.phase {
            Phase::Waiting { next } => Some(next),
            Phase::Probing | Phase::Draining => None,
        });
        times.min()
    }

    /// A row of an earlier run is set aside.
    pub fn found(
        &mut self,
        destination: &Destination,
        key: OutboxKey,
        bytes: u64,
        claim: Option<Claim>,
    ) {
        let trouble = self.trouble(destination, Timestamp(0));
        trouble.bytes += bytes;
        let bytes = trouble.bytes;
        self.full.set(destination, bytes);
        self.claims.extend(claim.map(|claim| (key, claim)));
    }

    /// A row will be set aside by the next submission.
    pub fn set_aside(
        &mut self,
        destination: &Destination,
        key: OutboxKey,
        bytes: usize,
        claim: Option<Claim>,
        now: Timestamp,
    ) -> DestinationHash {
        let trouble = self.trouble(destination, now);
        trouble.bytes += bytes as u64;
        trouble.planned += 1;
        let (hash, bytes) = (trouble.hash, trouble.bytes);
        self.full.set(destination, bytes);
        self.claims.extend(claim.map(|claim| (key, claim)));
        hash
    }

    /// The setting aside of a row is durable.
    pub fn durable(&mut self, destination: &Destination) {
        if let Some(trouble) = self.of.get_mut(destination) {
            trouble.planned = trouble.planned.saturating_sub(1);
        }
    }

    /// A destination refused a message.
    pub fn refused(&mut self, destination: &Destination, reason: &Reason, now: Timestamp) -> News {
        let is_new = !self.of.contains_key(destination);
        let trouble = self.trouble(destination, now);
        trouble.reason = Some(reason.clone());
        // Messages that were in flight when the first one was returned say nothing new.
        if is_new || trouble.phase == Phase::Probing || trouble.phase == Phase::Draining {
            trouble.attempts = trouble.attempts.saturating_add(1);
            let wait = BACKOFF_FIRST.0 << (trouble.attempts - 1).min(10);
            let next = now.after(Millis(wait.min(BACKOFF_LAST.0)));
            trouble.phase = Phase::Waiting { next };
            trouble.from = None;
            trouble.read.clear();
            self.draining.retain(|other| other != destination);
        }
        if is_new { News::Began } else { News::None }
    }

    /// A destination took a message.
    pub fn taken(&mut self, destination: &Destination) {
        if let Some(trouble) = self.of.get_mut(destination)
            && trouble.phase != Phase::Draining
        {
            trouble.phase = Phase::Draining;
            trouble.attempts = 0;
            self.draining.push_back(destination.clone());
        }
    }

    /// A destination that is due to be tried, and the first row that was set aside for it.
    pub fn due(&mut self, now: Timestamp) -> Option<(Destination, DestinationHash)> {
        let is_due =
            |trouble: &Trouble| matches!(trouble.phase, Phase::Waiting { next } if next <= now);
        let (destination, trouble) = self.of.iter_mut().find(|(_, trouble)| is_due(trouble))?;
        trouble.phase = Phase::Probing;
        Some((destination.clone(), trouble.hash))
    }

    /// There was nothing to try a destination with. It is forgotten, unless a row is about to enter
    /// the index.
    pub fn nothing_to_try(&mut self, destination: &Destination, now: Timestamp) -> News {
        match self.of.get_mut(destination) {
            Some(trouble) if trouble.planned > 0 => {
                let next = now.after(BACKOFF_FIRST);
                trouble.phase = Phase::Waiting { next };
                News::None
            }
            Some(_) => {
                self.full.set(destination, 0);
                self.of.remove(destination);
                News::Ended
            }
            None => News::None,
        }
    }

    /// A destination was due, but nothing was published: it is tried a little later.
    pub fn was_not_tried(&mut self, destination: &Destination, now: Timestamp) {
        if let Some(trouble) = self.of.get_mut(destination)
            && trouble.phase == Phase::Probing
            && trouble.under_way == 0
        {
            let next = now.after(BACKOFF_FIRST);
            trouble.phase = Phase::Waiting { next };
        }
    }

    /// A row is no longer needed; it is unknown whether it was set aside.
    pub fn withdrawn(&mut self, key: OutboxKey) {
        self.claims.remove(&key);
        self.leaving.insert(key);
    }

    /// A row that was set aside is being published.
    pub fn published(&mut self, destination: &Destination, key: OutboxKey) {
        self.flying.insert(key);
        if let Some(trouble) = self.of.get_mut(destination) {
            trouble.under_way += 1;
        }
    }

    /// A publish of a row that was set aside has its outcome.
    pub fn landed(&mut self, destination: &Destination, key: OutboxKey) {
        self.flying.remove(&key);
        if let Some(trouble) = self.of.get_mut(destination) {
            trouble.under_way = trouble.under_way.saturating_sub(1);
        }
    }

    /// The try of a destination was lost with its connection: another follows as soon as publishing
    /// works.
    pub fn lost(&mut self, destination: &Destination, key: OutboxKey, now: Timestamp) {
        let Some(trouble) = self.of.get_mut(destination) else {
            return;
        };
        match trouble.phase {
            Phase::Probing => trouble.phase = Phase::Waiting { next: now },
            Phase::Draining => trouble.read.push_front(key),
            Phase::Waiting { .. } => {}
        }
    }

    /// Whether a stored row is already being sent.
    pub fn is_leaving(&self, key: OutboxKey) -> bool {
        self.leaving.contains(&key) || self.flying.contains(&key)
    }

    /// The removal of a row that was set aside is durable.
    pub fn left(&mut self, key: OutboxKey) {
        self.leaving.remove(&key);
    }

    /// The message that tried a destination says nothing about it: the next one tries at once.
    pub fn tells_nothing(&mut self, destination: &Destination, now: Timestamp) {
        if let Some(trouble) = self.of.get_mut(destination)
            && trouble.phase == Phase::Probing
        {
            trouble.phase = Phase::Waiting { next: now };
        }
    }

    /// A row that was set aside is gone for good.
    pub fn gone(&mut self, destination: &Destination, key: OutboxKey, bytes: usize) {
        self.claims.remove(&key);
        self.leaving.insert(key);
        if let Some(trouble) = self.of.get_mut(destination) {
            trouble.bytes = trouble.bytes.saturating_sub(bytes as u64);
            self.full.set(destination, trouble.bytes);
            trouble.read.retain(|other| *other != key);
        }
    }

    /// The next destination to serve, and what to do for it.
    pub fn serve(&mut self) -> Option<(Destination, DestinationHash, Next)> {
        let destination = self.draining.pop_front()?;
        let trouble = self.of.get_mut(&destination)?;
        let hash = trouble.hash;
        let is_full = trouble.under_way >= UNDER_WAY;
        let next = match trouble.read.pop_front_if(|_| !is_full) {
            Some(key) => Next::Publish(key),
            None if trouble.under_way > 0 => Next::Nothing,
            None => Next::Read(trouble.from),
        };
        self.draining.push_back(destination.clone());
        Some((destination, hash, next))
    }

    /// The number of destinations being served.
    pub fn served(&self) -> usize {
        self.draining.len()
    }

    /// A portion of the index was read. Reports when nothing is left.
    pub fn read(&mut self, destination: &Destination, keys: Vec<OutboxKey>) -> News {
        let (leaving, flying) = (&self.leaving, &self.flying);
        let Some(trouble) = self.of.get_mut(destination) else {
            return News::None;
        };
        if let Some(last) = keys.last() {
            trouble.from = Some(*last);
            let stays = |key: &OutboxKey| !leaving.contains(key) && !flying.contains(key);
            trouble.read = keys.into_iter().filter(stays).collect();
            return News::None;
        }
        // Another pass finds what was set aside behind the current position.
        if trouble.from.take().is_some() || trouble.planned > 0 {
            return News::None;
        }
        self.full.set(destination, 0);
        self.of.remove(destination);
        self.draining.retain(|other| other != destination);
        News::Ended
    }

    fn trouble(&mut self, destination: &Destination, now: Timestamp) -> &mut Trouble {
        self.of
            .entry(destination.clone())
            .or_insert_with(|| Trouble {
                hash: hash_of(destination),
                phase: Phase::Waiting { next: now },
                attempts: 0,
                reason: None,
                bytes: 0,
                planned: 0,
                from: None,
                read: VecDeque::new(),
                under_way: 0,
            })
    }
}

/// Publishes from one destination's backlog in flight.
const UNDER_WAY: usize = 64;

fn hash_of((exchange, routing_key): &Destination) -> DestinationHash {
    let digest = Sha256::new()
        .chain_update((exchange.len() as u64).to_be_bytes())
        .chain_update(exchange)
        .chain_update(routing_key)
        .finalize();
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest[..16]);
    DestinationHash(hash)
}
