//! How much of its time the server gives to strangers, and to whom when more come than it has time for.
//!
//! There are three parts of that time, so that none of those who may use one can take another's. Each network has a small
//! share of the first. The second is for networks from which a token has come of late, the third for anybody. One that
//! finds nothing in any of them is turned away before anything was done for it.

use crate::{
    bucket::{Bucket, Flow},
    network::Network,
};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// What one network has of the first part.
const SHARE: Flow = Flow {
    a_second: 20.0,
    at_once: 100.0,
};
/// The first part, for all networks together.
const SHARED: Flow = Flow {
    a_second: 500.0,
    at_once: 1_000.0,
};
/// The second part, for networks that are known.
const KNOWN: Flow = Flow {
    a_second: 1_000.0,
    at_once: 2_000.0,
};
/// The third part, for anybody.
const REST: Flow = Flow {
    a_second: 500.0,
    at_once: 1_000.0,
};
/// Shares that are remembered. A new one is full, and a share fills within seconds.
const SHARES_MAX: usize = 4_096;
/// Networks that are known at a time, and how long one is.
const KNOWN_MAX: usize = 1_024;
const KNOWN_FOR: Duration = Duration::from_secs(24 * 3_600);

/// What a stranger wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A connection, with its first request.
    Connection,
    /// The same with a TLS handshake, which is much more work.
    Handshake,
    /// Another request over a connection.
    Request,
}

impl Wish {
    const fn cost(self) -> f64 {
        match self {
            Self::Connection | Self::Request => 1.0,
            Self::Handshake => 4.0,
        }
    }
}

#[derive(Debug)]
pub struct Door {
    shares: HashMap<Network, Bucket>,
    shared: Bucket,
    /// When a token came from there last.
    acquainted: HashMap<Network, Instant>,
    known: Bucket,
    rest: Bucket,
}

impl Door {
    pub fn new(now: Instant) -> Self {
        Self {
            shares: HashMap::new(),
            shared: Bucket::full(&SHARED, now),
            acquainted: HashMap::new(),
            known: Bucket::full(&KNOWN, now),
            rest: Bucket::full(&REST, now),
        }
    }

    /// Whether there is time for what a stranger from there wants.
    pub fn admits(&mut self, network: Network, wish: Wish, now: Instant) -> bool {
        let cost = wish.cost();
        if self.shares.len() >= SHARES_MAX && !self.shares.contains_key(&network) {
            self.shares.clear();
        }
        let share = self.shares.entry(network);
        let share = share.or_insert_with(|| Bucket::full(&SHARE, now));
        let shares = share.take(&SHARE, cost, now) && self.shared.take(&SHARED, cost, now);
        shares
            || (self.knows(network, now) && self.known.take(&KNOWN, cost, now))
            || self.rest.take(&REST, cost, now)
    }

    /// A token has come from there.
    pub fn acquaint(&mut self, network: Network, now: Instant) {
        if self.acquainted.len() >= KNOWN_MAX && !self.acquainted.contains_key(&network) {
            let oldest = self.acquainted.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(network, _)| *network) {
                self.acquainted.remove(&oldest);
            }
        }
        self.acquainted.insert(network, now);
    }

    fn knows(&self, network: Network, now: Instant) -> bool {
        let at = self.acquainted.get(&network);
        at.is_some_and(|at| now.saturating_duration_since(*at) < KNOWN_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn network(number: u32) -> Network {
        Network::of(Ipv4Addr::from(number).into())
    }

    /// How many of a flood get in.
    fn flood(door: &mut Door, networks: std::ops::Range<u32>, wish: Wish, now: Instant) -> usize {
        let came = (0..20_000).zip(networks.cycle());
        came.filter(|(_, from)| door.admits(network(*from), wish, now))
            .count()
    }

    #[test]
    fn many_at_once_get_in_and_a_flood_does_not() {
        let now = Instant::now();
        let mut door = Door::new(now);
        assert_eq!(flood(&mut door, 0..1, Wish::Connection, now), 1_100);
        let later = now + Duration::from_secs(1);
        assert_eq!(flood(&mut door, 0..1, Wish::Connection, later), 520);
        // Of all networks together.
        let later = later + Duration::from_secs(60);
        assert_eq!(flood(&mut door, 0..9_999, Wish::Request, later), 2_000);
        let later = later + Duration::from_secs(1);
        assert_eq!(flood(&mut door, 0..9_999, Wish::Request, later), 1_000);
    }

    #[test]
    fn a_handshake_is_as_much_as_four_connections() {
        let now = Instant::now();
        let mut door = Door::new(now);
        assert_eq!(flood(&mut door, 0..1, Wish::Handshake, now), 275);
    }

    #[test]
    fn one_network_leaves_the_shares_of_others() {
        let now = Instant::now();
        let mut door = Door::new(now);
        flood(&mut door, 0..1, Wish::Connection, now);
        let others = (1..11).filter(|other| door.admits(network(*other), Wish::Connection, now));
        assert_eq!(others.count(), 10);
    }

    #[test]
    fn who_has_shown_a_token_gets_in_beside_a_flood_from_everywhere() {
        let now = Instant::now();
        let mut door = Door::new(now);
        let friend = network(1 << 24);
        door.acquaint(friend, now);
        flood(&mut door, 0..9_999, Wish::Connection, now);
        let in_time = now + KNOWN_FOR - Duration::from_secs(1);
        flood(&mut door, 0..9_999, Wish::Connection, in_time);
        for _ in 0..2_000 {
            assert!(door.admits(friend, Wish::Connection, in_time));
        }
        assert!(!door.admits(friend, Wish::Connection, in_time));
        // Not for good.
        let too_late = now + KNOWN_FOR;
        flood(&mut door, 0..9_999, Wish::Connection, too_late);
        assert!(!door.admits(friend, Wish::Connection, too_late));
    }

    #[test]
    fn what_is_remembered_of_networks_has_a_bound() {
        let now = Instant::now();
        let mut door = Door::new(now);
        for number in 0..10_000 {
            let later = now + Duration::from_millis(u64::from(number));
            door.admits(network(number), Wish::Connection, later);
            door.acquaint(network(number), later);
        }
        assert!(door.shares.len() <= SHARES_MAX);
        assert_eq!(door.acquainted.len(), KNOWN_MAX);
        assert!(door.knows(network(9_999), now) && !door.knows(network(1), now));
    }
}
