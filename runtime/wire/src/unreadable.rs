//! Why a body can't be taken.

/// The reason why a body is no message of the kind that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Properties and headers could not be read.
    #[error("properties and headers can't be read: {reason}")]
    Properties { reason: String },
    /// The body has bytes that are not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
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
    /// The body is JSON, but no object.
    #[error("the body is not a JSON object")]
    NotObject,
    /// The body has neither dialect's shape.
    #[error("the body has neither `header` and `fields` nor `name` and `payload`")]
    NoHeader,
    /// A key that is needed is missing or null.
    #[error("`{key}` is missing or null")]
    Missing {
        /// The key, with its parent: `header.target`.
        key: &'static str,
    },
    /// A key holds a value of another type.
    #[error("`{key}` is not {wanted}")]
    WrongType {
        /// The key, with its parent.
        key: &'static str,
        /// What is wanted there: "a text", "an object".
        wanted: &'static str,
    },
    /// The target is no activity id.
    #[error("`{key}` is not an activity id: `{text}`")]
    NotAnId {
        /// The key, with its parent.
        key: &'static str,
        /// The text that stands there, cut.
        text: String,
    },
    /// One of the original's inner messages, which never come from outside.
    #[error("`{name}` is a message inside the engine and is not taken from outside")]
    InnerMessage {
        /// `start`, `completed`, `timeout` or `triggered`.
        name: String,
    },
    /// A message of another name than `response`.
    #[error("`{name}` is no message that is taken here, only `response` is")]
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
    /// A reply with another status than those that the engine sends.
    #[error("`{status}` is no status of a reply")]
    UnknownStatus { status: String },
}

impl Unreadable {
    /// The stable code that goes into the dead letter's header.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Properties { .. } => "wire.properties",
            Self::NotUtf8 => "wire.not-utf8",
            Self::TooLarge { .. } => "wire.too-large",
            Self::NotJson { .. } => "wire.not-json",
            Self::TooDeep { .. } => "wire.too-deep",
            Self::NotObject => "wire.not-object",
            Self::NoHeader => "wire.no-header",
            Self::Missing { .. } => "wire.missing-key",
            Self::WrongType { .. } => "wire.wrong-type",
            Self::NotAnId { .. } => "wire.not-an-id",
            Self::InnerMessage { .. } => "wire.inner-message",
            Self::UnknownMessage { .. } => "wire.unknown-message",
            Self::NoEventName => "wire.no-event-name",
            Self::NameTooLong { .. } => "wire.name-too-long",
            Self::UnknownStatus { .. } => "wire.unknown-status",
        }
    }
}
