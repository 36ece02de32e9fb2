//! Why a body cannot be used.

use crate::{MessageKind, cut};

/// What is wrong with an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingProblem {
    #[error(
        "which is not supported: send UTF-8 text, uncompressed or with content_encoding `gzip` or \
         `deflate`"
    )]
    Unknown,
    #[error("but the body is not compressed that way, or is damaged")]
    Damaged,
    #[error("and the body decompresses to more than the limit of {limit} bytes")]
    TooLarge { limit: usize },
}

/// Why a body is not a message of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Properties and headers could not be read.
    #[error("cannot read properties and headers: {reason}")]
    Properties { reason: String },
    /// The body has bytes that are not UTF-8.
    #[error("the body is not UTF-8 text")]
    NotUtf8,
    #[error("the body is UTF-16 text: send UTF-8")]
    Utf16,
    #[error(
        "the body is compressed with gzip, but the message does not say so: set the property \
         content_encoding to `gzip`, or send the text itself"
    )]
    Gzip,
    /// JSON on the launch queue, without the content type of a launch by name.
    #[error(
        "this is JSON, not a definition in XML: to launch a deployed definition by its name, set \
         the content type to `{}`",
        crate::LAUNCH_TYPE
    )]
    JsonLaunch,
    /// The body is compressed or encoded in a way that can't be undone.
    #[error("{property} is `{encoding}`, {problem}")]
    Encoding {
        property: &'static str,
        encoding: String,
        problem: EncodingProblem,
    },
    /// The body can't be read, and its content type says that it is of another kind.
    #[error("content_type is `{content_type}`, which is not supported here: send {wanted}")]
    ContentType {
        content_type: String,
        /// "JSON", "XML".
        wanted: &'static str,
    },
    /// An AMQP 1.0 client sent something that has no bytes to read.
    #[error(
        "the AMQP 1.0 body {what}: send one data section, or a value that is a string or binary"
    )]
    Amqp1 { what: &'static str },
    /// The message would be read in another queue of the engine.
    #[error(
        "this looks like {seen}, which belongs in the queue `{belongs}`; here {wanted} is expected"
    )]
    Misplaced {
        seen: MessageKind,
        belongs: String,
        wanted: MessageKind,
    },
    /// In a queue between engines.
    #[error(
        "no engine with these records has sent this: the queues of the shards are for messages between engines"
    )]
    Forward,
    /// The body is larger than the limit.
    #[error("the body has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The body is not JSON text.
    #[error("the body is not JSON: {what} at byte {offset}")]
    NotJson {
        what: String,
        /// Where, in bytes from the body's start.
        offset: usize,
    },
    /// The body nests deeper than the limit.
    #[error("the body nests deeper than {limit} levels")]
    TooDeep { limit: usize },
    /// The body is JSON, but not an object.
    #[error("the body is {found}, not a JSON object")]
    NotObject {
        /// "a list", "null".
        found: &'static str,
    },
    /// The body has the shape of neither dialect.
    #[error(
        "the body has neither `header` and `fields` nor `name` and `payload`: a worker must send \
         back the whole message that it got, with its fields changed"
    )]
    NoHeader,
    /// A required key is missing or null.
    #[error("`{key}` is missing or null")]
    Missing {
        /// The key with its parent: `header.target`.
        key: &'static str,
    },
    /// A key has a value of another type.
    #[error("`{key}` is not {wanted}")]
    WrongType {
        /// The key with its parent.
        key: &'static str,
        /// The expected type: "a text", "an object".
        wanted: &'static str,
    },
    /// The target is not an activity id.
    #[error("`{key}` is not an activity id: `{text}`")]
    NotAnId {
        /// The key with its parent.
        key: &'static str,
        /// The text found there, cut.
        text: String,
    },
    /// A message type that was internal to the original, which never comes from outside.
    #[error("`{name}` is an internal message, which is not accepted from outside")]
    InnerMessage {
        /// `start`, `completed`, `timeout` or `triggered`.
        name: String,
    },
    /// A message with a name other than `response`.
    #[error("the message is named `{name}`; only `response` is accepted here")]
    UnknownMessage { name: String },
    /// An event without a name.
    #[error("the event has no name: `event` is missing, null or empty")]
    NoEventName,
    #[error("`{key}` has {bytes} bytes, more than the limit of {limit}")]
    NameTooLong {
        key: &'static str,
        /// Its length in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A reply with a status that the engine does not send.
    #[error("`{status}` is not a status of a reply")]
    UnknownStatus { status: String },
}

/// Words of content types that are read, or say nothing.
const READ_TYPES: [&str; 7] = [
    "json",
    "xml",
    "bureaucrat",
    "text/plain",
    "text/html",
    "octet-stream",
    "application/data",
];

impl Unreadable {
    /// The same reason, or, where the body is not what is wanted and the content type says so, that
    /// one.
    #[must_use]
    pub fn by_content_type(self, content_type: Option<&str>, wanted: &'static str) -> Self {
        let is_other = content_type
            .map(|text| text.trim().to_ascii_lowercase())
            .is_some_and(|text| {
                !text.is_empty() && !READ_TYPES.iter().any(|read| text.contains(read))
            });
        let is_unread = matches!(
            self,
            Self::NotUtf8 | Self::NotJson { .. } | Self::NotObject { .. }
        );
        match content_type {
            Some(content_type) if is_other && is_unread => Self::ContentType {
                content_type: cut(content_type, 80).to_owned(),
                wanted,
            },
            Some(_) | None => self,
        }
    }

    /// The stable code for the dead letter's header.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Properties { .. } => "wire.properties",
            Self::NotUtf8 | Self::Utf16 | Self::Gzip => "wire.not-utf8",
            Self::Encoding { .. } => "wire.content-encoding",
            Self::ContentType { .. } | Self::JsonLaunch => "wire.content-type",
            Self::Amqp1 { .. } => "wire.amqp-1.0",
            Self::Misplaced { .. } => "wire.misplaced",
            Self::TooLarge { .. } => "wire.too-large",
            Self::NotJson { .. } => "wire.not-json",
            Self::TooDeep { .. } => "wire.too-deep",
            Self::NotObject { .. } => "wire.not-object",
            Self::NoHeader => "wire.no-header",
            Self::Missing { .. } => "wire.missing-key",
            Self::WrongType { .. } => "wire.wrong-type",
            Self::NotAnId { .. } => "wire.not-an-id",
            Self::InnerMessage { .. } => "wire.inner-message",
            Self::UnknownMessage { .. } => "wire.unknown-message",
            Self::NoEventName => "wire.no-event-name",
            Self::NameTooLong { .. } => "wire.name-too-long",
            Self::UnknownStatus { .. } => "wire.unknown-status",
            Self::Forward => "wire.forward",
        }
    }
}
