//! Converts properties and headers between our types and lapin's.
//!
//! We have fewer kinds of header values: integers of all widths become one kind, and so do floats.
//! Texts that AMQP cannot carry are an error here, before lapin would panic.

use bureaucrat_wire::{HeaderValue, Outgoing, Properties};
use lapin::{
    BasicProperties,
    types::{AMQPValue, ByteArray, DecimalValue, FieldArray, FieldTable, LongString, ShortString},
};

/// A message that AMQP cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConvertError {
    /// A short text has more than 255 bytes.
    #[error("{what} has {bytes} bytes, more than the 255 that AMQP allows")]
    TooLong { what: String, bytes: usize },
    /// Properties and headers do not fit into one frame.
    #[error(
        "properties and headers have about {bytes} bytes, more than the {limit} of the connection's frames"
    )]
    Frame { bytes: usize, limit: usize },
}

pub(crate) fn short(what: &str, text: &str) -> Result<ShortString, ConvertError> {
    ShortString::try_new(text).map_err(|_| ConvertError::TooLong {
        what: what.to_owned(),
        bytes: text.len(),
    })
}

/// lapin's properties for a message, checked against the size of a frame in bytes; 0 means
/// unlimited.
pub(crate) fn to_lapin(
    message: &Outgoing,
    frame_max: u32,
) -> Result<BasicProperties, ConvertError> {
    short("the exchange's name", &message.exchange)?;
    short("the routing key", &message.routing_key)?;
    let ours = &message.properties;
    let (bytes, limit) = (size(ours), frame_max as usize);
    if limit > 0 && bytes > limit {
        return Err(ConvertError::Frame { bytes, limit });
    }
    let mut theirs = BasicProperties::default();
    type Setter = fn(BasicProperties, ShortString) -> BasicProperties;
    let texts: [(&str, &Option<String>, Setter); 9] = [
        (
            "content_type",
            &ours.content_type,
            BasicProperties::with_content_type,
        ),
        (
            "content_encoding",
            &ours.content_encoding,
            BasicProperties::with_content_encoding,
        ),
        (
            "correlation_id",
            &ours.correlation_id,
            BasicProperties::with_correlation_id,
        ),
        ("reply_to", &ours.reply_to, BasicProperties::with_reply_to),
        (
            "expiration",
            &ours.expiration,
            BasicProperties::with_expiration,
        ),
        (
            "message_id",
            &ours.message_id,
            BasicProperties::with_message_id,
        ),
        ("type", &ours.kind, BasicProperties::with_type),
        ("user_id", &ours.user_id, BasicProperties::with_user_id),
        ("app_id", &ours.app_id, BasicProperties::with_app_id),
    ];
    for (name, value, set) in texts {
        if let Some(value) = value {
            theirs = set(theirs, short(name, value)?);
        }
    }
    if let Some(priority) = ours.priority {
        theirs = theirs.with_priority(priority);
    }
    if let Some(mode) = ours.delivery_mode {
        theirs = theirs.with_delivery_mode(mode);
    }
    if let Some(timestamp) = ours.timestamp {
        theirs = theirs.with_timestamp(timestamp);
    }
    if !ours.headers.is_empty() {
        theirs = theirs.with_headers(table(&ours.headers)?);
    }
    Ok(theirs)
}

fn table(entries: &[(String, HeaderValue)]) -> Result<FieldTable, ConvertError> {
    let mut table = FieldTable::default();
    for (name, entry) in entries {
        table.insert(short("a header's name", name)?, value(entry)?);
    }
    Ok(table)
}

fn value(ours: &HeaderValue) -> Result<AMQPValue, ConvertError> {
    Ok(match ours {
        HeaderValue::Void => AMQPValue::Void,
        HeaderValue::Bool(truth) => AMQPValue::Boolean(*truth),
        HeaderValue::Int(number) => AMQPValue::LongLongInt(*number),
        HeaderValue::FloatBits(bits) => AMQPValue::Double(f64::from_bits(*bits)),
        HeaderValue::Decimal { scale, value } => AMQPValue::DecimalValue(DecimalValue {
            scale: *scale,
            value: *value,
        }),
        HeaderValue::Text(text) => AMQPValue::LongString(LongString::from(text.as_bytes())),
        HeaderValue::Bytes(bytes) => AMQPValue::ByteArray(ByteArray::from(bytes.as_slice())),
        HeaderValue::Timestamp(seconds) => AMQPValue::Timestamp(*seconds),
        HeaderValue::List(items) => {
            let items: Result<Vec<AMQPValue>, ConvertError> = items.iter().map(value).collect();
            AMQPValue::FieldArray(FieldArray::from(items?))
        }
        HeaderValue::Table(entries) => AMQPValue::FieldTable(table(entries)?),
    })
}

/// The approximate size of properties and headers in their frame; never too low.
fn size(properties: &Properties) -> usize {
    let texts = [
        &properties.content_type,
        &properties.content_encoding,
        &properties.correlation_id,
        &properties.reply_to,
        &properties.expiration,
        &properties.message_id,
        &properties.kind,
        &properties.user_id,
        &properties.app_id,
    ];
    let texts: usize = texts
        .iter()
        .filter_map(|text| text.as_ref())
        .map(|text| text.len() + 1)
        .sum();
    64 + texts + table_size(&properties.headers)
}

fn table_size(entries: &[(String, HeaderValue)]) -> usize {
    entries
        .iter()
        .map(|(name, value)| name.len() + 1 + value_size(value))
        .sum::<usize>()
        + 4
}

