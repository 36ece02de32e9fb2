//! What `show` says about a fiber that waits: what for, what would wake it, and where in its definition it is.

use super::TaskState;
use bureaucrat_model::{
    Fault, FaultCode, FiberId, JsonText, Millis, ProcessId, Timestamp, Turn, Way,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitView {
    pub fiber: FiberId,
    pub turn: Turn,
    pub at: PlaceView,
    pub since: Timestamp,
    pub waits_for: WaitsFor,
    /// Of an action with `retry`, which of its attempts this is.
    pub attempt: Option<Attempt>,
    /// The scopes around it, outermost first, when that was asked.
    pub scopes: Vec<ScopeView>,
    /// Where the task is whose answer is waited for, when that was asked and is known.
    pub task: Option<TaskState>,
    /// The message of that task.
    pub message: Option<MessageView>,
}

/// The message that brings a task to its participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    pub id: String,
    /// Where it goes by the settings of this run; none where the definition computes that, or where
    /// it was not asked.
    pub exchange: Option<String>,
    pub routing_key: Option<String>,
    /// What the definition says of its way, unless it computes that.
    #[serde(skip)]
    pub way: Option<Way>,
}

/// A place in a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceView {
    /// The activity's id, `PID_0_1`.
    pub activity: String,
    /// What its author calls it.
    pub id: Option<String>,
    pub title: Option<String>,
    /// 0 when it is not known.
    pub line: u32,
}

/// One of several attempts; the first has number 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub number: u32,
    pub of: u32,
}

/// An element with handlers, a `finally` or fields of its own that a fiber is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeView {
    pub at: PlaceView,
    pub phase: ScopePhase,
    /// Of a sequence with `retry`.
    pub attempt: Option<Attempt>,
    /// Those that it declares, as far as they are set: an object.
    pub fields: serde_json::Value,
}

/// What happens in a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum ScopePhase {
    Body,
    /// A handler deals with a fault of this code.
    Handling {
        code: FaultCode,
    },
    /// An event or a time has stopped it.
    Interrupted,
    Finally,
}

/// What a fiber waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum WaitsFor {
    Answer {
        participant: String,
        /// When this attempt has taken too long.
        timeout: Option<Timestamp>,
        /// When all attempts together have.
        within: Option<Timestamp>,
        heartbeat: Option<Heartbeat>,
        progress: Option<ProgressView>,
    },
    Timer {
        due: Timestamp,
    },
    /// The next attempt at an action or a sequence.
    Attempt {
        number: u32,
        of: u32,
        due: Timestamp,
    },
    /// One of these events.
    Event {
        events: Vec<EventWanted>,
        /// When the wait ends without one.
        timeout: Option<Timestamp>,
        role: EventRole,
        /// Those that came and were not taken.
        untaken: Option<UntakenView>,
    },
    Process {
        process: ProcessId,
    },
    Branches {
        remaining: u32,
    },
    /// What was stopped runs what it runs at its end; so many branches of it.
    Stopping {
        remaining: u32,
    },
    Condition {
        /// Its text, if it is known.
        text: Option<String>,
    },
    /// It has completed, and stays as long as it can be undone.
    Compensation,
    /// Nothing handled this fault; an operator has it tried again.
    Operator {
        fault: Fault,
    },
    /// Whether the engine sends what it wants to send; only a parked process waits for long.
    Admission,
}

impl WaitsFor {
    /// The fault after which it waits for an operator.
    pub const fn fault_for_operator(&self) -> Option<&Fault> {
        match self {
            Self::Operator { fault } => Some(fault),
            Self::Answer { .. }
            | Self::Timer { .. }
            | Self::Attempt { .. }
            | Self::Event { .. }
            | Self::Process { .. }
            | Self::Branches { .. }
            | Self::Stopping { .. }
            | Self::Condition { .. }
            | Self::Compensation
            | Self::Admission => None,
        }
    }
}

/// What an event is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventRole {
    /// The process continues with it.
    Awaited,
    /// A scope reacts to it while its body runs.
    Handled,
}

/// Events that came to an `await` or `pick`, and for which no condition held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntakenView {
    pub count: u32,
    /// When the last one came.
    pub at: Timestamp,
    /// The name of the last one.
    pub event: String,
    /// Its body; none for a large one.
    pub body: Option<serde_json::Value>,
    /// What a condition failed with last.
    pub error: Option<String>,
}

/// The longest silence that an action allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    #[serde(rename = "silence_ms")]
    pub silence: Millis,
    /// When it has been silent for that long; none before the first progress.
    pub due: Option<Timestamp>,
}

/// A participant's last sign of progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressView {
    pub at: Timestamp,
    pub value: serde_json::Value,
}

impl ProgressView {
    pub fn new(at: Timestamp, value: &JsonText) -> Self {
        Self {
            at,
            value: value.to_value().unwrap_or(serde_json::Value::Null),
        }
    }
}

/// An event that wakes a fiber.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventWanted {
    pub event: String,
    /// With one, only events with this key count.
    pub key: Option<String>,
    /// Kept events that are not older than this count, too.
    pub since: Option<Timestamp>,
    /// The texts of the conditions, of which one has to hold; none if each event counts.
    pub conditions: Vec<String>,
}
