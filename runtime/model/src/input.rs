//! What goes into the engine and what comes out of it.

use crate::{
    fault::{Fault, FaultCode},
    fields::{Fields, JsonText},
    history::HistoryEvent,
    ids::{ActivityPath, FiberId, ProcessId, Turn},
    instance::Caller,
    program::ConditionIndex,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Workitem dialect: the fields that replace the fiber's.
    #[serde(rename = "1")]
    Replace(Fields),
    /// Message dialect, status `done`: fields that update the fiber's.
    #[serde(rename = "2")]
    Update(Fields),
    /// The participant failed: workitem dialect, `fault`; message dialect, status `critical`.
    #[serde(rename = "3")]
    Fault { code: FaultCode, message: String },
    /// Message dialect, any other status: it is recorded, the activity stays suspended.
    #[serde(rename = "4")]
    Suspended(String),
    /// An answer whose header could be read but whose fields could not; the reason.
    #[serde(rename = "5")]
    Unreadable(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It ran to its end, with these final fields.
    #[serde(rename = "1")]
    Completed(Fields),
    #[serde(rename = "2")]
    Failed(Fault),
}

/// What the evaluation of a condition gave; only outcomes that another evaluation would give again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EvaluationOutcome {
    /// The condition holds, or not.
    #[serde(rename = "1")]
    Verdict(bool),
    /// The guest's error, a trap, or a limit.
    #[serde(rename = "2")]
    Fault { code: FaultCode, message: String },
}

/// An outcome and what it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    pub outcome: EvaluationOutcome,
    /// The fuel used, in the sandbox's units.
    pub fuel: u64,
}

/// One thing that happened to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A participant answered a task.
    #[serde(rename = "1")]
    Answer {
        /// The activity that `target` names.
        activity: ActivityPath,
        /// The turn that `origin` carried, if any.
        turn: Option<Turn>,
        answer: Answer,
    },
    #[serde(rename = "2")]
    TimerFired { fiber: FiberId, turn: Turn },
    /// An event of the awaited name was published.
    #[serde(rename = "3")]
    Event {
        fiber: FiberId,
        turn: Turn,
        /// The event's whole JSON object.
        event: JsonText,
    },
    #[serde(rename = "4")]
    ChildEnded {
        /// The fiber that called it.
        fiber: FiberId,
        turn: Turn,
        ending: Ending,
    },
    /// A called process could not be started: its definition is refused.
    #[serde(rename = "5")]
    ChildRefused {
        /// The fiber that called it.
        fiber: FiberId,
        turn: Turn,
        reason: String,
    },
    #[serde(rename = "6")]
    Evaluated {
        fiber: FiberId,
        turn: Turn,
        condition: ConditionIndex,
        evaluation: Evaluation,
    },
    /// Goes on after [`Effect::Yield`].
    #[serde(rename = "7")]
    Continue,
    /// The broker never takes the task that was sent under this turn.
    #[serde(rename = "8")]
    TaskRefused {
        turn: Turn,
        /// The broker's words.
        reason: String,
    },
}

/// What the host is to do, in this order, in the commit of the step that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Evaluate a condition; its outcome comes back as [`Input::Evaluated`] before anything is committed.
    Evaluate {
        fiber: FiberId,
        turn: Turn,
        condition: ConditionIndex,
        /// The fields that it sees.
        fields: Fields,
    },
    /// Send a task to a participant, with the fields of the fiber that waits under this turn: they stay as they are until
    /// the wait ends.
    SendTask {
        activity: ActivityPath,
        /// The wait; it travels in `origin`.
        turn: Turn,
        /// Who is to do it.
        participant: String,
    },
    /// The task of this wait needs no sending any more: its answer counted, or its process failed.
    WithdrawTask {
        turn: Turn,
    },
    /// Call back at a time.
    StartTimer {
        fiber: FiberId,
        turn: Turn,
        due: Timestamp,
    },
    /// The timer is not needed any more, or has fired.
    StopTimer {
        fiber: FiberId,
        turn: Turn,
        due: Timestamp,
    },
    /// Hand over events of a name.
    Subscribe {
        event: String,
        fiber: FiberId,
        turn: Turn,
    },
    /// Events of this name are not awaited any more.
    Unsubscribe {
        event: String,
        fiber: FiberId,
        turn: Turn,
    },
    StartChild {
        /// The id that it gets.
        child: ProcessId,
        caller: Caller,
        /// The XML text of its definition.
        definition: String,
    },
    /// Cancel a called process that runs, since its caller failed.
    CancelChild {
        child: ProcessId,
    },
    /// The process ended: tell its caller, its launcher and whoever listens.
    End(Ending),
    Record(HistoryEvent),
    /// The step has run its share of instructions; come back with [`Input::Continue`] after others had their turn.
    Yield,
}
