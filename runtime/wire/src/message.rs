//! AMQP messages as data: properties, header tables, and messages to publish.
//!
//! Outbox rows contain the serde form, so field order and the numbers on variants are part of the
//! format.

use crate::{Unreadable, cut};
use bureaucrat_model::Hex;
use serde::{Deserialize, Serialize};

/// The longest short text in AMQP 0-9-1, in bytes: exchange names, routing keys, most properties,
/// header names.
pub const SHORT_TEXT_BYTES_MAX: usize = 255;

/// A value in an AMQP field table. Integers of all widths are one kind, and so are both floats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeaderValue {
    /// No value.
    #[serde(rename = "0")]
    Void,
    #[serde(rename = "1")]
    Bool(bool),
    #[serde(rename = "2")]
    Int(i64),
    /// A float, as the bits of its double, so that it compares and is sent exactly.
    #[serde(rename = "3")]
    FloatBits(u64),
    /// A decimal: `value` divided by ten to the power of `scale`.
    #[serde(rename = "4")]
    Decimal {
        /// The number of decimal places.
        scale: u8,
        value: u32,
    },
    #[serde(rename = "5")]
    Text(String),
    /// A byte string, or a text that is not UTF-8.
    #[serde(rename = "6")]
    Bytes(#[serde(with = "serde_bytes")] Vec<u8>),
    /// A point in time, in seconds since the Unix epoch.
    #[serde(rename = "7")]
    Timestamp(u64),
    #[serde(rename = "8")]
    List(Vec<HeaderValue>),
    /// A table, in its original order.
    #[serde(rename = "9")]
    Table(Vec<(String, HeaderValue)>),
}

impl HeaderValue {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Void
            | Self::Bool(_)
            | Self::Int(_)
            | Self::FloatBits(_)
            | Self::Decimal { .. }
            | Self::Bytes(_)
            | Self::Timestamp(_)
            | Self::List(_)
            | Self::Table(_) => None,
        }
    }
}

impl HeaderValue {
    pub fn float(value: f64) -> Self {
        Self::FloatBits(value.to_bits())
    }

    /// The value as JSON: a non-finite float as text, bytes as `{"hex": …}`, a decimal as
    /// `{"scale": …, "value": …}`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::{Value, json};
        match self {
            Self::Void => Value::Null,
            Self::Bool(truth) => Value::from(*truth),
            Self::Int(number) => Value::from(*number),
            Self::FloatBits(bits) => {
                let float = f64::from_bits(*bits);
                serde_json::Number::from_f64(float)
                    .map_or_else(|| json!(float.to_string()), Value::Number)
            }
            Self::Decimal { scale, value } => json!({"scale": scale, "value": value}),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Bytes(bytes) => json!({"hex": Hex(bytes).to_string()}),
            Self::Timestamp(seconds) => Value::from(*seconds),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Table(entries) => table_to_json(entries),
        }
    }
}

/// A header table as a JSON object.
pub(crate) fn table_to_json(entries: &[(String, HeaderValue)]) -> serde_json::Value {
    serde_json::Value::Object(
        entries
            .iter()
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect(),
    )
}

/// The header that replaces properties and headers that could not be read; holds the reason. A
/// publisher that sets it on purpose gets a dead letter.
pub const UNREADABLE_HEADER: &str = "bureaucrat-unreadable";
/// The header with the first bytes of properties and headers that could not be read, unchanged.
pub const UNREADABLE_RAW_HEADER: &str = "bureaucrat-unreadable-raw";
/// How many of those bytes are kept: in hexadecimal they fit into [`crate::ORIGINAL_BYTES_MAX`].
pub const UNREADABLE_BYTES_MAX: usize = 12 << 10;

/// The properties of a message, those of AMQP 0-9-1's class `basic`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Properties {
    /// The MIME type of the body.
    pub content_type: Option<String>,
    /// The encoding of the body.
    pub content_encoding: Option<String>,
    /// Identifies the request of a reply.
    pub correlation_id: Option<String>,
    /// The queue for a reply.
    pub reply_to: Option<String>,
    /// Milliseconds, as text, after which the broker drops the message.
    pub expiration: Option<String>,
    /// The publisher's id for the message.
    pub message_id: Option<String>,
    /// The property `type`.
    pub kind: Option<String>,
    /// The publishing user; RabbitMQ refuses a forged one.
    pub user_id: Option<String>,
    pub app_id: Option<String>,
    /// 0 to 9.
    pub priority: Option<u8>,
    /// 1 transient, 2 persistent.
    pub delivery_mode: Option<u8>,
    /// Seconds since the Unix epoch, according to the publisher.
    pub timestamp: Option<u64>,
    pub headers: Vec<(String, HeaderValue)>,
}

