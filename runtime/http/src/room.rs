//! Room for connections, and who gives way when there is none.
//!
//! A connection is a stranger's until a request with a token or a session has come over it. Strangers
//! have a share of their own: however many come, they close each other, and someone with a token gets
//! in. Among strangers, the one gives way that has been there longest of the network with the most. What they cost a
//! second is bounded by a [`Door`].

use crate::{
    door::{Door, Wish},
    network::Network,
};
use bureaucrat_model::lock;
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};
use tokio::sync::Notify;

/// The most connections of strangers.
pub const STRANGERS_MAX: usize = 256;
/// The most connections of those who have sent a token.
pub const KNOWN_MAX: usize = 768;
/// The most connections of one token, so that one that was stolen locks out no other.
pub const OF_TOKEN_MAX: usize = 384;

/// All connections.
pub struct Room {
    held: Mutex<Held>,
    door: Mutex<Door>,
}

#[derive(Default)]
struct Held {
    next: u64,
    /// In the order in which they came.
    strangers: BTreeMap<u64, Arc<Place>>,
    /// Each with the name of its token.
    known: BTreeMap<u64, (Arc<str>, Arc<Place>)>,
    /// How many strangers each network has.
    networks: HashMap<Network, usize>,
}

struct Place {
    network: Network,
    /// The connection has to end.
    end: Notify,
    /// Requests that are being answered, up to the last byte of an answer.
    answering: AtomicUsize,
    /// It has had its first request.
    has_asked: AtomicBool,
    /// A request was answered before its body was read.
    has_unread: AtomicBool,
}

/// A connection; it leaves when this is dropped.
pub struct Visit {
    room: Arc<Room>,
    visitor: Visitor,
}

/// A connection, as its requests see it.
#[derive(Clone)]
pub struct Visitor {
    number: u64,
    place: Arc<Place>,
}

/// As long as a request is being answered.
pub struct Busy(Arc<Place>);

/// There is no room for another connection with a token: all have requests under way.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Room {
    pub fn new(now: Instant) -> Self {
        Self {
            held: Mutex::default(),
            door: Mutex::new(Door::new(now)),
        }
    }

    /// Whether there is time for another stranger's connection.
    pub fn admits(&self, network: Network, wish: Wish, now: Instant) -> bool {
        self.door().admits(network, wish, now)
    }

    /// Whether there is time for another request of a connection. The first one has come with it, and those of somebody
    /// with a token have bounds of their own.
    pub fn hears(&self, visitor: &Visitor, now: Instant) -> bool {
        let Visitor { number, place } = visitor;
        !place.has_asked.swap(true, Relaxed)
            || !self.held().strangers.contains_key(number)
            || self.door().admits(place.network, Wish::Request, now)
    }

    /// A stranger comes; if there are too many, another one has to leave.
    pub fn enter(self: &Arc<Self>, network: Network) -> Visit {
        let mut held = self.held();
        if held.strangers.len() >= STRANGERS_MAX {
            held.send_stranger_away();
        }
        let visitor = Visitor {
            number: held.next,
            place: Arc::new(Place {
                network,
                end: Notify::new(),
                answering: AtomicUsize::new(0),
                has_asked: AtomicBool::new(false),
                has_unread: AtomicBool::new(false),
            }),
        };
        held.next += 1;
        *held.networks.entry(network).or_default() += 1;
        let place = visitor.place.clone();
        held.strangers.insert(visitor.number, place);
        drop(held);
        Visit {
            room: self.clone(),
            visitor,
        }
    }

    /// Sends a stranger away, because the system has nothing left for another connection.
    pub fn give_way(&self) {
        self.held().send_stranger_away();
    }

    /// The connection belongs to somebody with this token from now on. If there are too many, one without
    /// a request has to leave.
    ///
    /// # Errors
    /// If all others have requests under way.
    pub fn recognize(&self, visitor: &Visitor, token: &str) -> Result<(), Full> {
        let mut held = self.held();
        if !held.strangers.contains_key(&visitor.number) {
            return Ok(());
        }
        let is_its = |(_, (name, _)): &(&u64, &(Arc<str>, Arc<Place>))| **name == *token;
        let has_many = held.known.iter().filter(is_its).count() >= OF_TOKEN_MAX;
        if has_many || held.known.len() >= KNOWN_MAX {
            let mut places = held.known.iter();
            let gives_way = places.find(|known| {
                let (_, (_, place)) = known;
                (!has_many || is_its(known)) && place.answering.load(Relaxed) == 0
            });
            let (number, (_, place)) = gives_way.ok_or(Full)?;
            place.end.notify_one();
            let number = *number;
            held.known.remove(&number);
        }
        if let Some(place) = held.take_stranger(visitor.number) {
            self.door().acquaint(place.network, Instant::now());
            held.known.insert(visitor.number, (token.into(), place));
        }
        Ok(())
    }

    fn leave(&self, visitor: &Visitor) {
        let mut held = self.held();
        held.known.remove(&visitor.number);
        held.take_stranger(visitor.number);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        lock(&self.door)
    }
}

impl Held {
    fn send_stranger_away(&mut self) {
        let most = self.networks.iter().max_by_key(|(_, count)| **count);
        let Some((most, _)) = most else { return };
        let mut strangers = self.strangers.iter();
        let found = strangers.find(|(_, place)| place.network == *most);
        let Some(number) = found.map(|(number, _)| *number) else {
            return;
        };
        if let Some(place) = self.take_stranger(number) {
            place.end.notify_one();
        }
    }

