//! Operators' questions to the running engine, and the answers; both are serialised as JSON.
//!
//! What is told here are facts; the words for them are the command line's.

mod waiting;

pub use super::verifying::Verified;
use super::{
    audit_log::{AuditPage, AuditQuery},
    bulk::{BulkAnswer, BulkQuery},
    commands::{Order, OrderOutcome},
    definitions::{DefinitionAnswer, DefinitionQuery},
    facts::{FactAnswer, FactQuery},
    incidents::IncidentAnswer,
    letters::{LetterAnswer, LetterQuery},
    modules::{ModuleAnswer, ModuleQuery},
};
pub use crate::act::troubles::Reason;
use bureaucrat_model::{
    ConditionIndex, Fault, HistoryEntry, HistoryHead, IdPrefix, ProcessId, Recorded, Searched,
    Timestamp, Version,
};
pub use bureaucrat_store::{
    attributes::{Attribute, AttributeKind},
    histories::Broken,
    keys::Place,
};
use serde::{Deserialize, Serialize};
pub use waiting::{
    Attempt, EventRole, EventWanted, Heartbeat, MessageView, PlaceView, ProgressView, ScopePhase,
    ScopeView, UntakenView, WaitView, WaitsFor,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "query")]
pub enum Query {
    /// The processes, newest first, a page at a time.
    List {
        #[serde(flatten)]
        wanted: Wanted,
        /// Only those that come after this place.
        after: Option<Place>,
        /// At most this many; the engine returns at most 1,000.
        limit: usize,
    },
    /// How many processes a list would still hold after a place.
    Count {
        #[serde(flatten)]
        wanted: Wanted,
        after: Option<Place>,
    },
    /// How many processes of a list have each attribute of a kind.
    CountBy {
        by: AttributeKind,
        #[serde(flatten)]
        wanted: Wanted,
        /// Where an earlier answer stopped.
        after: Option<(Attribute, Place)>,
    },
    /// The processes whose ids begin so.
    Find { prefix: IdPrefix },
    Show {
        process: ProcessId,
        /// Whether to include its history.
        history: Detail,
    },
    /// Give an order about a process; the answer comes once it is durable.
    Order {
        process: ProcessId,
        #[serde(flatten)]
        order: Order,
    },
    /// Write the records of this moment to a folder; the answer comes once they are there.
    Backup {
        /// The folder, an absolute path; it must not exist.
        folder: String,
    },
    /// Deploy, list or remove modules; the answer comes once the change is durable.
    Modules(ModuleQuery),
    /// Look at dead letters, or do something about one; the answer comes once that is durable.
    Letters(LetterQuery),
    /// Deploy, list, show or retire definitions; the answer comes once the change is durable.
    Definitions(DefinitionQuery),
    /// What `why` asks beyond what `show` shows.
    Facts(FactQuery),
    /// Look at bulk jobs, start or stop one; the answer comes once that is durable.
    Bulk(BulkQuery),
    /// Look at the audit log.
    Audit(AuditQuery),
    /// All that another machine needs to play again what failed in a process.
    Incident { process: ProcessId },
    /// Whether the history of a process is the one that was written.
    Verify {
        process: ProcessId,
        /// To tell the hash after so many entries.
        entries: Option<u64>,
    },
}

/// Which processes a list holds: all, unless something is asked for; those with everything that is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// Any of these; all, if none is named.
    pub states: Vec<State>,
    pub attributes: Vec<Attribute>,
    /// Each of these searchable fields holds this.
    pub fields: Vec<WantedField>,
    /// A part of it waits at the activity with this `id` or path.
    pub activity: Option<String>,
    /// Launched at this time or later.
    pub launched_from: Option<Timestamp>,
    /// Launched before this time.
    pub launched_before: Option<Timestamp>,
}

impl Wanted {
    /// Whether processes in this state are wanted.
    pub fn has(&self, state: State) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }
}

/// A value of a searchable field, as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedField {
    pub name: String,
    pub value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    State,
    /// The state and the history.
    History,
}

/// The state of a process, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    /// It is parked, since the engine could not continue it for reasons of its own.
    Incident,
    /// It is parked by an operator.
    Suspended,
    /// It completed.
    Completed,
    Failed,
}

