//! The broker of the host, on AMQP 0-9-1 through lapin.
//!
//! Four connections: one consumes each queue, so that what floods one keeps no other from being
//! read, and one publishes, so that a broker that blocks publishers (its memory alarm) does not
//! block acknowledgements. A fifth is made when something is to be published that the broker may
//! close it over. The crate promises that each ticket gets exactly one outcome, that a message is
//! confirmed only when the broker has it and did not return it, that an acknowledgement never
//! reaches another message than its own, and that a lost connection comes back by itself. What
//! messages mean, and what is tried again, is the host's business.
#![forbid(unsafe_code)]

mod asking;
mod backoff;
mod broker;
mod careful;
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
mod nodes;
mod pending;
mod publish;
mod queues;
mod reports;
mod suspects;
mod tracker;

pub use broker::{AmqpBroker, NotReady, StartError};
pub use config::{AmqpConfig, NamesError, QueueNames, QueueType};
// Public since the simulation drives it too.
pub use tracker::{Ack, Stragglers, Tracker};
