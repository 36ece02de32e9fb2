//! How a launcher reaches the engine, and what becomes of what the engine refuses.

use crate::LaunchError;
use bureaucrat_connect::{Addresses, Defaults};
use std::time::Duration;

/// How to reach the engine.
#[derive(Debug, Clone)]
pub struct LauncherConfig {
    /// The broker, or several to try in turn.
    pub addresses: Addresses,
    /// The exchange for launches, events and cancelling; empty for the default one.
    pub exchange: String,
    /// The routing key for launches and cancelling; in the default exchange, the engine's launch queue.
    pub routing_key: String,
    /// The routing key for events.
    pub event_routing_key: String,
    /// How long the engine may take to reply.
    pub reply_timeout: Duration,
    /// What the engine does with a launch or an event that it refuses.
    pub refusals: Refusals,
}

/// What becomes of a message that the engine refuses, besides the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusals {
    /// It becomes a dead letter, which an operator finds.
    Kept,
    /// Nothing: for a person who sees the reply.
    Told,
}

impl LauncherConfig {
    /// The usual settings with the broker at `amqp://USER:PASSWORD@HOST:PORT/VHOST` or `amqps://…`;
    /// several such addresses, after commas, are tried in turn.
    ///
    /// # Errors
    /// When an address can't be read.
    pub fn of(url: &str) -> Result<Self, LaunchError> {
        let addresses = Addresses::parse(url, &Defaults::default());
        let addresses = addresses.map_err(|error| LaunchError::Address(error.to_string()))?;
        Ok(Self::new(addresses))
    }

    /// The usual settings with these addresses.
    pub fn new(addresses: Addresses) -> Self {
        Self {
            addresses,
            exchange: String::new(),
            routing_key: "bureaucrat".to_owned(),
            event_routing_key: "bureaucrat_events".to_owned(),
            reply_timeout: Duration::from_secs(30),
            refusals: Refusals::Kept,
        }
    }
}
