//! What messages to the engine are, known to their publishers.

use super::{Expected, Message};
use bureaucrat_model::{ActivityPath, ProcessId, Turn};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

/// One launch of so many, and one answer, is compressed.
pub const COMPRESSED: u64 = 5;

impl Message {
    /// The same, compressed.
    #[must_use]
    pub fn compressed(mut self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(&self.body);
        if let Ok(body) = written.and_then(|()| encoder.finish()) {
            self.body = body;
            self.properties.content_encoding = Some("gzip".to_owned());
        }
        self
    }
}

/// What a message to the engine is, known to its publisher.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// The launch with this number.
    Launch(usize),
    /// An answer that counts at most once.
    Answer {
        process: ProcessId,
        path: ActivityPath,
        turn: Turn,
    },
    /// An answer that leaves the activity waiting.
    Suspended,
    /// The event with this number.
    Event(u64),
    /// Unreadable, or without a match: becomes a dead letter, whole.
    Hostile,
}

/// What the model knows about a launch.
#[derive(Debug, Clone)]
pub struct LaunchFacts {
    /// The name of its process.
    pub name: String,
    /// Whether it has a message id.
    pub has_id: bool,
    /// How its process ends; `None` if it is refused.
    pub expected: Option<Expected>,
}
