//! What is kept of a failure that waits for an operator, beside its fault, so that it can be played
//! again elsewhere: the evaluation that it is the outcome of, and the message that led to it.
//!
//! It is stored with the wait of the fiber that failed, and only there: a step that succeeds writes
//! nothing of it, and it goes with the process. What the fiber still has is not kept twice.

use crate::{
    fields::{Fields, JsonText},
    indexes::ConditionIndex,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What is known of a failure beside its fault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub evaluation: Option<FailedEvaluation>,
    pub message: Option<KeptMessage>,
}

impl Evidence {
    /// The most bytes of messages and fields that the incidents of one process keep together.
    pub const BYTES_MAX: usize = 1 << 20;

    /// Bytes of what is kept in it of messages and fields.
    pub fn bytes(&self) -> usize {
        let fields = self.evaluation.iter().map(|found| match &found.fields {
            Seen::Kept(fields) => fields.size(),
            Seen::InPlace | Seen::TooLarge { .. } => 0,
        });
        let message = self.message.iter().map(KeptMessage::bytes);
        fields.chain(message).fold(0, usize::saturating_add)
    }
}

/// An evaluation whose outcome is the fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedEvaluation {
    pub condition: ConditionIndex,
    /// When it was asked for, which is its `inst:now`.
    pub asked_at: Timestamp,
    /// Its `inst:attempt`: the fiber counts again from 1 while it waits.
    pub attempt: u32,
    /// In the sandbox's units.
    pub fuel: u64,
    pub bounds: EvaluationBounds,
    pub fields: Seen,
}

/// The fields that an evaluation saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// Those that are visible where the fiber waits.
    #[serde(rename = "1")]
    InPlace,
    /// They may have changed since.
    #[serde(rename = "2")]
    Kept(Fields),
    /// They may have changed since, and were too large to be kept.
    #[serde(rename = "3")]
    TooLarge { bytes: u64 },
}

/// What an evaluation ran under: another one under the same has the same outcome and fuel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationBounds {
    /// The version of wasmtime.
    pub wasmtime: String,
    /// What instructions and calls of the host cost; another text stands for other costs.
    pub costs: String,
    pub class: GuestClass,
    pub fuel: u64,
    /// Bytes of one memory.
    pub memory_bytes: u64,
    /// Bytes of all memories together.
    pub all_memory_bytes: u64,
    pub table_elements: u64,
    pub stack_bytes: u64,
    /// Calls of `fields` and `log`.
    pub host_calls: u64,
    pub host_bytes_returned: u64,
    pub pointer_bytes: u64,
    pub keys: u64,
    pub error_text_bytes: u64,
    pub result_bytes: u64,
    pub deadline_ms: u64,
}

/// The class of a guest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestClass {
    #[default]
    #[serde(rename = "small")]
    Small,
    /// It has a language runtime inside.
    #[serde(rename = "runtime")]
    Runtime,
}

/// What an evaluation that failed saw and ran under, until the engine has decided what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    pub fields: Fields,
    pub bounds: EvaluationBounds,
}

/// The message that led to a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMessage {
    pub kind: MessageKind,
    /// Its properties and headers, as dead letters have them.
    pub properties: JsonText,
    pub body: KeptBody,
}

impl KeptMessage {
    pub fn bytes(&self) -> usize {
        let body = match &self.body {
            KeptBody::Whole(body) => body.len(),
            KeptBody::TooLarge { .. } => 0,
        };
        body.saturating_add(self.properties.as_str().len())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    #[serde(rename = "answer")]
    Answer,
    #[serde(rename = "event")]
    Event,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeptBody {
    #[serde(rename = "1")]
    Whole(#[serde(with = "serde_bytes")] Vec<u8>),
    #[serde(rename = "2")]
    TooLarge {
        bytes: u64,
        #[serde(with = "serde_bytes")]
        sha256: Vec<u8>,
    },
}
