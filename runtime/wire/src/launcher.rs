//! The launcher's side: launches and events.

use crate::{LAUNCH_TYPE, Mandatory, NamedLaunch, Outgoing, Properties};
use bureaucrat_model::{Fields, JsonText, Millis, ProcessId, ReplyTo};

/// Where to publish a launch or an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The exchange; empty for the default one.
    pub exchange: String,
    /// The routing key; in the default exchange, the queue's name.
    pub routing_key: String,
}

/// The message that launches a process. With `message_id` it takes effect only once. If `reply_to`
/// names a queue, the engine reports the launch and the end there, with `correlation_id`.
pub fn launch(
    address: &Address,
    definition: &str,
    message_id: &str,
    reply_to: Option<&str>,
    correlation_id: Option<&str>,
) -> Outgoing {
    Outgoing {
        exchange: address.exchange.clone(),
        routing_key: address.routing_key.clone(),
        mandatory: Mandatory::Yes,
        properties: Properties {
            message_id: Some(message_id.to_owned()),
            reply_to: reply_to.map(str::to_owned),
            correlation_id: correlation_id.map(str::to_owned),
            ..Properties::persistent("application/xml")
        },
        body: definition.as_bytes().to_vec(),
    }
}

/// The message that launches a deployed definition; for the rest see [`launch`].
pub fn launch_named(
    address: &Address,
    named: &NamedLaunch,
    message_id: &str,
    reply_to: Option<&ReplyTo>,
) -> Outgoing {
    let body = named.to_json().into_bytes();
    message(address, LAUNCH_TYPE, message_id, reply_to, body)
}

/// An event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRequest {
    /// Its name.
    pub name: String,
    /// What it says.
    pub fields: Fields,
    /// With one, it reaches those who wait for it with this key, and those who want none.
    pub key: Option<String>,
    /// How long it is kept for those who wait for it later.
    pub keep: Option<Millis>,
    /// The process that it is for alone.
    pub process: Option<ProcessId>,
}

impl EventRequest {
    /// An event for all that wait for it now.
    pub fn new(name: &str, fields: &Fields) -> Self {
        Self {
            name: name.to_owned(),
            fields: fields.clone(),
            key: None,
            keep: None,
            process: None,
        }
    }
}

/// The message that publishes an event: the fields and, over them, its name in `event`, its key and what else is asked
/// for. With `reply_to` the engine tells there who waited for it.
pub fn event(
    address: &Address,
    event: &EventRequest,
    message_id: &str,
    reply_to: Option<&ReplyTo>,
) -> Outgoing {
    let mut body = Fields::new();
    body.set("event", JsonText::text(&event.name));
    let fields = event.fields.iter();
    for (field, value) in fields.filter(|(field, _)| *field != "event") {
        body.set(field, value.clone());
    }
    let keep = event.keep.map(|keep| format!("{}ms", keep.0));
    let process = event.process.map(|process| process.to_string());
    for (field, text) in [("key", &event.key), ("keep", &keep), ("process", &process)] {
        if let Some(text) = text {
            body.set(field, JsonText::text(text));
        }
    }
    let body = body.to_json().into_bytes();
    message(address, "application/json", message_id, reply_to, body)
}

/// A message to the engine that has an id.
pub(crate) fn message(
    address: &Address,
    content_type: &str,
    message_id: &str,
    reply_to: Option<&ReplyTo>,
    body: Vec<u8>,
) -> Outgoing {
    Outgoing {
        exchange: address.exchange.clone(),
        routing_key: address.routing_key.clone(),
        mandatory: Mandatory::Yes,
        properties: Properties {
            message_id: Some(message_id.to_owned()),
            reply_to: reply_to.map(|reply_to| reply_to.queue.clone()),
            correlation_id: reply_to.and_then(|reply_to| reply_to.correlation_id.clone()),
            ..Properties::persistent(content_type)
        },
        body,
    }
}
