//! A broker in memory: queues, unacknowledged deliveries, publishes without outcome, and lost connections.

use super::random::Random;
use bureaucrat_host::broker::{
    Broker, BrokerEvent, Delivery, DeliveryHandle, PublishOutcome, Source, Ticket,
};
use bureaucrat_model::Redelivered;
use bureaucrat_wire::{Mandatory, Outgoing, Properties};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A message in a queue.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its properties.
    pub properties: Properties,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether it may have been delivered before.
    pub redelivered: Redelivered,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    tag: u64,
    queues: BTreeMap<Source, VecDeque<Message>>,
    unacknowledged: BTreeMap<DeliveryHandle, Message>,
    commands: VecDeque<(Ticket, Outgoing)>,
    outside: BTreeMap<(String, String), VecDeque<Message>>,
    bound: BTreeMap<String, ()>,
}

/// A broker in memory.
#[derive(Debug, Default)]
pub struct SimulatedBroker {
    state: Mutex<State>,
}

impl SimulatedBroker {
    /// A client publishes to one of the engine's queues.
    pub fn publish_to_engine(&self, source: Source, properties: Properties, body: Vec<u8>) {
        let message = Message {
            properties,
            body,
            redelivered: Redelivered::No,
        };
        self.lock()
            .queues
            .entry(source)
            .or_default()
            .push_back(message);
    }

    /// Declares a queue outside of the engine; messages to undeclared ones are returned.
    pub fn declare(&self, queue: &str) {
        self.lock().bound.insert(queue.to_owned(), ());
    }

    /// Takes a message out of a queue outside of the engine, or out of an exchange's listener.
    pub fn take(&self, exchange: &str, routing_key: &str) -> Option<Message> {
        self.lock()
            .outside
            .get_mut(&(exchange.to_owned(), routing_key.to_owned()))?
            .pop_front()
    }

    /// Destinations that hold messages for somebody outside.
    pub fn waiting(&self) -> Vec<(String, String)> {
        let state = self.lock();
        state
            .outside
            .iter()
            .filter(|(_, queue)| !queue.is_empty())
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Whether anything is on its way into the engine, or published without outcome.
    pub fn is_quiet(&self) -> bool {
        let state = self.lock();
        state.queues.values().all(VecDeque::is_empty)
            && state.unacknowledged.is_empty()
            && state.commands.is_empty()
    }

    /// Delivers the next message of a queue.
    pub fn deliver(&self, source: Source) -> Option<BrokerEvent> {
        let mut state = self.lock();
        let message = state.queues.get_mut(&source)?.pop_front()?;
        state.tag += 1;
        let handle = DeliveryHandle {
            generation: state.generation,
            source,
            tag: state.tag,
        };
        state.unacknowledged.insert(handle, message.clone());
        Some(BrokerEvent::Delivered(Delivery {
            handle,
            redelivered: message.redelivered,
            properties: message.properties,
            body: message.body,
        }))
    }

    /// Does one publish that was asked for, not necessarily the first, and tells its outcome.
    pub fn settle(&self, random: &mut Random) -> Option<BrokerEvent> {
        let mut state = self.lock();
        let count = state.commands.len() as u64;
        if count == 0 {
            return None;
        }
        let place = usize::try_from(random.below(count)).unwrap_or(0);
        let (ticket, message) = state.commands.remove(place)?;
        let outcome = state.route(message);
        Some(BrokerEvent::Published { ticket, outcome })
    }

    /// Both connections are lost: what was not acknowledged comes again; a publish without outcome may have arrived.
    pub fn lose_connections(&self, random: &mut Random) -> Vec<BrokerEvent> {
        let mut state = self.lock();
        state.generation += 1;
        let unacknowledged = std::mem::take(&mut state.unacknowledged);
        for (handle, mut message) in unacknowledged.into_iter().rev() {
            message.redelivered = Redelivered::Perhaps;
            state
                .queues
                .entry(handle.source)
                .or_default()
                .push_front(message);
        }
        let mut events = Vec::new();
        for (ticket, message) in std::mem::take(&mut state.commands) {
            if random.once_in(2) {
                state.route(message);
            }
            events.push(BrokerEvent::Published {
                ticket,
                outcome: PublishOutcome::Lost,
            });
        }
        events.push(BrokerEvent::PublishingDown);
        events
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn route(&mut self, message: Outgoing) -> PublishOutcome {
        let known = !message.exchange.is_empty() || self.bound.contains_key(&message.routing_key);
        if !known && message.mandatory == Mandatory::Yes {
            return PublishOutcome::Unroutable;
        }
        let stored = Message {
            properties: message.properties,
            body: message.body,
            redelivered: Redelivered::No,
        };
        self.outside
            .entry((message.exchange, message.routing_key))
            .or_default()
            .push_back(stored);
        PublishOutcome::Confirmed
    }
}

impl Broker for SimulatedBroker {
    fn acknowledge(&self, delivery: DeliveryHandle) {
        let mut state = self.lock();
        if delivery.generation == state.generation {
            let known = state.unacknowledged.remove(&delivery);
            assert!(known.is_some(), "{delivery:?} was acknowledged twice");
        }
    }

    fn publish(&self, ticket: Ticket, message: Outgoing) {
        self.lock().commands.push_back((ticket, message));
    }
}
