//! What is recorded about a process: what happened, when, which message, and each condition's
//! outcome.

mod chain;
mod weight;
mod words;

use crate::{
    fault::{Fault, FaultCode},
    fields::JsonText,
    ids::{ActivityPath, ModuleHash, ProcessId, ProgramHash, Turn},
    indexes::ConditionIndex,
    initiator::Initiator,
    time::{Millis, Timestamp},
    unusable::Unusable,
    version::Version,
};
use serde::{Deserialize, Serialize};

pub use chain::{HistoryHead, LeftOut};
pub use weight::Weight;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HistoryEvent {
    #[serde(rename = "1")]
    Launched {
        /// The message id of the launch, if any.
        message_id: Option<String>,
        /// Whether this may repeat a launch that had no message id.
        redelivered: Redelivered,
        /// What it runs. The code of inline expressions is part of it.
        program: ProgramHash,
    },
    /// A task was put into the outbox.
    #[serde(rename = "2")]
    TaskSent {
        activity: ActivityPath,
        turn: Turn,
        participant: String,
    },
    #[serde(rename = "3")]
    Answered { activity: ActivityPath, turn: Turn },
    /// An answer said that the activity must wait longer.
    #[serde(rename = "4")]
    Suspended {
        activity: ActivityPath,
        turn: Turn,
        reason: String,
    },
    #[serde(rename = "5")]
    DelayStarted {
        activity: ActivityPath,
        duration: Millis,
        due: Timestamp,
    },
    #[serde(rename = "6")]
    DelayEnded { activity: ActivityPath },
    #[serde(rename = "7")]
    AwaitStarted {
        activity: ActivityPath,
        event: String,
    },
    /// An event arrived, and was taken or not, depending on the conditions.
    #[serde(rename = "8")]
    EventReceived {
        activity: ActivityPath,
        event: String,
        taken: Taken,
    },
    #[serde(rename = "9")]
    Called {
        activity: ActivityPath,
        child: ProcessId,
    },
    /// A called process ended without a fault.
    #[serde(rename = "10")]
    Returned {
        activity: ActivityPath,
        child: ProcessId,
    },
    #[serde(rename = "11")]
    ConditionEvaluated {
        activity: ActivityPath,
        condition: ConditionIndex,
        /// Whose function it is; none for the program's own guest.
        module: Option<ModuleHash>,
        outcome: ConditionOutcome,
        fuel: u64,
    },
    #[serde(rename = "12")]
    Forked {
        activity: ActivityPath,
        branches: u32,
    },
    #[serde(rename = "13")]
    Joined { activity: ActivityPath },
    /// The process completed.
    #[serde(rename = "14")]
    Completed,
    #[serde(rename = "15")]
    Failed(Fault),
    /// The host could not evaluate a condition, for reasons of its own; the process is parked.
    #[serde(rename = "16")]
    Parked { reason: String },
    /// A parked process resumed.
    #[serde(rename = "17")]
    Resumed,
    /// Somebody cancelled the process.
    #[serde(rename = "19")]
    Cancelled { reason: String, by: Initiator },
    /// An operator retried a parked process.
    #[serde(rename = "20")]
    Retried { reason: String, by: Initiator },
    /// An operator suspended the process.
    #[serde(rename = "40")]
    ProcessSuspended { reason: String, by: Initiator },
    /// An operator had a suspended process continue.
    #[serde(rename = "46")]
    ProcessResumed { reason: String, by: Initiator },
    /// An operator ended the process, without anything that it would have run at its end.
    #[serde(rename = "41")]
    Terminated { reason: String, by: Initiator },
    /// An operator had a part of the process try again.
    #[serde(rename = "42")]
    PartRetried {
        activity: ActivityPath,
        reason: String,
        by: Initiator,
    },
    /// An operator ended an activity without what it was waited for.
    #[serde(rename = "43")]
    Skipped {
        activity: ActivityPath,
        reason: String,
        by: Initiator,
    },
    /// An operator set or removed fields, where a part stands.
    #[serde(rename = "44")]
    FieldsSet {
        activity: ActivityPath,
        names: Vec<String>,
        reason: String,
        by: Initiator,
    },
    /// An operator had a part continue elsewhere.
    #[serde(rename = "45")]
    Moved {
        activity: ActivityPath,
        to: ActivityPath,
        reason: String,
        by: Initiator,
    },
    /// An operator had the process continue as another version of its definition.
    #[serde(rename = "47")]
    Migrated {
        /// None if its definition came with its launch.
        from: Option<Version>,
        to: Version,
        /// What it runs from now on.
        program: ProgramHash,
        reason: String,
        by: Initiator,
    },
    /// An attempt at an action failed; another one follows.
    #[serde(rename = "22")]
    AttemptFailed {
        /// The number of the attempt, from 1.
        attempt: u32,
        fault: Fault,
        /// When the next one begins.
        due: Timestamp,
    },
    /// Parts of a participant's message were left out.
    #[serde(rename = "37")]
    LeftOut {
        activity: ActivityPath,
        turn: Turn,
        parts: Vec<Unusable>,
    },
    /// The broker took a task late, or has not taken it yet.
    #[serde(rename = "38")]
    TimeRestarted {
        activity: ActivityPath,
        turn: Turn,
        /// From when the time of the attempt counts.
        begun: Timestamp,
    },
    /// An event was sent to all processes.
    #[serde(rename = "23")]
    Emitted {
        activity: ActivityPath,
        event: String,
        key: Option<String>,
    },
    /// A message was put into the outbox.
    #[serde(rename = "36")]
    Sent {
        activity: ActivityPath,
        /// Empty for the default exchange.
        exchange: String,
        routing_key: String,
    },
    /// A scope runs what it runs at its end.
    #[serde(rename = "24")]
    Finishing { activity: ActivityPath },
    /// Something that was stopped failed at its end; nobody hears of it any more.
    #[serde(rename = "25")]
    FailedAtEnd { fault: Fault },
    /// An event came while its scope was active, and others before it are still being dealt with.
    #[serde(rename = "33")]
    EventQueued {
        activity: ActivityPath,
        event: String,
    },
    #[serde(rename = "34")]
    EventDropped {
        activity: ActivityPath,
        event: String,
        why: Dropped,
    },
    /// An event or a time stops the body of a scope.
    #[serde(rename = "35")]
    Interrupted { activity: ActivityPath },
    /// A completed scope is undone.
    #[serde(rename = "32")]
    Compensating {
        /// The compensation.
        activity: ActivityPath,
    },
    /// A process was started that nobody waits for.
    #[serde(rename = "26")]
    Started {
        activity: ActivityPath,
        process: ProcessId,
    },
    /// Nothing handled a fault: what failed waits for an operator.
    #[serde(rename = "27")]
    Stuck { fault: Fault },
    /// A handler of a scope caught a fault.
    #[serde(rename = "21")]
    Caught {
        /// The activity that has the scope.
        activity: ActivityPath,
        fault: Fault,
    },
}

