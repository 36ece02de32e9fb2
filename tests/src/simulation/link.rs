//! Connects an engine to the broker: the pure part of the AMQP crate, driven by the simulation.
//!
//! Acknowledgements of older connections are dropped; those of the current one go through the
//! production code's own [`Tracker`]. Publishes without a connection are lost at once.

use super::{
    Content, Facts, SimulatedBroker,
    facts::AckPlace,
    inbox::{INBOXES, Inbox},
};
use bureaucrat_broker_amqp::Tracker;
use bureaucrat_host::broker::{Broker, BrokerEvent, DeliveryHandle, PublishOutcome, Ticket};
use bureaucrat_model::ShardGroups;
use bureaucrat_wire::Outgoing;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// A publish in transit to the broker.
#[derive(Debug)]
pub(super) struct Wire {
    pub ticket: Ticket,
    pub message: Outgoing,
    pub row: Vec<u8>,
}

/// An engine's side of its connections.
#[derive(Debug, Default)]
pub(super) struct LinkState {
    pub connection: Option<u64>,
    pub generation: u64,
    pub trackers: [Tracker; INBOXES.len()],
    /// What was handed over, for the checks.
    pub handed: BTreeMap<DeliveryHandle, (Content, Vec<u8>)>,
    pub publishing: bool,
    pub wire: VecDeque<Wire>,
    pub confirms: Vec<(Ticket, PublishOutcome)>,
    /// The rows of tasks whose outcome this engine has not been told.
    pub tasks: BTreeMap<Ticket, Vec<u8>>,
    /// Tasks that the broker has confirmed to this engine: it may not publish them again.
    pub heard: BTreeMap<Vec<u8>, Ticket>,
    pub events: VecDeque<BrokerEvent>,
    /// Whether another engine has taken over, so that nothing is sent any more.
    pub is_replaced: bool,
    /// The groups of shards that it has of a store that it shares.
    pub groups: Option<ShardGroups>,
}

impl LinkState {
    pub fn consuming(&mut self, connection: u64) {
        self.connection = Some(connection);
        self.generation += 1;
        self.trackers = std::array::from_fn(|_| Tracker::new());
    }
}

#[derive(Debug)]
pub struct Link {
    broker: Arc<SimulatedBroker>,
    engine: u64,
    /// What is durable for this engine.
    facts: Arc<Facts>,
}

impl Link {
    /// The link of an engine; not connected yet.
    pub fn new(broker: Arc<SimulatedBroker>, engine: u64, facts: Arc<Facts>) -> Self {
        broker.lock().links.insert(engine, LinkState::default());
        Self {
            broker,
            engine,
            facts,
        }
    }
}

impl Broker for Link {
    fn acknowledge(&self, delivery: DeliveryHandle) {
        let mut state = self.broker.lock();
        let Some(link) = state.links.get_mut(&self.engine) else {
            return;
        };
        let inbox = Inbox::of(delivery.source, delivery.way);
        // What is forwarded says what it is once it is read.
        let delivery = DeliveryHandle {
            source: inbox.source(),
            ..delivery
        };
        match link.handed.remove(&delivery) {
            Some((content, body)) => self.facts.taken(&content, &body, AckPlace::Engine),
            None => self
                .facts
                .violate(format!("{delivery:?} was acknowledged twice")),
        }
        let is_current = link.connection.is_some() && delivery.generation == link.generation;
        if is_current {
            link.trackers[inbox.place()].acknowledge(delivery.tag);
        }
    }

    fn publish(&self, ticket: Ticket, message: Outgoing) {
        if self.broker.is_replaced(self.engine) {
            // Its lease is over: the message waits for another one.
            return;
        }
        let row = self.facts.published(&message);
        let mut state = self.broker.lock();
        let Some(link) = state.links.get_mut(&self.engine) else {
            return;
        };
        if let Some(heard) = link.heard.remove(&row)
            && !self.facts.may_come_again(&message)
        {
            let key = &message.routing_key;
            self.facts.violate(format!(
                "a task to `{key}` was published again as {ticket:?} though the confirm of {heard:?} was heard"
            ));
        }
        if message.routing_key.starts_with("worker_") {
            link.tasks.insert(ticket, row.clone());
        }
        if link.publishing {
            link.wire.push_back(Wire {
                ticket,
                message,
                row,
            });
        } else {
            let outcome = PublishOutcome::Lost;
            link.events
                .push_back(BrokerEvent::Published { ticket, outcome });
        }
    }
}
