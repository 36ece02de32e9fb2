//! Instances: the state of one process, as it is stored.

use crate::{
    fault::Fault,
    fibers::{FiberChange, Fibers},
    fields::{Fields, JsonText},
    history::Redelivered,
    ids::{FiberId, ProcessId, ProgramHash, Turn},
    input::{Ending, Input},
    program::{ConditionIndex, OpIndex},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
};

/// Who waits for a called process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    pub process: ProcessId,
    pub fiber: FiberId,
    pub turn: Turn,
    /// How many calls deep the called process is; at least 1.
    pub depth: u32,
}

/// Where a launcher wants to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The queue, by the default exchange.
    pub queue: String,
    /// What the launcher recognises its launch by.
    pub correlation_id: Option<String>,
}

/// Everything that a new instance starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The id that it gets.
    pub process: ProcessId,
    pub program: ProgramHash,
    /// RabbitMQ's validated `user_id` of the launch, if it was set; a called process has its caller's.
    pub user: Option<String>,
    /// Where to tell of the launch and the end.
    pub reply_to: Option<ReplyTo>,
    pub caller: Option<Caller>,
    /// The message id of the launch.
    pub message_id: Option<String>,
    /// Whether the launch may be a repeat.
    pub redelivered: Redelivered,
}

/// Whether an instance runs, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    #[serde(rename = "1")]
    Running,
    /// It ran, and is parked as an incident: the host could not go on for reasons of its own.
    #[serde(rename = "2")]
    Incident {
        reason: String,
        /// The inputs that wait for the process to go on, oldest first.
        inputs: Vec<Input>,
    },
    #[serde(rename = "3")]
    Ended(Ending),
}

/// A branch's place under its fork.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    pub parent: FiberId,
    /// The fields that the branch started from, to tell what it changed.
    pub base: Fields,
}

/// What a fiber waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitKind {
    #[serde(rename = "1")]
    Answer { participant: String },
    #[serde(rename = "2")]
    Timer { due: Timestamp },
    #[serde(rename = "3")]
    Event {
        event: String,
        /// The event whose conditions are being evaluated, with the one that is at work.
        check: Option<(JsonText, ConditionIndex)>,
    },
    /// The end of a called process.
    #[serde(rename = "4")]
    Child { child: ProcessId },
    #[serde(rename = "5")]
    Branches {
        /// How many have not ended.
        remaining: u32,
    },
    /// A condition of a `switch` or `while`.
    #[serde(rename = "6")]
    Condition {
        /// The one that is at work.
        condition: ConditionIndex,
    },
}

/// A wait: what for, since when, under which number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub turn: Turn,
    pub since: Timestamp,
    pub kind: WaitKind,
}

/// Whether a fiber can run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FiberState {
    #[serde(rename = "1")]
    Ready,
    #[serde(rename = "2")]
    Waiting(Wait),
}

/// A scope that a fiber is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The instruction that entered it.
    pub entered: OpIndex,
    /// The fault that one of its handlers is dealing with; none while its body runs.
    pub handling: Option<Fault>,
}

/// A line of execution within a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fiber {
    /// The instruction that it is at.
    pub at: OpIndex,
    pub state: FiberState,
    /// Its fields: the root scope.
    pub fields: Fields,
    /// The fork that it belongs to; none for the first fiber.
    pub branch: Option<Branch>,
    /// The action whose answer it took last: tells a repeated answer without a turn from one to nothing.
    pub answered: Option<OpIndex>,
    /// The scopes that it is in, innermost last.
    pub scopes: Vec<Scope>,
}

/// What an instance is but for its fibers: little, whatever runs in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub process: ProcessId,
    pub program: ProgramHash,
    /// The name that its definition gives it; empty for none.
    pub name: String,
    /// The user who launched it, or its caller.
    pub user: Option<String>,
    /// Where its launcher wants to be told.
    pub reply_to: Option<ReplyTo>,
    pub caller: Option<Caller>,
    pub launched_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub status: Status,
    /// The number of the next fiber.
    pub next_fiber: u32,
    /// The number of the next wait.
    pub next_turn: u64,
    /// The number of the next call.
    pub next_call: u64,
    /// The number of the next history entry.
    pub next_history: u64,
    /// Instructions run since the process last waited for something outside of it.
    pub ops_without_waiting: u64,
}

impl Head {
    /// Whether the process has ended.
    pub const fn has_ended(&self) -> bool {
        matches!(self.status, Status::Ended(_))
    }

    /// The fault that it failed with.
    pub const fn fault(&self) -> Option<&Fault> {
        match &self.status {
            Status::Ended(Ending::Failed(fault)) => Some(fault),
            Status::Ended(Ending::Completed(_)) | Status::Running | Status::Incident { .. } => None,
        }
    }
}

/// The state of one process: its head, which it derefs to, and its fibers.
///
/// It knows what of it changed since [`Instance::take_changes`] was last called. Writing to the head through a mutable
/// reference marks it as changed, whatever is written.
#[derive(Debug, Clone)]
pub struct Instance {
    head: Head,
    head_changed: bool,
    /// Its fibers; none once it has ended.
    pub fibers: Fibers,
}

/// Two are equal when they are in the same state, whatever of it is written.
impl PartialEq for Instance {
    fn eq(&self, other: &Self) -> bool {
        self.head == other.head && self.fibers == other.fibers
    }
}

impl Eq for Instance {}

impl Deref for Instance {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl DerefMut for Instance {
    fn deref_mut(&mut self) -> &mut Head {
        self.head_changed = true;
        &mut self.head
    }
}

impl Instance {
    /// A new instance, of which nothing is written.
    pub fn new(head: Head, fibers: impl IntoIterator<Item = (FiberId, Fiber)>) -> Self {
        let mut new = Fibers::default();
        for (id, fiber) in fibers {
            new.insert(id, fiber);
        }
        Self {
            head,
            head_changed: true,
            fibers: new,
        }
    }

    /// An instance as it is written.
    pub fn written(head: Head, fibers: impl IntoIterator<Item = (FiberId, Fiber)>) -> Self {
        let mut instance = Self::new(head, fibers);
        instance.take_changes();
        instance
    }

    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// What changed since this was last asked, for one who writes it; none when nothing did.
    pub fn take_changes(&mut self) -> Option<BTreeMap<FiberId, FiberChange>> {
        let fibers = self.fibers.take_changes();
        let head = std::mem::take(&mut self.head_changed);
        (head || !fibers.is_empty()).then_some(fibers)
    }
}
