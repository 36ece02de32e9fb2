//! What goes into the engine and what comes out of it.

use crate::{
    called::{Bond, ChildDefinition, DeployedProgram},
    deployed::DefinitionRef,
    evidence::Ran,
    fault::{Fault, FaultCode},
    fields::{Fields, JsonText},
    history::HistoryEvent,
    ids::{ActivityPath, FiberId, ProcessId, Turn},
    indexes::ConditionIndex,
    instance::Caller,
    message::Message,
    op::Cargo,
    time::{Millis, Timestamp},
    unusable::Unusable,
    via::{Via, Way},
    view::View,
    wait::Subscription,
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
    /// The result of a call, or the reply to a request: any JSON.
    #[serde(rename = "7")]
    Value(JsonText),
    /// The participant failed: workitem dialect, `fault`; message dialect, status `critical`.
    #[serde(rename = "3")]
    Fault {
        code: FaultCode,
        message: String,
        data: Option<JsonText>,
        /// How long the participant wants to have peace before another attempt.
        retry_after: Option<Millis>,
    },
    /// The participant is at work; a value for people, and for another attempt.
    #[serde(rename = "6")]
    Progress(JsonText),
    /// Message dialect, any other status: it is recorded, the activity stays suspended.
    #[serde(rename = "4")]
    Suspended(String),
    /// The header could be read, but the fields could not; holds the reason.
    #[serde(rename = "5")]
    Unreadable(String),
}

impl Answer {
    /// A failure with a code and a message alone.
    pub const fn fault(code: FaultCode, message: String) -> Self {
        Self::Fault {
            code,
            message,
            data: None,
            retry_after: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It completed with these fields.
    #[serde(rename = "1")]
    Completed(Fields),
    #[serde(rename = "2")]
    Failed(Fault),
}

/// The outcome of a condition. Only outcomes that another evaluation would repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EvaluationOutcome {
    /// Whether the condition holds.
    #[serde(rename = "1")]
    Verdict(bool),
    /// A guest's error, a trap, or a limit.
    #[serde(rename = "2")]
    Fault {
        code: FaultCode,
        message: String,
        /// What else is known of it, for the fault's data.
        data: Option<JsonText>,
        /// What it saw and ran under, for an incident.
        ran: Option<Box<Ran>>,
    },
    /// The value of a function that returns one.
    #[serde(rename = "3")]
    Value(JsonText),
}

/// An outcome and its cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    pub outcome: EvaluationOutcome,
    /// In the sandbox's units.
    pub fuel: u64,
}

/// Where an event comes from. A process takes each kept event once at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventSource {
    /// It is not kept.
    #[serde(rename = "1")]
    Live { sequence: u64 },
    /// It is kept, and came while it was awaited.
    #[serde(rename = "2")]
    Kept { sequence: u64 },
    /// It was kept before it was awaited.
    #[serde(rename = "3")]
    Recalled { sequence: u64, at: Timestamp },
}

impl EventSource {
    /// The number of the event, among all.
    pub const fn sequence(self) -> u64 {
        match self {
            Self::Live { sequence } | Self::Kept { sequence } | Self::Recalled { sequence, .. } => {
                sequence
            }
        }
    }

    /// The number of a kept event.
    pub const fn kept(self) -> Option<u64> {
        match self {
            Self::Live { .. } => None,
            Self::Kept { sequence } | Self::Recalled { sequence, .. } => Some(sequence),
        }
    }
}

/// Something that happened to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A participant answered a task.
    #[serde(rename = "1")]
    Answer {
        /// The activity in `target`.
        activity: ActivityPath,
        /// The turn in `origin`, if any.
        turn: Option<Turn>,
        answer: Answer,
        /// What of its message is left out.
        unusable: Vec<Unusable>,
    },
    #[serde(rename = "2")]
    TimerFired { fiber: FiberId, turn: Turn },
    /// An event with the awaited name was published.
    #[serde(rename = "3")]
    Event {
        fiber: FiberId,
        turn: Turn,
        name: String,
        key: Option<String>,
        /// How many emissions in a row led to it; 0 for one from outside.
        depth: u32,
        /// The event's whole JSON object.
        event: JsonText,
        source: EventSource,
    },
    #[serde(rename = "4")]
    ChildEnded {
        /// The fiber that called it.
        fiber: FiberId,
        turn: Turn,
        ending: Ending,
    },
    /// A called process could not be started because its definition was refused.
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
    /// Continues after [`Effect::Yield`].
    #[serde(rename = "7")]
    Continue,
    /// The broker never accepts the task that was sent under this turn.
    #[serde(rename = "8")]
    TaskRefused {
        turn: Turn,
        /// The broker's words.
        reason: String,
    },
    /// There was no connection to send the task of this turn until now: the time of its attempt begins again.
    #[serde(rename = "15")]
    TaskDelayed { turn: Turn, until: Timestamp },
    /// The version that a call by name runs is chosen.
    #[serde(rename = "9")]
    DefinitionFound {
        /// The fiber that calls it.
        fiber: FiberId,
        turn: Turn,
        definition: DeployedProgram,
    },
    /// A detached process starts in the commit of this step, or from a row that is part of it.
    #[serde(rename = "10")]
    Detached { fiber: FiberId, turn: Turn },
    /// An operator has what waits for one tried again.
    #[serde(rename = "11")]
    Retry,
    /// All kept events were offered to the wait.
    #[serde(rename = "14")]
    Recalled { fiber: FiberId, turn: Turn },
    /// The host does what the fiber wanted to be done.
    #[serde(rename = "12")]
    Admitted { fiber: FiberId, turn: Turn },
    /// The host does not do what the fiber waits for: the policy, a quota or its own rules are against it.
    #[serde(rename = "13")]
    Refused {
        fiber: FiberId,
        turn: Turn,
        code: FaultCode,
        reason: String,
    },
}

