//! Questions that operators ask of the running engine, and the answers; both serialise to JSON.

use super::{
    commands::{Order, OrderOutcome},
    modules::{ModuleAnswer, ModuleQuery},
};
use bureaucrat_model::{Fault, FiberId, HistoryEntry, ProcessId, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "query")]
pub enum Query {
    /// The processes, by id, a page at a time.
    List {
        /// Only those in this state.
        state: Option<State>,
        /// Only those after this one.
        after: Option<ProcessId>,
        /// At most this many; the engine gives at most 1,000.
        limit: usize,
    },
    Show {
        process: ProcessId,
        /// Whether its history is wanted.
        history: Detail,
    },
    /// Do something about a process; the answer comes once it is durable.
    Order {
        process: ProcessId,
        #[serde(flatten)]
        order: Order,
    },
    /// Give the records of this moment; the answer comes once they are there.
    Backup {
        /// The folder, an absolute path; it must not be there yet.
        folder: String,
    },
    /// Store, list or forget modules; the answer comes once it is durable.
    Modules(ModuleQuery),
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
    /// It is parked, since the engine could not go on for reasons of its own.
    Incident,
    /// It ran to its end.
    Completed,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum QueryAnswer {
    Processes {
        processes: Vec<ProcessSummary>,
        /// Where the next page begins, when there is one.
        next: Option<ProcessId>,
    },
    Process(Box<ProcessDetail>),
    /// No such process is known (any more).
    Unknown {
        /// The id that was asked for.
        process: ProcessId,
    },
    /// What became of an order.
    Ordered {
        outcome: OrderOutcome,
    },
    BackedUp {
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// What became of a question about modules.
    Modules(ModuleAnswer),
    /// The question could not be answered.
    Error {
        reason: String,
    },
}

/// One process in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSummary {
    pub process: ProcessId,
    /// Its name, empty for none.
    pub name: String,
    pub state: State,
    /// When it was launched, milliseconds since the Unix epoch.
    pub launched_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// What its fibers wait for.
    pub waits: Vec<WaitView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitView {
    pub fiber: FiberId,
    /// The activity's id, `PID_0_1`.
    pub activity: String,
    /// The line of the definition that it stands on.
    pub line: u32,
    /// What it waits for, in words: `answer of participant1`, `event paid`, `timer 2026-…`, `process PID`.
    pub waits_for: String,
    /// How long it has waited, in milliseconds.
    pub waited_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessDetail {
    /// What a list says of it.
    #[serde(flatten)]
    pub summary: ProcessSummary,
    /// The fields of its first fiber, or its final fields.
    pub fields: serde_json::Value,
    /// Its fault, when it failed.
    pub fault: Option<Fault>,
    /// Why it is parked, when it is.
    pub incident: Option<String>,
    pub caller: Option<ProcessId>,
    /// The user who launched it.
    pub user: Option<String>,
    /// The hash of its program.
    pub program: String,
    /// What happened, oldest first, when it was asked for.
    pub history: Option<Vec<HistoryEntry>>,
    /// The same in words, one line an entry.
    pub history_lines: Option<Vec<String>>,
}