    fn take_stranger(&mut self, number: u64) -> Option<Arc<Place>> {
        let place = self.strangers.remove(&number)?;
        if let Entry::Occupied(mut count) = self.networks.entry(place.network) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(place)
    }
}

impl Visit {
    /// For the requests of this connection.
    pub fn visitor(&self) -> Visitor {
        self.visitor.clone()
    }

    /// Waits until the connection has to give way.
    pub async fn sent_away(&self) {
        self.visitor.place.end.notified().await;
    }

    /// Whether a request was answered before its body was read.
    pub fn has_unread(&self) -> bool {
        self.visitor.place.has_unread.load(Relaxed)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.room.leave(&self.visitor);
    }
}

impl Visitor {
    /// A request is being answered until what this returns is dropped.
    pub fn busy(&self) -> Busy {
        self.place.answering.fetch_add(1, Relaxed);
        Busy(self.place.clone())
    }

    /// A request was answered before its body was read.
    pub fn leaves_unread(&self) {
        self.place.has_unread.store(true, Relaxed);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{
        future::Future,
        net::Ipv6Addr,
        task::{Context, Waker},
    };

    fn is_sent_away(visit: &Visit) -> bool {
        let mut sent_away = Box::pin(visit.sent_away());
        let mut context = Context::from_waker(Waker::noop());
        sent_away.as_mut().poll(&mut context).is_ready()
    }

    fn other(last: u16) -> Network {
        Network::of(Ipv6Addr::new(0x2001, 0xdb8, 0, last, 0, 0, 0, 1).into())
    }

    fn here() -> Network {
        Network::of(Ipv6Addr::LOCALHOST.into())
    }

    fn empty() -> Arc<Room> {
        Arc::new(Room::new(Instant::now()))
    }

    #[test]
    fn strangers_close_each_other_and_nobody_else() {
        let room = empty();
        let known = room.enter(here());
        room.recognize(&known.visitor(), "a").unwrap();
        let first = room.enter(here());
        let strangers: Vec<Visit> = (0..2 * STRANGERS_MAX).map(|_| room.enter(here())).collect();
        assert!(is_sent_away(&first) && !is_sent_away(&known));
        let left = strangers.iter().filter(|visit| !is_sent_away(visit));
        assert_eq!(left.count(), STRANGERS_MAX);
        // The newest are those that are left, and one of them may be known at any time.
        let last = strangers.last().unwrap();
        assert_eq!(room.recognize(&last.visitor(), "a"), Ok(()));
        drop((known, first, strangers));
        let held = room.held();
        assert!(held.strangers.is_empty() && held.known.is_empty() && held.networks.is_empty());
    }

    #[test]
    fn the_network_with_the_most_gives_way() {
        let room = empty();
        let one = room.enter(other(1));
        let flood: Vec<Visit> = (0..2 * STRANGERS_MAX).map(|_| room.enter(here())).collect();
        assert!(!is_sent_away(&one));
        drop(flood);
    }

    #[test]
    fn a_connection_without_a_request_gives_way_to_another_with_a_token() {
        let room = empty();
        let enter = |token: &str| {
            let visit = room.enter(here());
            room.recognize(&visit.visitor(), token).unwrap();
            visit
        };
        let names = ["a", "b"].into_iter().cycle();
        let visits: Vec<Visit> = names.take(KNOWN_MAX).map(enter).collect();
        let rest = visits[1..].iter();
        let busy: Vec<Busy> = rest.map(|visit| visit.visitor().busy()).collect();
        let last = enter("a");
        assert!(is_sent_away(&visits[0]) && !visits[1..].iter().any(is_sent_away));
        // Now all have requests under way.
        let _busy = last.visitor().busy();
        let other = room.enter(here());
        assert_eq!(room.recognize(&other.visitor(), "b"), Err(Full));
        drop(busy);
        assert_eq!(room.recognize(&other.visitor(), "b"), Ok(()));
        assert!(is_sent_away(&visits[1]));
    }

    #[test]
    fn one_token_leaves_room_for_others() {
        let room = empty();
        let mut held = Vec::new();
        for number in 0..=OF_TOKEN_MAX {
            let visit = room.enter(other(1));
            let recognized = room.recognize(&visit.visitor(), "stolen");
            assert_eq!(recognized.is_ok(), number < OF_TOKEN_MAX, "{number}");
            held.push((visit.visitor().busy(), visit));
        }
        let one = room.enter(other(2));
        assert_eq!(room.recognize(&one.visitor(), "a"), Ok(()));
        assert!(!is_sent_away(&one));
    }

    #[test]
    fn requests_of_strangers_have_a_bound_and_those_with_a_token_another() {
        let (room, now) = (empty(), Instant::now());
        let heard = |visit: &Visit| {
            let one_more = || room.hears(&visit.visitor(), now);
            let heard = std::iter::repeat_with(one_more).take(10_000);
            heard.take_while(|is_heard| *is_heard).count()
        };
        let stranger = room.enter(here());
        assert_eq!(heard(&stranger), 1 + 100 + 1_000);
        // The first request may have a token.
        let newcomer = room.enter(here());
        assert!(room.hears(&newcomer.visitor(), now) && !room.hears(&newcomer.visitor(), now));
        room.recognize(&newcomer.visitor(), "a").unwrap();
        assert_eq!(heard(&newcomer), 10_000);
        // Now its network is known.
        assert_eq!(heard(&stranger), 2_000);
    }
}