/// Why a task is no longer needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEnd {
    /// Its answer counted, or it was refused.
    Settled,
    /// Nothing waits for its answer any more, which its participant may want to know.
    Abandoned(AbandonedTask),
}

/// A task that its participant may still be at work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbandonedTask {
    /// None when the program is not at hand.
    pub activity: Option<ActivityPath>,
    pub participant: String,
    /// How the definition has it wrapped; none for what the settings say.
    pub via: Option<Via>,
}

/// What the host must do, in this order, in the commit of the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Evaluate a condition; its outcome comes back as [`Input::Evaluated`] before anything is committed.
    Evaluate {
        fiber: FiberId,
        turn: Turn,
        condition: ConditionIndex,
        view: View,
    },
    /// Send a task to a participant, with the fields of the fiber that waits under this turn. They
    /// do not change until the wait ends.
    SendTask {
        activity: ActivityPath,
        /// The turn, which is sent in `origin`.
        turn: Turn,
        participant: String,
        way: Way,
        cargo: Cargo,
        /// When the process waits no longer for this attempt.
        expires: Option<Timestamp>,
    },
    /// The task of this wait is no longer needed.
    WithdrawTask {
        turn: Turn,
        end: TaskEnd,
    },
    /// Start a timer.
    StartTimer {
        fiber: FiberId,
        turn: Turn,
        due: Timestamp,
    },
    /// The timer is no longer needed, or has fired.
    StopTimer {
        fiber: FiberId,
        turn: Turn,
        due: Timestamp,
    },
    /// Deliver these events.
    Subscribe {
        subscription: Subscription,
        fiber: FiberId,
        turn: Turn,
    },
    /// These events are no longer awaited.
    Unsubscribe {
        subscription: Subscription,
        fiber: FiberId,
        turn: Turn,
    },
    /// The process took this kept event: it is not offered to it again.
    TakeKept {
        sequence: u64,
    },
    /// This fiber, which takes one event after the other, took this one: a run that hands it out again does not give it
    /// to the fiber again.
    TakeEvent {
        fiber: FiberId,
        sequence: u64,
    },
    /// Kept events are not to be offered to this wait any more.
    EndRecall {
        fiber: FiberId,
        turn: Turn,
    },
    /// Send a message to the broker; whether it is sent comes back before anything is committed.
    Send {
        activity: ActivityPath,
        fiber: FiberId,
        turn: Turn,
        message: Message,
    },
    /// Send an event to all processes; whether it is sent comes back before anything is committed.
    Emit {
        activity: ActivityPath,
        fiber: FiberId,
        turn: Turn,
        event: String,
        key: Option<String>,
        keep: Option<Millis>,
        fields: Fields,
        /// How many emissions in a row led to it, each caused by the one before.
        depth: u32,
    },
    StartChild {
        child: ProcessId,
        caller: Caller,
        definition: ChildDefinition,
        /// The fields that it begins with, over its own context.
        fields: Fields,
        /// What is detached is answered by [`Input::Detached`].
        bond: Bond,
    },
    /// Choose the version that a call by name runs: the answer, or a refusal, is part of the same commit.
    FindDefinition {
        fiber: FiberId,
        turn: Turn,
        definition: DefinitionRef,
    },
    /// Cancel a running called process, because its caller failed.
    CancelChild {
        child: ProcessId,
        /// The wait of its caller.
        turn: Turn,
        /// The fiber that waits for its end; none when nothing does any more.
        awaited_by: Option<FiberId>,
    },
    /// The process ended: tell its caller, its launcher and all listeners.
    End(Ending),
    Record(HistoryEvent),
    /// The step has run its share of instructions; send [`Input::Continue`] after others had their
    /// turn.
    Yield,
}
