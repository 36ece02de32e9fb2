//! Messages that definitions send to the broker: what they carry, and where none of them may go.
//!
//! Which queues and exchanges are the engine's own, and which are participants', depends on the
//! settings; the host knows.

use crate::fields::{Fields, JsonText};
use std::fmt;

/// A message for the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Empty for the default exchange.
    pub exchange: String,
    pub routing_key: String,
    pub content_type: String,
    pub headers: Fields,
    /// None for an empty body.
    pub body: Option<JsonText>,
}

impl Message {
    /// The most bytes of all headers, as JSON: they have to fit into one frame of AMQP.
    pub const HEADERS_BYTES: usize = 32 << 10;
    /// How deep lists and records in a header may nest.
    pub const HEADERS_DEPTH: usize = 16;

    /// Whether nobody but the broker and the engine may set a header of this name: such a header
    /// would send copies elsewhere, or steer the broker or an engine.
    pub fn is_reserved_header(name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let own = ["x-", "bureaucrat-"];
        name == "cc" || name == "bcc" || own.iter().any(|prefix| name.starts_with(prefix))
    }
}

/// An exchange, empty for the default one, and a routing key, for people.
#[derive(Debug, Clone, Copy)]
pub struct Toward<'a>(pub &'a str, pub &'a str);

impl Toward<'_> {
    /// Why no message of a definition may go there, whatever the settings are.
    pub fn never(&self) -> Option<&'static str> {
        let Self(exchange, routing_key) = *self;
        if exchange.is_empty() && routing_key.starts_with("worker_") {
            return Some("it is the queue of a participant; use `action`");
        }
        self.closed()
    }

    /// Why nothing of a definition may go there, not even a task.
    pub fn closed(&self) -> Option<&'static str> {
        let Self(exchange, routing_key) = *self;
        let name = match exchange {
            "" => routing_key,
            named => named,
        };
        if name.starts_with("amq.") {
            Some("it is one of RabbitMQ's own")
        } else if name.ends_with(".pidbox") {
            Some("it controls Celery's workers")
        } else {
            None
        }
    }
}

impl fmt::Display for Toward<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self("", queue) => write!(f, "the queue `{queue}`"),
            Self(exchange, "") => write!(f, "the exchange `{exchange}`"),
            Self(exchange, key) => write!(f, "the exchange `{exchange}`, routing key `{key}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_places_and_headers_are_never_for_definitions() {
        for (exchange, key, is_refused) in [
            ("", "worker_a", true),
            ("", "amq.gen-x", true),
            ("", "a.celery.pidbox", true),
            ("amq.topic", "a", true),
            ("celery.pidbox", "", true),
            ("shop", "worker_a", false),
            ("shop", "amq.x", false),
            ("", "audit", false),
            ("", "pidbox", false),
        ] {
            let found = Toward(exchange, key).never().is_some();
            assert_eq!(found, is_refused, "{exchange} {key}");
        }
        for (name, is_reserved) in [
            ("CC", true),
            ("bcc", true),
            ("x-delay", true),
            ("X-Death", true),
            ("bureaucrat-code", true),
            ("cca", false),
            ("tenant", false),
        ] {
            assert_eq!(Message::is_reserved_header(name), is_reserved, "{name}");
        }
    }
}
