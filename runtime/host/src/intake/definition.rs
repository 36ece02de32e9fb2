//! The text of a definition, or the bytes of a module, that came with a delivery: a part of its
//! body, or what was unpacked from it. The body itself stays as it came, for a dead letter.

use super::large::LargeClaim;
use serde::{Deserialize, Serialize};
use std::{ops::Range, sync::Arc};

#[derive(Debug)]
pub struct DefinitionText(Place);

#[derive(Debug)]
enum Place {
    Part(Range<usize>),
    Unpacked {
        text: Vec<u8>,
        /// What is unpacked counts among large messages for as long as it is in memory, however
        /// small it came.
        claim: Option<LargeClaim>,
    },
}

/// Where the text of a waiting launch is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitingText {
    /// In the body, from the first byte to before the second.
    #[serde(rename = "1")]
    Part(usize, usize),
    /// It was unpacked from the body.
    #[serde(rename = "2")]
    Unpacked(#[serde(with = "serde_bytes")] Vec<u8>),
}

impl DefinitionText {
    pub(super) fn to_waiting(&self) -> WaitingText {
        match &self.0 {
            Place::Part(range) => WaitingText::Part(range.start, range.end),
            Place::Unpacked { text, .. } => WaitingText::Unpacked(text.clone()),
        }
    }

    pub(super) fn of_waiting(text: WaitingText) -> Self {
        match text {
            WaitingText::Part(start, end) => Self::part(start..end),
            WaitingText::Unpacked(text) => Self::unpacked(text),
        }
    }

    pub(super) const fn part(range: Range<usize>) -> Self {
        Self(Place::Part(range))
    }

    pub(super) const fn unpacked(text: Vec<u8>) -> Self {
        Self(Place::Unpacked { text, claim: None })
    }

    /// Keeps the claim, if the text is in memory beside its body; returns it otherwise.
    pub(super) fn keep(&mut self, new: LargeClaim) -> Option<LargeClaim> {
        match &mut self.0 {
            Place::Part(_) => Some(new),
            Place::Unpacked { claim, .. } => claim.replace(new),
        }
    }

    /// The text; `body` is that of its delivery.
    pub fn of<'a>(&'a self, body: &'a [u8]) -> &'a [u8] {
        match &self.0 {
            Place::Part(range) => body.get(range.clone()).unwrap_or_default(),
            Place::Unpacked { text, .. } => text,
        }
    }

    /// The text, to be handed to a job.
    pub fn shared(&self, body: &[u8]) -> Arc<[u8]> {
        Arc::from(self.of(body))
    }
}
