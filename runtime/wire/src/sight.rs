//! What kind of message a body seems to be, for messages in the wrong queue. A guess for the words
//! of a refusal: nothing is taken because of it.

use crate::{WireLimits, scan::Scan};
use std::fmt;

/// What comes to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    Definition,
    Answer,
    Event,
}

impl MessageKind {
    /// What a body's content seems to be.
    pub fn seen(content: &[u8], limits: &WireLimits) -> Option<Self> {
        match content.trim_ascii_start().first() {
            Some(b'<') => Some(Self::Definition),
            Some(b'{') => {
                let scan = Scan::of(content, limits);
                let has = |name| scan.get(name).is_some();
                if has("header") || (has("payload") && has("target")) {
                    Some(Self::Answer)
                } else {
                    has("event").then_some(Self::Event)
                }
            }
            Some(_) | None => None,
        }
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Definition => "a process definition (XML)",
            Self::Answer => "an answer to a task",
            Self::Event => "an event",
        })
    }
}
