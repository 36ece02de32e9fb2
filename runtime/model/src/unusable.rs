//! Parts of a participant's message that the engine cannot use, and leaves out.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A part that is left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unusable {
    /// The `data` of a fault is too large.
    #[serde(rename = "1")]
    Data { bytes: u64, limit: u64 },
    /// The `retry_after` of a fault is not a span of time; holds its beginning.
    #[serde(rename = "2")]
    RetryAfter(String),
    /// A progress is too large.
    #[serde(rename = "3")]
    Progress { bytes: u64, limit: u64 },
    /// Fields have names that the engine gives; holds the beginning of the first one, and how many
    /// there are.
    #[serde(rename = "4")]
    Reserved { first: String, count: u64 },
}

impl Unusable {
    /// What is kept of a text from outside.
    const TEXT_BYTES: usize = 64;

    pub fn retry_after(found: &str) -> Self {
        Self::RetryAfter(cut(found))
    }

    pub fn reserved(first: &str, count: u64) -> Self {
        let first = cut(first);
        Self::Reserved { first, count }
    }
}

fn cut(text: &str) -> String {
    match text.floor_char_boundary(Unusable::TEXT_BYTES) {
        end if end < text.len() => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data { bytes, limit } => {
                write!(f, "`data` has {bytes} bytes; at most {limit} are allowed")
            }
            Self::RetryAfter(found) => write!(
                f,
                "`retry_after` is {found:?}; expected seconds or a duration such as `5m`"
            ),
            Self::Progress { bytes, limit } => {
                write!(
                    f,
                    "`progress` has {bytes} bytes; at most {limit} are allowed"
                )
            }
            Self::Reserved { first, count: 1 } => write!(
                f,
                "the field {first:?}; names that begin with `inst:` belong to the engine"
            ),
            Self::Reserved { first, count } => write!(
                f,
                "{first:?} and other fields, {count} in all; names that begin with `inst:` belong \
                 to the engine"
            ),
        }
    }
}