impl State {
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Incident,
        Self::Suspended,
        Self::Completed,
        Self::Failed,
    ];
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum QueryAnswer {
    Processes {
        processes: Vec<ProcessSummary>,
        /// Where the next page begins, if there is one.
        next: Option<Place>,
        /// None when the engine was too busy to say.
        broker: Option<BrokerState>,
        /// The engine's time.
        now: Timestamp,
    },
    Counted {
        count: u64,
        /// Where to continue, if these are not all.
        next: Option<Place>,
    },
    /// How many processes have each attribute. One that is in several answers has the sum.
    CountedBy {
        counts: Vec<(Attribute, u64)>,
        /// The one of each that was launched first, in the same order.
        oldest: Vec<Place>,
        /// Where to continue, if these are not all.
        next: Option<(Attribute, Place)>,
    },
    /// The first few processes whose ids begin so.
    Found {
        processes: Vec<ProcessSummary>,
    },
    Process(Box<ProcessDetail>),
    /// There is no such process (any more).
    Unknown {
        /// The requested id.
        process: ProcessId,
    },
    /// The outcome of an order.
    Ordered {
        outcome: OrderOutcome,
    },
    BackedUp {
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// The answer about modules.
    Modules(ModuleAnswer),
    /// What became of a question about dead letters.
    Letters(LetterAnswer),
    /// The answer about deployed definitions.
    Definitions(DefinitionAnswer),
    /// The answer to a question of `why`.
    Facts(FactAnswer),
    Bulk(BulkAnswer),
    Audit(AuditPage),
    /// The file of an incident.
    Incident(IncidentAnswer),
    /// What became of the check of a history.
    Verified(Verified),
    /// The question is too large for the engine that would have to answer it.
    TooLarge {
        reason: String,
    },
    /// The question could not be answered.
    Error {
        reason: String,
    },
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// It is too large for the engine that would have to answer it.
    TooLarge { reason: String },
    /// The engine could not answer; it may later.
    Failed { reason: String },
}

impl QueryAnswer {
    /// The answer itself.
    ///
    /// # Errors
    /// If there is none.
    pub fn given(self) -> Result<Self, Unanswered> {
        if let Self::TooLarge { reason } = self {
            return Err(Unanswered::TooLarge { reason });
        }
        if let Self::Error { reason } = self {
            return Err(Unanswered::Failed { reason });
        }
        Ok(self)
    }
}

/// One process in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSummary {
    pub process: ProcessId,
    /// May be empty.
    pub name: String,
    pub state: State,
    /// When it was launched, milliseconds since the Unix epoch.
    pub launched_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// If it failed.
    pub fault: Option<Fault>,
    /// Why it is parked, if it is.
    pub incident: Option<String>,
    /// What its fibers wait for.
    pub waits: Vec<WaitView>,
    /// The version of the deployed definition that it was launched as.
    pub version: Option<Version>,
    /// Its business key.
    pub key: Option<String>,
    /// When it has to have ended, if that is ahead.
    pub deadline: Option<Timestamp>,
}

/// Whether the engine can publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerState {
    Connected,
    Away,
}

/// What becomes of a process that the engine has parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedView {
    /// Answers, events and the like that it takes once it continues.
    pub kept: usize,
    /// When the engine tries it again.
    pub next_try: Option<Timestamp>,
}

/// Where a task is on its way to its participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum TaskState {
    /// It is next, or behind others.
    InLine,
    /// It waits for a connection to the broker.
    BrokerAway,
    /// It is published, and the broker has not confirmed it yet.
    UnderWay,
    /// Its queue does not take it; it is tried again.
    Undelivered(Undelivered),
    /// The broker never takes it; its activity is being told.
    NeverTaken,
    /// The broker has confirmed it.
    Delivered,
}

/// Why a task is not delivered, and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undelivered {
    /// Empty for the default exchange, where the routing key is the queue.
    pub exchange: String,
    pub routing_key: String,
    /// None when nothing was tried since the engine started.
    pub reason: Option<Reason>,
    /// How often its destination was tried since it took something last.
    pub tries: u32,
    /// When it is tried again; none while that is under way.
    pub next_try: Option<Timestamp>,
}

/// A condition or another expression of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpressionView {
    pub index: ConditionIndex,
    /// As it is written, or `module#function`.
    pub text: String,
    /// Its line in the definition.
    pub line: u32,
}

/// An entry of a history. Numbers are missing where entries were left out or can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedEntry {
    /// From 0.
    pub number: u64,
    #[serde(flatten)]
    pub entry: HistoryEntry,
}

impl NumberedEntry {
    pub(super) fn of((number, entry): (u64, &HistoryEntry)) -> Self {
        let entry = entry.clone();
        Self { number, entry }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessDetail {
    /// The same as in a list.
    #[serde(flatten)]
    pub summary: ProcessSummary,
    /// Of one that runs, the fields of its first fiber; of one that completed, its final fields; of one that failed, those
    /// of the fiber that did.
    pub fields: serde_json::Value,
    /// If the engine has parked it.
    pub parked: Option<ParkedView>,
    /// None when the engine was too busy to say.
    pub broker: Option<BrokerState>,
    pub caller: Option<ProcessId>,
    /// The user who launched it.
    pub user: Option<String>,
    /// The hash of its program.
    pub program: String,
    /// How much of the history is written.
    pub recorded: Recorded,
    pub searched: Vec<Searched>,
    /// Activities with an id or a title, when the history was asked for.
    pub labels: Vec<PlaceView>,
    /// The conditions and other expressions that the history names, when it was asked for.
    pub expressions: Vec<ExpressionView>,
    /// How far the history has come, and what of it was left out.
    pub written: HistoryHead,
    /// Oldest first, if requested.
    pub history: Option<Vec<NumberedEntry>>,
    /// The engine's time.
    pub now: Timestamp,
}
