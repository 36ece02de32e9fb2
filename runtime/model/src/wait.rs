//! Waits: what a fiber waits for, since when, and under which number.

use crate::{
    called::Called,
    evidence::{Evidence, FailedEvaluation},
    fault::Fault,
    fields::{Fields, JsonText},
    ids::{ActivityPath, FiberId, ProcessId, Turn},
    indexes::{ConditionIndex, OpIndex},
    input::EventSource,
    time::{Millis, Timestamp},
    via::Way,
};
use serde::{Deserialize, Serialize};

/// What a listener does with events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arrivals {
    /// It takes the next one.
    #[serde(rename = "1")]
    Taken,
    /// One is being dealt with; these wait for their turn.
    #[serde(rename = "2")]
    Kept(Vec<JsonText>),
    /// One is being dealt with, and no other follows.
    #[serde(rename = "3")]
    Ending,
}

/// A subscription of a wait.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subscription {
    pub event: String,
    /// With one, only events with this key count.
    pub key: Option<String>,
    /// Kept events that are not older than this count, too.
    pub since: Option<Timestamp>,
}

/// An event whose conditions are being evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub event: JsonText,
    /// Its key, where there are alternatives.
    pub key: Option<Box<str>>,
    /// The alternative whose condition it is.
    pub alternative: u32,
    pub condition: ConditionIndex,
    /// When the event arrived.
    pub at: Timestamp,
    pub source: EventSource,
}

/// Whether the events that were kept before a wait have been offered to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recall {
    /// They have, or none count.
    #[serde(rename = "1")]
    Over,
    #[serde(rename = "2")]
    Pending,
    /// And the time of the wait is over.
    #[serde(rename = "3")]
    Overdue,
}

/// What the time of a wait runs beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pace {
    /// The clock alone.
    #[serde(rename = "1")]
    Clock,
    /// Messages: what came before the time was over counts, even if the engine was away and takes it later.
    #[serde(rename = "2")]
    Messages,
}

/// Events that came to a wait and were not taken, for the words of its timeout and for operators.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untaken {
    pub events: u32,
    /// What a condition failed with last, shortened.
    pub error: Option<String>,
    pub last: Option<Box<LastUntaken>>,
}

/// The last event that came to a wait and was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUntaken {
    pub at: Timestamp,
    /// The alternative whose conditions were asked last.
    pub alternative: u32,
    /// None for a large one.
    pub event: Option<JsonText>,
}

/// What limits the time of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// How long the attempt may take.
    pub timeout: Option<Millis>,
    /// When its time began: with the wait, or once its task could be sent.
    pub begun: Timestamp,
    /// When all attempts together have.
    pub within: Option<Timestamp>,
    /// The longest silence after the first sign of progress.
    pub heartbeat: Option<Millis>,
}

impl Expiry {
    /// When the attempt has taken too long.
    pub fn timeout_ends(&self) -> Option<Timestamp> {
        self.timeout.map(|timeout| self.begun.after(timeout))
    }
}

/// A participant's last sign of progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub at: Timestamp,
    pub value: JsonText,
}

