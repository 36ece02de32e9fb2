//! The broker, as the host sees it: deliveries and outcomes come in as events; acknowledgements and
//! publishes go out as commands that never block.
//!
//! The trait makes no promises about the network: every loss is reported, and the host tries again.
//! Queues, exchanges, connections and channels are the implementation's business.

pub use crate::operate::handing_in::Sender;
use bureaucrat_model::{Redelivered, ShardId};
use bureaucrat_wire::{Outgoing, Properties};
use std::{fmt, sync::Arc};

/// The queues that the engine consumes, by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Definitions: each starts a process.
    Launches,
    Answers,
    Events,
    /// Results of calls.
    Results,
}

impl Source {
    /// What messages of it are remembered under.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Launches => "launches",
            Self::Answers => "answers",
            Self::Events => "events",
            Self::Results => "results",
        }
    }
}

/// By which queue a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// That of its source.
    Own,
    /// That of a group of shards, to which another engine has forwarded it.
    Forwarded,
}

/// Acknowledges one delivery. A tag is only valid on the channel that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryHandle {
    /// Which set of consuming connections, counted from the engine's start.
    pub generation: u64,
    /// What kind of message it is. Each way of each kind has a channel of its own, what is forwarded has one together.
    pub source: Source,
    pub way: Way,
    /// The broker's delivery tag.
    pub tag: u64,
}

impl DeliveryHandle {
    /// The generation of what is handed in on this machine: no connection has it, and none ends it.
    pub(crate) const HANDED_IN: u64 = u64::MAX;
    /// The generation of what was acknowledged while it waited.
    pub(crate) const KEPT: u64 = u64::MAX - 1;

    /// Whether the broker waits for an acknowledgement.
    pub const fn is_of_the_broker(self) -> bool {
        self.generation < Self::KEPT
    }
}

/// A message that was delivered and is not acknowledged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub handle: DeliveryHandle,
    /// Whether the broker may have delivered it before.
    pub redelivered: Redelivered,
    pub properties: Properties,
    /// The unchanged body.
    pub body: Vec<u8>,
    /// Tells the broker side when the body is no longer in memory.
    pub hold: Hold,
    /// Of one that was handed in on this machine, who gets the receipts.
    pub sender: Sender,
    /// Of a forwarded launch, the shard that its process must be in.
    pub shard: Option<ShardId>,
}

/// Something that is dropped with the last copy of a delivery, for code that counts the memory that
/// deliveries use. It is not part of the delivery: any two are equal.
#[derive(Clone, Default)]
pub struct Hold(Option<Arc<dyn Send + Sync>>);

impl Hold {
    /// Keeps `guard` while the delivery is in memory.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(guard)))
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Hold" } else { "No hold" })
    }
}

impl PartialEq for Hold {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Hold {}

/// The number of one publish, chosen by the host, unique within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What happened to a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishOutcome {
    /// Confirmed and not returned: the broker has it.
    Confirmed,
    /// Returned: no queue takes it.
    Unroutable,
    /// The broker does not take it now: a `basic.nack`, or an exchange that does not exist or may
    /// not be written to. Holds the broker's words.
    Refused(String),
    /// The broker never takes this message, because of the message itself (too large, a forbidden
    /// property): it closes the channel or the connection over it, or AMQP cannot carry it. Holds
    /// the broker's words.
    Unsendable(String),
    /// The connection was lost before the outcome was known; the message may or may not have
    /// arrived.
    Lost,
}

/// What the broker reports to the host.
#[expect(
    clippy::large_enum_variant,
    reason = "most events are deliveries, moved once or twice each"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerEvent {
    Delivered(Delivery),
    /// What Celery's workers tell about their tasks, as they sent it. It has no handle: losing it is
    /// fine.
    TaskEvents(Vec<u8>),
    /// Consuming begins. Reported once for each generation, before its first delivery.
    ConsumingUp {
        generation: u64,
        /// Answers, events and results that lie in the queues.
        waiting: u64,
    },
    /// The consuming connections of a generation ended. Reported once, after the generation's last
    /// delivery. Its unacknowledged deliveries will be redelivered.
    ConsumingDown {
        generation: u64,
    },
    /// The outcome of a publish; each ticket has exactly one.
    Published {
        ticket: Ticket,
        outcome: PublishOutcome,
    },
    /// Publishing works, for the first time or again.
    PublishingUp,
    /// Publishing does not work. Every ticket without an outcome has already received
    /// [`PublishOutcome::Lost`].
    PublishingDown,
}

/// The broker. Both commands return at once, and any thread may call them.
pub trait Broker: Send + Sync {
    /// Acknowledges one delivery. A handle of an older connection is dropped: its message is
    /// redelivered.
    fn acknowledge(&self, delivery: DeliveryHandle);

    /// Publishes a persistent message; the outcome arrives as [`BrokerEvent::Published`]. While
    /// publishing is down, the outcome is [`PublishOutcome::Lost`] at once. The host limits the
    /// number of tickets without outcome.
    fn publish(&self, ticket: Ticket, message: Outgoing);
}

/// Receives the broker's events; the host. Never blocks for long, and keeps deliveries in memory:
/// the sender limits their bytes through their holds.
pub trait BrokerEvents: Send + Sync {
    fn receive(&self, event: BrokerEvent);
}
