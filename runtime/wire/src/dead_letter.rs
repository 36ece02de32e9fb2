//! Dead letters: messages that cannot be used, whole, with the reason.
//!
//! The body stays unchanged. The original properties and headers become data in one header, so that
//! none of them takes effect again: a `CC` header would send a copy back, an expiration would lose
//! the dead letter, a `user_id` would close the channel.

use crate::{HeaderValue, Mandatory, Outgoing, Properties, cut, message::table_to_json};
use bureaucrat_model::Timestamp;
use serde_json::{Map, Value};

/// The header with the reason.
pub const REASON_HEADER: &str = "bureaucrat-reason";
/// The header with the stable code.
pub const CODE_HEADER: &str = "bureaucrat-code";
/// The header with the name of the original queue.
pub const QUEUE_HEADER: &str = "bureaucrat-queue";
/// The header with the exchange that a process sent the message to; not there for the default one.
pub const EXCHANGE_HEADER: &str = "bureaucrat-exchange";
/// The header with the time, RFC 3339 in UTC.
pub const TIME_HEADER: &str = "bureaucrat-time";
/// The header with the original properties and headers, a JSON text. Properties that were not set are left out.
pub const ORIGINAL_HEADER: &str = "bureaucrat-original";

/// The header with the letter's number, a decimal text, by which the engine's own copy is found.
pub const LETTER_HEADER: &str = "bureaucrat-letter";

/// The largest [`ORIGINAL_HEADER`], in bytes. A message's headers must fit into one AMQP frame, 128
/// KiB with RabbitMQ. Original headers that do not fit are replaced by their names, or left out.
pub const ORIGINAL_BYTES_MAX: usize = 32 << 10;
/// The longest [`REASON_HEADER`], in bytes.
pub const REASON_BYTES_MAX: usize = 8 << 10;

/// The dead letter for a message from `source_queue`, to be published to `queue`.
pub fn dead_letter(
    queue: &str,
    source_queue: &str,
    reason: &str,
    code: &str,
    at: Timestamp,
    properties: &Properties,
    body: Vec<u8>,
) -> Outgoing {
    let text = |name: &str, value: &str| (name.to_owned(), HeaderValue::Text(value.to_owned()));
    Outgoing {
        exchange: String::new(),
        routing_key: queue.to_owned(),
        mandatory: Mandatory::Yes,
        properties: Properties {
            content_type: properties.content_type.clone(),
            content_encoding: properties.content_encoding.clone(),
            delivery_mode: Some(2),
            headers: vec![
                text(REASON_HEADER, cut(reason, REASON_BYTES_MAX)),
                text(CODE_HEADER, code),
                text(QUEUE_HEADER, source_queue),
                text(TIME_HEADER, &at.to_string()),
                text(ORIGINAL_HEADER, &original(properties)),
            ],
            ..Properties::default()
        },
        body,
    }
}

/// The dead letter for a message that a process sent and nobody took; its queue is its routing key.
pub fn undelivered(
    queue: &str,
    message: &Outgoing,
    reason: &str,
    code: &str,
    at: Timestamp,
) -> Outgoing {
    let Outgoing {
        exchange,
        routing_key,
        properties,
        body,
        ..
    } = message;
    let body = body.clone();
    let mut letter = dead_letter(queue, routing_key, reason, code, at, properties, body);
    if !exchange.is_empty() {
        let exchange = HeaderValue::Text(exchange.clone());
        let headers = &mut letter.properties.headers;
        headers.push((EXCHANGE_HEADER.to_owned(), exchange));
    }
    letter
}

/// A message as it was, to be published again to where it came from or was sent to, as a new one: without what would
/// bring a repeat, another user, or a copy elsewhere.
pub fn again((exchange, queue): (&str, &str), properties: &Properties, body: Vec<u8>) -> Outgoing {
    let is_kept = |name: &str| !matches!(name, "CC" | "BCC");
    let headers = properties.headers.iter();
    let headers = headers.filter(|(name, _)| is_kept(name)).cloned().collect();
    Outgoing {
        exchange: exchange.to_owned(),
        routing_key: queue.to_owned(),
        mandatory: Mandatory::Yes,
        properties: Properties {
            message_id: None,
            user_id: None,
            expiration: None,
            delivery_mode: Some(2),
            headers,
            ..properties.clone()
        },
        body,
    }
}

/// Properties and headers as [`ORIGINAL_HEADER`] has them.
pub fn properties_json(properties: &Properties) -> Value {
    serde_json::from_str(&original(properties)).unwrap_or_default()
}

fn original(properties: &Properties) -> String {
    let mut map = Map::new();
    let texts = [
        ("content_type", &properties.content_type),
        ("content_encoding", &properties.content_encoding),
        ("correlation_id", &properties.correlation_id),
        ("reply_to", &properties.reply_to),
        ("expiration", &properties.expiration),
        ("message_id", &properties.message_id),
        ("type", &properties.kind),
        ("user_id", &properties.user_id),
        ("app_id", &properties.app_id),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            map.insert(name.to_owned(), Value::from(value.as_str()));
        }
    }
    let numbers = [
        ("priority", properties.priority.map(u64::from)),
        ("delivery_mode", properties.delivery_mode.map(u64::from)),
        ("timestamp", properties.timestamp),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            map.insert(name.to_owned(), Value::from(value));
        }
    }
    let without_headers = Value::Object(map.clone()).to_string();
    if properties.headers.is_empty() {
        return without_headers;
    }
    let names: Value = properties
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let fuller = [
        ("headers", table_to_json(&properties.headers)),
        ("headers_too_large", names),
    ];
    for (key, value) in fuller {
        let mut map = map.clone();
        map.insert(key.to_owned(), value);
        let text = Value::Object(map).to_string();
        if text.len() <= ORIGINAL_BYTES_MAX {
            return text;
        }
    }
    without_headers
}