/// What a fiber waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitKind {
    #[serde(rename = "1")]
    Answer {
        participant: String,
        /// Which way its task went, as far as that was computed.
        way: Option<Box<Way>>,
        /// The fields of its task; none for all that are visible.
        fields: Option<Fields>,
        expiry: Expiry,
        progress: Option<Progress>,
        /// What its task calls the activity, if that has another path since the process migrated.
        activity: Option<ActivityPath>,
    },
    #[serde(rename = "2")]
    Timer { due: Timestamp, pace: Pace },
    #[serde(rename = "3")]
    Event {
        /// For each alternative, in their order.
        subscriptions: Vec<Subscription>,
        check: Option<Check>,
        recall: Recall,
        untaken: Untaken,
    },
    /// The end of a called process.
    #[serde(rename = "4")]
    Child {
        child: ProcessId,
        /// What it began with, over its own context.
        fields: Fields,
        definition: Called,
    },
    #[serde(rename = "5")]
    Branches {
        /// How many branches have not ended.
        remaining: u32,
    },
    /// The outcome of a function.
    #[serde(rename = "6")]
    Condition {
        /// The function that is being evaluated.
        condition: ConditionIndex,
    },
    /// The end of everything below it that was stopped.
    #[serde(rename = "7")]
    Stopping {
        /// How many fibers and called processes have not ended.
        remaining: u32,
        then: Then,
        /// The called process among them: it was cancelled, and may have something to do at its end.
        called: Option<ProcessId>,
    },
    /// The outcome of a condition that decides what follows for a fault.
    #[serde(rename = "8")]
    Fault {
        fault: Fault,
        condition: ConditionIndex,
        asker: Asker,
        /// The evaluation that the fault is the outcome of.
        evaluation: Option<Box<FailedEvaluation>>,
    },
    /// A completed scope waits to be compensated, maybe without end. Its fields are those that it saw last.
    #[serde(rename = "9")]
    Compensation {
        /// The instruction that entered the scope.
        scope: OpIndex,
    },
    /// Events, one after the other, as long as a scope is active.
    #[serde(rename = "10")]
    Listening {
        /// None once it takes no more of them.
        subscription: Option<Subscription>,
        check: Option<Check>,
        recall: Recall,
        arrivals: Arrivals,
    },
    /// An operator: nothing handled this fault.
    #[serde(rename = "11")]
    Operator {
        fault: Fault,
        evidence: Box<Evidence>,
    },
    /// Whether the host does what the fiber wants to be done, which it says in the same commit.
    #[serde(rename = "12")]
    Admission,
}

impl WaitKind {
    /// What its time runs beside.
    pub const fn pace(&self) -> Pace {
        match self {
            Self::Timer { pace, .. } => *pace,
            Self::Answer { .. } | Self::Event { .. } => Pace::Messages,
            Self::Child { .. }
            | Self::Branches { .. }
            | Self::Condition { .. }
            | Self::Stopping { .. }
            | Self::Fault { .. }
            | Self::Compensation { .. }
            | Self::Listening { .. }
            | Self::Operator { .. }
            | Self::Admission => Pace::Clock,
        }
    }
}

/// Whose condition decides about a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asker {
    /// That of a handler.
    #[serde(rename = "1")]
    Handler {
        /// The fiber that has the scope, and how many scopes of it are around that.
        fiber: FiberId,
        outer: u32,
        /// The place of the handler.
        handler: u32,
    },
    /// That of the retry of the fiber's own action.
    #[serde(rename = "2")]
    Retry {
        /// The pause that the participant asked for.
        after: Option<Millis>,
    },
}

/// What follows when everything below a fiber has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// The fault continues from the fiber.
    #[serde(rename = "1")]
    Throw(Fault),
    /// The fiber continues.
    #[serde(rename = "2")]
    GoTo(OpIndex),
    /// The fiber was stopped, too.
    #[serde(rename = "3")]
    Stop,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub turn: Turn,
    pub since: Timestamp,
    pub kind: WaitKind,
    /// When the wait ends by itself. Its timer has the same turn.
    pub timer: Option<Timestamp>,
}

impl Wait {
    /// What its task calls the activity at `here`.
    pub const fn task_activity<'a>(&'a self, here: &'a ActivityPath) -> &'a ActivityPath {
        match &self.kind {
            WaitKind::Answer {
                activity: Some(activity),
                ..
            } => activity,
            WaitKind::Answer { activity: None, .. }
            | WaitKind::Timer { .. }
            | WaitKind::Event { .. }
            | WaitKind::Child { .. }
            | WaitKind::Branches { .. }
            | WaitKind::Condition { .. }
            | WaitKind::Stopping { .. }
            | WaitKind::Fault { .. }
            | WaitKind::Compensation { .. }
            | WaitKind::Listening { .. }
            | WaitKind::Operator { .. }
            | WaitKind::Admission => here,
        }
    }
}