/// The header by which a sender that waits for the reply says what becomes of a message that the
/// engine refuses.
pub const REFUSAL_HEADER: &str = "bureaucrat-refusal";
/// The sender is told, and nobody else: there is no dead letter.
pub const REFUSAL_REPLY: &str = "reply";

impl Properties {
    /// Properties of a persistent message (`delivery_mode` 2) with this content type.
    pub fn persistent(content_type: &str) -> Self {
        Self {
            content_type: Some(content_type.to_owned()),
            delivery_mode: Some(2),
            ..Self::default()
        }
    }

    /// Whether a refusal is for the sender alone: its reply, and no dead letter.
    pub fn wants_refusal_alone(&self) -> bool {
        let mut headers = self.headers.iter();
        headers.any(|(name, value)| {
            name == REFUSAL_HEADER && *value == HeaderValue::Text(REFUSAL_REPLY.to_owned())
        })
    }

    /// The reason, if the message's properties could not be read.
    pub fn unreadable(&self) -> Option<Unreadable> {
        let (_, reason) = self
            .headers
            .iter()
            .find(|(name, _)| name == UNREADABLE_HEADER)?;
        let reason = match reason {
            HeaderValue::Text(reason) => cut(reason, 200).to_owned(),
            HeaderValue::Void
            | HeaderValue::Bool(_)
            | HeaderValue::Int(_)
            | HeaderValue::FloatBits(_)
            | HeaderValue::Decimal { .. }
            | HeaderValue::Bytes(_)
            | HeaderValue::Timestamp(_)
            | HeaderValue::List(_)
            | HeaderValue::Table(_) => format!("they name {UNREADABLE_HEADER}"),
        };
        Some(Unreadable::Properties { reason })
    }
}

/// Whether the broker must return a message that no queue takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mandatory {
    /// It is returned, and the publisher is told.
    #[serde(rename = "1")]
    Yes,
    /// It is dropped silently: right for notices that nobody has to read.
    #[serde(rename = "0")]
    No,
}

/// A message to publish, as the outbox stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The exchange; empty for the default one.
    pub exchange: String,
    /// The routing key; in the default exchange, the queue's name.
    pub routing_key: String,
    /// Whether it must be routable.
    pub mandatory: Mandatory,
    pub properties: Properties,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_row_of_the_outbox_reads_back() {
        let message = Outgoing {
            exchange: String::new(),
            routing_key: "worker_a".into(),
            mandatory: Mandatory::Yes,
            properties: Properties {
                headers: vec![
                    ("f".into(), HeaderValue::float(f64::NAN)),
                    (
                        "t".into(),
                        HeaderValue::Table(vec![("x".into(), HeaderValue::Void)]),
                    ),
                    ("b".into(), HeaderValue::Bytes(vec![0xff])),
                ],
                ..Properties::persistent("text/plain")
            },
            body: vec![7; 300],
        };
        let stored = rmp_serde::to_vec(&message).unwrap();
        assert_eq!(rmp_serde::from_slice::<Outgoing>(&stored).unwrap(), message);
        assert!(
            stored.len() < 400,
            "a body is stored as bytes, not as a list of numbers"
        );
    }

    #[test]
    fn headers_are_shown_as_json() {
        let headers = [
            ("n".into(), HeaderValue::float(f64::INFINITY)),
            (
                "d".into(),
                HeaderValue::Decimal {
                    scale: 2,
                    value: 314,
                },
            ),
            ("b".into(), HeaderValue::Bytes(vec![1, 255])),
            (
                "l".into(),
                HeaderValue::List(vec![
                    HeaderValue::Int(-1),
                    HeaderValue::Bool(true),
                    HeaderValue::Void,
                ]),
            ),
        ];
        assert_eq!(
            table_to_json(&headers).to_string(),
            r#"{"n":"inf","d":{"scale":2,"value":314},"b":{"hex":"01ff"},"l":[-1,true,null]}"#
        );
    }
}
