//! Intake: what comes from the broker, until it is planned. What waits here is not acknowledged;
//! the broker's side bounds how many bytes that can be.

mod arrivals;
mod cancelling;
mod definition;
pub(crate) mod deploying;
mod failures;
pub mod forwarded;
mod forwarding;
mod keyed;
pub(crate) mod large;
pub(crate) mod launches;
pub(crate) mod launching;
pub(crate) mod modules;
pub(crate) mod named;
mod origin;
pub(crate) mod refusal;
pub mod router;
pub mod waiting;

pub(crate) use arrivals::SeenRecord;

use crate::{broker::Delivery, config::HostConfig};
use failures::Failures;
use large::{Large, LargeClaim};
use router::{Arrival, Router};
use std::{collections::VecDeque, sync::Arc};

type Waiting = (Delivery, Arrival);

/// Deliveries that wait for room in the outbox or the store, or, if they are large or compressed,
/// for others like them.
pub struct Intake {
    bounds: Arc<Large>,
    router: Arc<Router>,
    held: VecDeque<Waiting>,
    large: VecDeque<Waiting>,
    /// Large ones on their way to the store.
    under_way: Vec<LargeClaim>,
    pub failures: Failures,
}

impl Intake {
    pub fn new(bounds: Arc<Large>, router: Arc<Router>, config: &HostConfig) -> Self {
        Self {
            bounds,
            router,
            held: VecDeque::new(),
            large: VecDeque::new(),
            under_way: Vec::new(),
            failures: Failures::new(config.celery_events),
        }
    }

    /// Lets a delivery pass, unless it must wait for its turn.
    pub fn pass(&mut self, delivery: Delivery, arrival: Arrival) -> Option<Waiting> {
        let is_packed = matches!(arrival, Arrival::Packed(_));
        if is_packed || self.bounds.concerns(delivery.body.len()) {
            self.large.push_back((delivery, arrival));
            return None;
        }
        Some((delivery, arrival))
    }

    /// Holds a delivery until there is room.
    pub fn hold(&mut self, delivery: Delivery, arrival: Arrival) -> Option<Waiting> {
        self.held.push_back((delivery, arrival));
        None
    }

    pub fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    pub fn has_large(&self) -> bool {
        !self.large.is_empty()
    }

    pub fn next_held(&mut self) -> Option<Waiting> {
        self.held.pop_front()
    }

    /// The next large delivery, if there is room for one; unpacked if it is compressed.
    pub fn next_large(&mut self) -> Option<Waiting> {
        if !self.bounds.has_room() {
            return None;
        }
        let (delivery, arrival) = self.large.pop_front()?;
        let unpacked = match &arrival {
            Arrival::Packed(packed) => Some(self.router.unpack(&delivery, packed)),
            Arrival::Launch { .. }
            | Arrival::Answer(_)
            | Arrival::Event { .. }
            | Arrival::EventPart { .. }
            | Arrival::Between(_)
            | Arrival::Unreadable(_) => None,
        };
        let (mut arrival, bytes) = unpacked.unwrap_or((arrival, delivery.body.len()));
        let claim = Some(self.bounds.claim(bytes));
        let claim = match &mut arrival {
            Arrival::Launch { text, .. } => claim.and_then(|claim| text.keep(claim)),
            Arrival::Answer(_)
            | Arrival::Event { .. }
            | Arrival::EventPart { .. }
            | Arrival::Between(_)
            | Arrival::Packed(_)
            | Arrival::Unreadable(_) => claim,
        };
        self.under_way.extend(claim);
        Some((delivery, arrival))
    }

    /// The claims of those in progress, to keep until they are stored.
    pub fn take_under_way(&mut self) -> Vec<LargeClaim> {
        std::mem::take(&mut self.under_way)
    }

    /// Drops deliveries of connections up to this one: they will be redelivered.
    pub fn drop_stale(&mut self, generation: u64) {
        let is_current = |(delivery, _): &Waiting| delivery.handle.generation > generation;
        self.held.retain(is_current);
        self.large.retain(is_current);
        self.failures.drop_stale(generation);
    }
}