fn value_size(value: &HeaderValue) -> usize {
    1 + match value {
        HeaderValue::Void => 0,
        HeaderValue::Bool(_) => 1,
        HeaderValue::Int(_)
        | HeaderValue::FloatBits(_)
        | HeaderValue::Decimal { .. }
        | HeaderValue::Timestamp(_) => 8,
        HeaderValue::Text(text) => 4 + text.len(),
        HeaderValue::Bytes(bytes) => 4 + bytes.len(),
        HeaderValue::List(items) => 4 + items.iter().map(value_size).sum::<usize>(),
        HeaderValue::Table(entries) => table_size(entries),
    }
}

/// Our properties of a received message. Tables are read recursively: the guard limits their depth.
pub(crate) fn from_lapin(theirs: &BasicProperties) -> Properties {
    let text = |value: &Option<ShortString>| value.as_ref().map(|text| text.as_str().to_owned());
    Properties {
        content_type: text(theirs.content_type()),
        content_encoding: text(theirs.content_encoding()),
        correlation_id: text(theirs.correlation_id()),
        reply_to: text(theirs.reply_to()),
        expiration: text(theirs.expiration()),
        message_id: text(theirs.message_id()),
        kind: text(theirs.kind()),
        user_id: text(theirs.user_id()),
        app_id: text(theirs.app_id()),
        priority: *theirs.priority(),
        delivery_mode: *theirs.delivery_mode(),
        timestamp: *theirs.timestamp(),
        headers: theirs.headers().as_ref().map(entries).unwrap_or_default(),
    }
}

fn entries(table: &FieldTable) -> Vec<(String, HeaderValue)> {
    table
        .inner()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), header(value)))
        .collect()
}

fn header(theirs: &AMQPValue) -> HeaderValue {
    match theirs {
        AMQPValue::Boolean(truth) => HeaderValue::Bool(*truth),
        AMQPValue::ShortShortInt(number) => HeaderValue::Int(i64::from(*number)),
        AMQPValue::ShortShortUInt(number) => HeaderValue::Int(i64::from(*number)),
        AMQPValue::ShortInt(number) => HeaderValue::Int(i64::from(*number)),
        AMQPValue::ShortUInt(number) => HeaderValue::Int(i64::from(*number)),
        AMQPValue::LongInt(number) => HeaderValue::Int(i64::from(*number)),
        AMQPValue::LongUInt(number) => HeaderValue::Int(i64::from(*number)),
        AMQPValue::LongLongInt(number) => HeaderValue::Int(*number),
        AMQPValue::Float(number) => HeaderValue::float(f64::from(*number)),
        AMQPValue::Double(number) => HeaderValue::float(*number),
        AMQPValue::DecimalValue(decimal) => HeaderValue::Decimal {
            scale: decimal.scale,
            value: decimal.value,
        },
        AMQPValue::ShortString(text) => HeaderValue::Text(text.as_str().to_owned()),
        AMQPValue::LongString(text) => match std::str::from_utf8(text.as_bytes()) {
            Ok(text) => HeaderValue::Text(text.to_owned()),
            Err(_) => HeaderValue::Bytes(text.as_bytes().to_vec()),
        },
        AMQPValue::FieldArray(items) => {
            HeaderValue::List(items.as_slice().iter().map(header).collect())
        }
        AMQPValue::Timestamp(seconds) => HeaderValue::Timestamp(*seconds),
        AMQPValue::FieldTable(table) => HeaderValue::Table(entries(table)),
        AMQPValue::ByteArray(bytes) => HeaderValue::Bytes(bytes.as_slice().to_vec()),
        AMQPValue::Void => HeaderValue::Void,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bureaucrat_wire::Mandatory;

    fn message(properties: Properties) -> Outgoing {
        Outgoing {
            exchange: String::new(),
            routing_key: "q".to_owned(),
            mandatory: Mandatory::Yes,
            properties,
            body: Vec::new(),
        }
    }

    #[test]
    fn properties_come_back_as_they_went() {
        let text = |text: &str| Some(text.to_owned());
        let ours = Properties {
            content_type: text("a"),
            content_encoding: text("b"),
            correlation_id: text("c"),
            reply_to: text("d"),
            expiration: text("5"),
            message_id: text("e"),
            kind: text("f"),
            user_id: text("g"),
            app_id: text("h"),
            priority: Some(3),
            delivery_mode: Some(2),
            timestamp: Some(7),
            headers: vec![
                (
                    "a".into(),
                    HeaderValue::List(vec![HeaderValue::Void, HeaderValue::Bool(true)]),
                ),
                (
                    "b".into(),
                    HeaderValue::Table(vec![("x".into(), HeaderValue::Int(-5))]),
                ),
                ("c".into(), HeaderValue::float(1.5)),
                ("d".into(), HeaderValue::Decimal { scale: 1, value: 5 }),
                ("e".into(), HeaderValue::Bytes(vec![255])),
                ("f".into(), HeaderValue::Timestamp(9)),
                ("g".into(), HeaderValue::Text("ü".into())),
            ],
        };
        let theirs = to_lapin(&message(ours.clone()), 0).unwrap();
        assert_eq!(from_lapin(&theirs), ours);
    }

    #[test]
    fn what_amqp_cant_hold_is_an_error() {
        let long = message(Properties {
            message_id: Some("x".repeat(256)),
            ..Properties::default()
        });
        assert!(matches!(
            to_lapin(&long, 0),
            Err(ConvertError::TooLong { bytes: 256, .. })
        ));
        let wide = message(Properties {
            headers: vec![("a".into(), HeaderValue::Text("x".repeat(5_000)))],
            ..Properties::default()
        });
        assert!(matches!(
            to_lapin(&wide, 4_096),
            Err(ConvertError::Frame { limit: 4_096, .. })
        ));
    }
}
