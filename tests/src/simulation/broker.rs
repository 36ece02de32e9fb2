//! The broker: queues, connections with channels of raw tags, the owner queue, publisher confirms
//! and returns.
//!
//! It treats acknowledgements like RabbitMQ: a cumulative one covers everything up to its tag, and
//! a tag that the channel does not know closes it. A [`Link`](super::Link) connects it to an
//! engine.

use super::{
    Content, Facts, Random,
    facts::AckPlace,
    inbox::{Forwards, INBOXES, Inbox},
    link::LinkState,
};
use bureaucrat_broker_amqp::{Ack, Stragglers};
use bureaucrat_host::broker::{BrokerEvent, Delivery, DeliveryHandle, Hold, Sender, Source};
use bureaucrat_model::{Redelivered, lock};
use bureaucrat_wire::Properties;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

/// The queues of the engine.
pub const SOURCES: [Source; 4] = [
    Source::Launches,
    Source::Answers,
    Source::Events,
    Source::Results,
];

/// The queue of dead letters, and the exchange of notices.
pub const DEAD: &str = "bureaucrat_dead";
/// See [`DEAD`].
pub const NOTICES: &str = "bureaucrat.processes";

/// The number of a second engine's link; others count from 1.
pub(super) const RIVAL: u64 = 0;

/// Deliveries of a channel that may be unacknowledged at the same time.
const PREFETCH: usize = 12;

/// A message to the engine.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it is, known to its publisher.
    pub content: Content,
    pub properties: Properties,
    pub body: Vec<u8>,
    /// Whether it may have been delivered before.
    pub redelivered: Redelivered,
}