/// Why a scope drops an event that came for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dropped {
    /// As many events as it keeps wait to be handled already.
    #[serde(rename = "1")]
    Full,
    /// It ended before the event's turn came.
    #[serde(rename = "2")]
    Ended,
}

/// Whether the broker marked a message as possibly delivered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Redelivered {
    /// It did not.
    #[default]
    #[serde(rename = "0")]
    No,
    #[serde(rename = "1")]
    Perhaps,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Taken {
    #[serde(rename = "1")]
    Yes,
    /// No condition held; the fiber keeps waiting.
    #[serde(rename = "2")]
    No,
}

/// The outcome of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionOutcome {
    /// Whether it held.
    #[serde(rename = "1")]
    Verdict(bool),
    #[serde(rename = "2")]
    Fault { code: FaultCode, message: String },
    /// The value as JSON text, cut to 256 bytes.
    #[serde(rename = "3")]
    Value(String),
}

impl ConditionOutcome {
    /// The most bytes of a value that are kept.
    const VALUE_BYTES: usize = 256;

    pub fn value(value: &JsonText) -> Self {
        let text = value.as_str();
        match text.floor_char_boundary(Self::VALUE_BYTES) {
            end if end < text.len() => Self::Value(format!("{}…", &text[..end])),
            _ => Self::Value(text.to_owned()),
        }
    }
}

/// One thing that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// In the engine's time.
    pub at: Timestamp,
    pub event: HistoryEvent,
}
