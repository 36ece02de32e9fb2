//! The host's broker, on AMQP 0-9-1 through lapin.
//!
//! Four connections: one consumes each queue, so that a flood of one queue does not stop the
//! reading of another, and one publishes, so that a broker that blocks publishers (memory alarm)
//! does not block acknowledgements. Another one is opened to publish messages that may make the
//! broker close it, one to look at queues for an operator, and one consumes the events of Celery's workers, if they are
//! wanted. The crate promises that each ticket has exactly one outcome, that a message is
//! confirmed only if the broker has it and did not return it, that an acknowledgement never reaches
//! a message other than its own, and that a lost connection is restored. The host decides what
//! messages mean, and what is retried.
#![forbid(unsafe_code)]

mod asking;
mod backoff;
mod broker;
mod careful;
mod celery_events;
mod claim;
mod config;
mod connection;
mod consume;
mod convert;
mod exchanges;
mod flights;
mod guard;
mod in_hand;
mod lane;
mod looking;
mod nodes;
mod pending;
mod publish;
mod queues;
mod reports;
mod suspects;
mod tracker;

pub use broker::{AmqpBroker, NotReady, StartError};
pub use celery_events::CELERY_EVENTS;
pub use config::{
    AmqpConfig, EventsOf, Exclusion, NamesError, Permit, QueueNames, QueueType, SharedQueues,
};
// Public because the simulation drives it too.
pub use tracker::{Ack, Stragglers, Tracker};