/// A message from the engine.
#[derive(Debug, Clone)]
pub struct Sent {
    pub properties: Properties,
    pub body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Channel {
    tag: u64,
    unacknowledged: BTreeMap<u64, Message>,
    /// Delivered, in transit to the engine.
    deliveries: VecDeque<u64>,
    /// Sent, in transit to the broker.
    acknowledgements: VecDeque<Ack>,
}

#[derive(Debug)]
struct Consumer {
    engine: u64,
    channels: [Channel; INBOXES.len()],
}

#[derive(Debug, Default)]
pub(super) struct State {
    queues: [VecDeque<Message>; SOURCES.len()],
    pub forwards: Forwards,
    consumers: BTreeMap<u64, Consumer>,
    pub owner: Option<u64>,
    connections: u64,
    pub links: BTreeMap<u64, LinkState>,
    pub outside: BTreeMap<String, VecDeque<Sent>>,
    pub declared: BTreeSet<String>,
    pub blocked: bool,
}

#[derive(Debug)]
pub struct SimulatedBroker {
    state: Mutex<State>,
    pub(super) facts: Arc<Facts>,
}

impl SimulatedBroker {
    /// A broker without participants' queues.
    pub fn new(facts: Arc<Facts>) -> Self {
        Self {
            state: Mutex::default(),
            facts,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Publishes to one of the engine's queues.
    pub fn publish_to_engine(&self, source: Source, message: Message) {
        self.facts.sent(source, &message);
        self.lock().queues[Inbox::Own(source).place()].push_back(message);
    }

    /// Declares a queue or exchange outside the engine; messages to undeclared ones are
    /// returned.
    pub fn declare(&self, name: &str) {
        self.lock().declared.insert(name.to_owned());
    }

    /// Deletes a queue if it is empty, or an exchange.
    pub fn delete(&self, name: &str) -> bool {
        let mut state = self.lock();
        let empty = name == NOTICES || state.outside.get(name).is_none_or(VecDeque::is_empty);
        empty && state.declared.remove(name)
    }

    /// Whether a queue exists.
    pub fn is_declared(&self, name: &str) -> bool {
        self.lock().declared.contains(name)
    }

    /// Blocks or unblocks publishers.
    pub fn set_blocked(&self, blocked: bool) {
        self.lock().blocked = blocked;
    }

    /// Whether nothing is in transit to or from the engine.
    pub fn is_quiet(&self) -> bool {
        let state = self.lock();
        state.queues.iter().all(VecDeque::is_empty)
            && state.forwards.is_empty()
            && state.consumers.values().all(|consumer| {
                consumer
                    .channels
                    .iter()
                    .all(|channel| channel.unacknowledged.is_empty())
            })
            && state
                .links
                .values()
                .all(|link| link.wire.is_empty() && link.confirms.is_empty())
            && state.outside.values().all(VecDeque::is_empty)
    }

    /// An engine asks for the owner queue, and consumes if it gets it, which it must be told.
    /// Nothing if another engine has the queue.
    pub fn consume(&self, engine: u64) -> Option<BrokerEvent> {
        let mut state = self.lock();
        let is_sharing = state.links.get(&engine)?.groups.is_some();
        if state.owner.is_some() && !is_sharing {
            return None;
        }
        state.connections += 1;
        let connection = state.connections;
        if !is_sharing {
            state.owner.get_or_insert(connection);
        }
        let channels = std::array::from_fn(|_| Channel::default());
        state
            .consumers
            .insert(connection, Consumer { engine, channels });
        let [_, answers, events, results] = &state.queues;
        let waiting = (answers.len() + events.len() + results.len()) as u64;
        let link = state.links.get_mut(&engine)?;
        link.consuming(connection);
        Some(BrokerEvent::ConsumingUp {
            generation: link.generation,
            waiting,
        })
    }

    pub fn consumes(&self, engine: u64) -> bool {
        self.lock()
            .links
            .get(&engine)
            .is_some_and(|link| link.connection.is_some())
    }

    /// An engine's consuming connection breaks on the engine's side, and the engine must be told.
    /// The broker notices later, in [`Self::notice`]. Returns the connection's generation.
    pub fn break_consuming(&self, engine: u64) -> Option<u64> {
        let mut state = self.lock();
        let link = state.links.get_mut(&engine)?;
        link.connection.take()?;
        Some(link.generation)
    }

    /// The broker notices connections whose engine is gone, and redelivers what was not
    /// acknowledged.
    pub fn notice(&self, random: &mut Random) {
        let mut state = self.lock();
        let connected: BTreeSet<_> = state
            .links
            .values()
            .filter_map(|link| link.connection)
            .collect();
        let gone: Vec<u64> = state
            .consumers
            .keys()
            .copied()
            .filter(|id| !connected.contains(id))
            .collect();
        for connection in gone {
            self.close(&mut state, connection, random);
        }
    }

    fn close(&self, state: &mut State, connection: u64, random: &mut Random) {
        let Some(mut consumer) = state.consumers.remove(&connection) else {
            return;
        };
        if state.owner == Some(connection) {
            state.owner = None;
        }
        for (inbox, channel) in INBOXES.into_iter().zip(&mut consumer.channels) {
            if inbox == Inbox::Forwarded && channel.tag == 0 {
                continue;
            }
            // Some of what was in transit arrived before.
            let arrived = random.place(channel.acknowledgements.len() + 1);
            for ack in channel
                .acknowledgements
                .drain(..arrived)
                .collect::<Vec<_>>()
            {
                self.acknowledged(channel, ack);
            }
            for (_, mut message) in std::mem::take(&mut channel.unacknowledged)
                .into_iter()
                .rev()
            {
                if !random.once_in(4) {
                    message.redelivered = Redelivered::Perhaps;
                }
                match inbox {
                    Inbox::Own(_) => state.queues[inbox.place()].push_front(message),
                    Inbox::Forwarded => state.forwards.give_back(message),
                }
            }
        }
        for link in state.links.values_mut() {
            if link.connection == Some(connection) {
                link.connection = None;
            }
        }
    }

    /// Sends the next message of a queue to the engine that consumes it.
    pub fn deliver(&self, engine: u64, inbox: impl Into<Inbox>) -> bool {
        let inbox = inbox.into();
        let mut state = self.lock();
        let State {
            links,
            consumers,
            queues,
            forwards,
            ..
        } = &mut *state;
        let link = links.get(&engine);
        let groups = link.and_then(|link| link.groups);
        if !inbox.is_consumed(groups) {
            return false;
        }
        let connection = link.and_then(|link| link.connection);
        let Some(consumer) = connection.and_then(|connection| consumers.get_mut(&connection))
        else {
            return false;
        };
        let channel = &mut consumer.channels[inbox.place()];
        if channel.unacknowledged.len() >= PREFETCH {
            return false;
        }
        let next = match inbox {
            Inbox::Own(_) => queues[inbox.place()].pop_front(),
            Inbox::Forwarded => groups.and_then(|groups| forwards.next_of(groups)),
        };
        let Some(message) = next else {
            return false;
        };
        channel.tag += 1;
        channel.unacknowledged.insert(channel.tag, message);
        channel.deliveries.push_back(channel.tag);
        true
    }

    /// The next delivery of a channel reaches its engine.
    pub fn arrive(&self, engine: u64, inbox: impl Into<Inbox>) -> Option<BrokerEvent> {
        let inbox = inbox.into();
        let mut state = self.lock();
        let State {
            links, consumers, ..
        } = &mut *state;
        let link = links.get_mut(&engine)?;
        let channel = &mut consumers.get_mut(&link.connection?)?.channels[inbox.place()];
        let tag = channel.deliveries.pop_front()?;
        let message = channel.unacknowledged.get(&tag)?;
        link.trackers[inbox.place()].delivered(tag);
        let handle = DeliveryHandle {
            generation: link.generation,
            source: inbox.source(),
            way: inbox.way(),
            tag,
        };
        link.handed
            .insert(handle, (message.content.clone(), message.body.clone()));
        if engine != RIVAL && !link.is_replaced {
            self.facts.handed(&message.content, link.generation);
        }
        Some(BrokerEvent::Delivered(Delivery {
            handle,
            redelivered: message.redelivered,
            properties: message.properties.clone(),
            body: message.body.clone(),
            hold: Hold::default(),
            sender: Sender::default(),
            shard: None,
        }))
    }

    /// An engine's link sends the acknowledgements that are due.
    pub fn flush(&self, engine: u64, inbox: impl Into<Inbox>, stragglers: Stragglers) {
        let inbox = inbox.into();
        let mut state = self.lock();
        let State {
            links, consumers, ..
        } = &mut *state;
        let Some(link) = links.get_mut(&engine) else {
            return;
        };
        let Some(consumer) = link
            .connection
            .and_then(|connection| consumers.get_mut(&connection))
        else {
            return;
        };
        for ack in link.trackers[inbox.place()].take(stragglers) {
            consumer.channels[inbox.place()]
                .acknowledgements
                .push_back(ack);
        }
    }

    pub fn acknowledgements_arrive(&self, engine: u64, inbox: impl Into<Inbox>) {
        let inbox = inbox.into();
        let mut state = self.lock();
        for consumer in state
            .consumers
            .values_mut()
            .filter(|consumer| consumer.engine == engine)
        {
            let channel = &mut consumer.channels[inbox.place()];
            while let Some(ack) = channel.acknowledgements.pop_front() {
                self.acknowledged(channel, ack);
            }
        }
    }

    fn acknowledged(&self, channel: &mut Channel, ack: Ack) {
        let (Ack::UpTo(tag) | Ack::One(tag)) = ack;
        if !channel.unacknowledged.contains_key(&tag) {
            return self.facts.violate(format!(
                "{ack:?} names a tag that the channel does not know, which closes it"
            ));
        }
        let taken: Vec<u64> = match ack {
            Ack::UpTo(tag) => channel
                .unacknowledged
                .range(..=tag)
                .map(|(tag, _)| *tag)
                .collect(),
            Ack::One(tag) => vec![tag],
        };
        for message in taken
            .into_iter()
            .filter_map(|tag| channel.unacknowledged.remove(&tag))
        {
            self.facts
                .taken(&message.content, &message.body, AckPlace::Broker);
        }
    }
}
