//! What an exported incident holds, as `incident.json` has it. docs/formats.md describes the file.

use bureaucrat_model::{EvaluationBounds, FiberId, MessageKind, ProcessId, Timestamp, Version};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;
/// The names of the entries.
pub const INCIDENT: &str = "incident.json";
pub const PROGRAM: &str = "program.bin";
pub const DEFINITION: &str = "definition.xml";
pub const STATE: &str = "state.bin";
pub const GUESTS: &str = "guests/";
pub const MESSAGES: &str = "messages/";
/// The most bytes of a file, and of all of its entries together.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// The most entries of a file.
pub const ENTRIES_MAX: usize = 10_000;
/// The most parts of a file.
pub const PARTS_MAX: usize = 1_000;

/// An exported incident.
#[derive(Debug, Serialize, Deserialize)]
pub struct IncidentFile {
    pub format: u32,
    /// The version of the engine.
    pub engine: String,
    pub process: ProcessId,
    /// May be empty.
    pub name: String,
    pub version: Option<Version>,
    pub key: Option<String>,
    pub user: Option<String>,
    /// The hash of its program.
    pub program: String,
    /// Why the engine parked the process, if it did.
    pub parked: Option<String>,
    pub exported_at: Timestamp,
    /// What evaluations of the process run under now, by class.
    pub bounds: Vec<EvaluationBounds>,
    /// The paths whose values are replaced.
    pub masks: Vec<String>,
    /// What evaluations saw; those that saw the same fields share them.
    pub fields: Vec<SeenFields>,
    /// What is stuck: each part of the process that failed, or whose evaluation has no outcome.
    pub parts: Vec<Part>,
    /// How many more there are than a file can have.
    pub more: usize,
}

/// Fields that an evaluation saw.
#[derive(Debug, Serialize, Deserialize)]
pub struct SeenFields {
    pub fields: Box<RawValue>,
    /// JSON Pointers to the values that are replaced.
    pub masked: Vec<String>,
}

/// A part of the process that is stuck.
#[derive(Debug, Serialize, Deserialize)]
pub struct Part {
    pub fiber: FiberId,
    /// `PROCESS_0_1`.
    pub activity: String,
    pub line: u32,
    /// Since when it is stuck.
    pub since: Timestamp,
    /// None if its evaluation has no outcome.
    pub fault: Option<FaultPart>,
    pub evaluation: Option<EvaluationPart>,
    pub message: Option<MessagePart>,
}

/// What went wrong.
#[derive(Debug, Serialize, Deserialize)]
pub struct FaultPart {
    pub code: String,
    pub message: String,
    pub data: Option<Box<RawValue>>,
}

/// An evaluation that failed, or has no outcome.
#[derive(Debug, Serialize, Deserialize)]
pub struct EvaluationPart {
    /// As it is written, or `module#function`.
    pub text: String,
    pub line: u32,
    /// The entry with its guest.
    pub guest: String,
    /// The name of the guest's function.
    pub function: String,
    pub asked_at: Timestamp,
    /// None if it has no outcome.
    pub fuel: Option<u64>,
    pub bounds: EvaluationBounds,
    /// Which of `fields` it saw; none if they were too large to be kept.
    pub fields: Option<usize>,
    /// What it read under names that begin with `inst:`.
    pub reserved: Option<SeenFields>,
}

/// The message that led to a failure.
#[derive(Debug, Serialize, Deserialize)]
pub struct MessagePart {
    pub kind: MessageKind,
    pub properties: Box<RawValue>,
    /// The entry with its body; none if it was too large to be kept, or was left out.
    pub body: Option<String>,
    /// Bytes of the body, and its hash if it is not there.
    pub bytes: u64,
    pub sha256: Option<String>,
}
