//! The broker, as the host sees it: deliveries and outcomes come in as events, acknowledgements and publishes go out as
//! commands that never block.
//!
//! The trait promises nothing about the network: whatever is lost is reported, and the host does it again. Queues,
//! exchanges, connections and channels are the implementation's business.

use bureaucrat_model::Redelivered;
use bureaucrat_wire::{Outgoing, Properties};
use std::{fmt, sync::Arc};

/// The queues that the engine consumes, by their role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Process definitions: each starts a process.
    Launches,
    Answers,
    Events,
}

/// What acknowledges one delivery. A tag means something only on the channel of the connection that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryHandle {
    /// Which set of consuming connections, counted from the engine's start.
    pub generation: u64,
    /// The queue, which has a channel of its own.
    pub source: Source,
    /// The tag that the broker gave.
    pub tag: u64,
}

/// A message that was delivered and not yet acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub handle: DeliveryHandle,
    /// Whether the broker may have delivered it before.
    pub redelivered: Redelivered,
    pub properties: Properties,
    /// The body as it came.
    pub body: Vec<u8>,
    /// Tells the broker's side when the body is not in memory any more.
    pub hold: Hold,
}

/// Something that is dropped with the last copy of a delivery, for whoever counts the memory that deliveries take. It is no
/// part of what was delivered: any two are equal.
#[derive(Clone, Default)]
pub struct Hold(Option<Arc<dyn Send + Sync>>);

impl Hold {
    /// Keeps `guard` for as long as the delivery is held.
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

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishOutcome {
    /// Confirmed and not returned: the broker has it.
    Confirmed,
    /// Returned: no queue takes it.
    Unroutable,
    /// The broker does not take it now: a `basic.nack`, an exchange that does not exist or that may
    /// not be written to. The broker's words.
    Refused(String),
    /// The broker never takes this message, for what it is (too large, a property that may not be):
    /// it closes the channel or the connection over it, or AMQP can't carry it. The broker's words.
    Unsendable(String),
    /// The connection went away before the outcome was known; it may or may not have arrived.
    Lost,
}

/// What the broker tells the host.
#[expect(
    clippy::large_enum_variant,
    reason = "most events are deliveries, moved once or twice each"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerEvent {
    Delivered(Delivery),
    /// The consuming connections of a generation ended, for whatever reason. Told once, after the
    /// generation's last delivery. Each delivery of it that was not acknowledged comes again.
    ConsumingDown {
        generation: u64,
    },
    /// A publish has its outcome; each ticket gets exactly one.
    Published {
        ticket: Ticket,
        outcome: PublishOutcome,
    },
    /// Publishing works, from now on or again.
    PublishingUp,
    /// Publishing does not work; every ticket without outcome has got [`PublishOutcome::Lost`] before this.
    PublishingDown,
}

/// The broker. Both commands return at once and may be called from any thread.
pub trait Broker: Send + Sync {
    /// Acknowledges one delivery. A handle of an older connection is dropped: its message comes again.
    fn acknowledge(&self, delivery: DeliveryHandle);

    /// Publishes a message, persistent; the outcome comes as [`BrokerEvent::Published`]. While publishing is down the
    /// outcome is [`PublishOutcome::Lost`] at once. The host keeps the number of tickets without outcome bounded.
    fn publish(&self, ticket: Ticket, message: Outgoing);
}

/// Whoever wants to know what the broker tells; the host. Never blocks for long, and keeps deliveries: whoever hands them over
/// bounds their bytes by their holds.
pub trait BrokerEvents: Send + Sync {
    fn receive(&self, event: BrokerEvent);
}
