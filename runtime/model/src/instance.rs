//! Instances: the stored state of a process.

use crate::{
    conduct::{Deadline, Recorded},
    fault::Fault,
    fibers::{FiberChange, Fibers},
    fields::{Fields, JsonText},
    history::{HistoryHead, Redelivered},
    ids::{FiberId, ProcessId, ProgramHash, Turn},
    indexes::OpIndex,
    input::{Ending, Input},
    scope::Scope,
    searching::Searched,
    time::Timestamp,
    version::Version,
    wait::{Wait, WaitKind},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
};

/// The caller of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    pub process: ProcessId,
    pub fiber: FiberId,
    pub turn: Turn,
    /// How deep the called process is nested; at least 1.
    pub depth: u32,
}

/// Where to send replies to a launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The queue, through the default exchange.
    pub queue: String,
    /// The launcher's own id for its launch.
    pub correlation_id: Option<String>,
}

/// Everything that a new instance starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    pub process: ProcessId,
    pub program: ProgramHash,
    /// RabbitMQ's validated `user_id` of the launch, if set. A called process has its caller's.
    pub user: Option<String>,
    /// Where to report the launch and the end.
    pub reply_to: Option<ReplyTo>,
    pub caller: Option<Caller>,
    /// The message id of the launch.
    pub message_id: Option<String>,
    /// Whether the launch may be a repeat.
    pub redelivered: Redelivered,
    /// What it starts with over the definition's context.
    pub fields: Fields,
    /// The version of a deployed definition that it is, when it was launched by name.
    pub version: Option<Version>,
    /// Its business key.
    pub key: Option<String>,
}

impl Launch {
    /// A launch by nobody, with nothing but its definition.
    pub fn new(process: ProcessId, program: ProgramHash) -> Self {
        Self {
            process,
            program,
            user: None,
            reply_to: None,
            caller: None,
            message_id: None,
            redelivered: Redelivered::No,
            fields: Fields::new(),
            version: None,
            key: None,
        }
    }
}

/// Whether an instance is running, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    #[serde(rename = "1")]
    Running,
    /// The host keeps what comes for it until it continues.
    #[serde(rename = "2")]
    Parked {
        parking: Parking,
        reason: String,
        /// The inputs that are kept until the process continues, oldest first.
        inputs: Vec<Input>,
    },
    #[serde(rename = "3")]
    Ended(Ending),
}

impl Status {
    /// Why it is parked; none if it is not.
    pub const fn parking(&self) -> Option<Parking> {
        match self {
            Self::Parked { parking, .. } => Some(*parking),
            Self::Running | Self::Ended(_) => None,
        }
    }

    /// Parks the process. What was kept for it before stays kept.
    pub fn park(&mut self, parking: Parking, reason: String) {
        let inputs = match std::mem::replace(self, Self::Running) {
            Self::Parked { inputs, .. } => inputs,
            Self::Running | Self::Ended(_) => Vec::new(),
        };
        *self = Self::Parked {
            parking,
            reason,
            inputs,
        };
    }
}

/// Why a process is parked, and so who has it continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Parking {
    /// The host could not continue it, for reasons of its own, and tries again later.
    #[serde(rename = "1")]
    Incident,
    /// An operator suspended it, and an operator resumes it.
    #[serde(rename = "2")]
    Suspended,
}

/// A branch's place under its fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    pub parent: FiberId,
    /// The fields that the branch started from, to find out what it changed.
    pub base: Fields,
    /// The number of the item that it is for.
    pub item: Option<u32>,
    pub sharing: Sharing,
}

/// Whose fields a branch reads and changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sharing {
    /// A copy, whose changes are merged at its end.
    #[serde(rename = "1")]
    Copy,
    /// Those of the fiber that forked it, in place.
    #[serde(rename = "2")]
    InPlace,
}

/// Whether a fiber can run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FiberState {
    #[serde(rename = "1")]
    Ready,
    #[serde(rename = "2")]
    Waiting(Wait),
}

/// One line of execution within a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fiber {
    /// The current instruction.
    pub at: OpIndex,
    pub state: FiberState,
    /// The process's own fields, as this fiber sees them.
    pub fields: Fields,
    /// The fork that it belongs to; none for the first fiber.
    pub branch: Option<Branch>,
    /// The last action whose answer it took. Without a turn, this tells a repeated answer from an
    /// unexpected one.
    pub answered: Option<OpIndex>,
    /// How many attempts at the action that it is at have failed.
    pub failed: u32,
    /// The scopes that it is in, innermost last.
    pub scopes: Vec<Scope>,
    /// Values that were computed for the instruction that comes next, in order.
    pub values: Vec<JsonText>,
    /// What an answer, an event or a called process gave, while functions read it.
    pub given: Option<JsonText>,
    /// When all attempts at the action that it is at have to have ended.
    pub within: Option<Timestamp>,
    /// The compensations of the scopes that completed outside all scopes that it is in.
    pub completed: Vec<FiberId>,
}

impl Fiber {
    /// A fiber that is about to run the instruction at `at`.
    pub fn new(at: OpIndex, fields: Fields, branch: Option<Branch>) -> Self {
        Self {
            at,
            state: FiberState::Ready,
            fields,
            branch,
            answered: None,
            failed: 0,
            scopes: Vec::new(),
            values: Vec::new(),
            given: None,
            within: None,
            completed: Vec::new(),
        }
    }
}

impl Fiber {
    pub fn shares_in_place(&self) -> bool {
        let branch = self.branch.as_ref();
        branch.is_some_and(|branch| branch.sharing == Sharing::InPlace)
    }

    /// Whether it only stands for a completed scope.
    pub const fn is_compensation(&self) -> bool {
        matches!(
            &self.state,
            FiberState::Waiting(Wait {
                kind: WaitKind::Compensation { .. },
                ..
            })
        )
    }
}

/// An instance without its fibers. It is small, whatever the process does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub process: ProcessId,
    pub program: ProgramHash,
    /// The name in the definition; may be empty.
    pub name: String,
    /// The user who launched it or its caller.
    pub user: Option<String>,
    /// Where to send replies to its launcher.
    pub reply_to: Option<ReplyTo>,
    pub caller: Option<Caller>,
    pub launched_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub status: Status,
    pub next_fiber: u32,
    pub next_turn: u64,
    pub next_call: u64,
    pub history: HistoryHead,
    /// Instructions run since the process last waited for something outside it.
    pub ops_without_waiting: u64,
    /// How many emissions in a row led to what the process does now; 0 when something else did.
    pub cause_depth: u32,
    /// The fault that ends the process whatever its handlers do, since it was cancelled.
    pub cancelled: Option<Fault>,
    /// What the fiber that failed had as fields, or the first one when the fault came from outside.
    /// Empty unless the process failed.
    pub failed_fields: Fields,
    /// The version of the deployed definition that it was launched as.
    pub version: Option<Version>,
    /// Its business key: no other process of its user and name has it before it has ended.
    pub key: Option<String>,
    pub deadline: Option<Deadline>,
    /// How many of its fibers wait for an operator.
    pub stuck: u32,
    /// How much of its history is written.
    pub recorded: Recorded,
    /// The fields that lists can be searched by, as they were at the end of the last step.
    pub searched: Vec<Searched>,
}

impl Head {
    /// Whether the process has ended.
    pub const fn has_ended(&self) -> bool {
        matches!(self.status, Status::Ended(_))
    }

    /// The fields that the process ended with, or that what failed had.
    pub const fn ended_with(&self) -> Option<&Fields> {
        match &self.status {
            Status::Ended(Ending::Completed(fields)) => Some(fields),
            Status::Ended(Ending::Failed(_)) => Some(&self.failed_fields),
            Status::Running | Status::Parked { .. } => None,
        }
    }

    /// The fault, if the process failed.
    pub const fn fault(&self) -> Option<&Fault> {
        match &self.status {
            Status::Ended(Ending::Failed(fault)) => Some(fault),
            Status::Ended(Ending::Completed(_)) | Status::Running | Status::Parked { .. } => None,
        }
    }
}

/// The state of one process: its head, to which it derefs, and its fibers.
///
/// It tracks what changed since the last call of [`Instance::take_changes`]. Any write through a
/// mutable reference to the head marks the head as changed.
#[derive(Debug, Clone)]
pub struct Instance {
    head: Head,
    head_changed: bool,
    /// Empty once it has ended.
    pub fibers: Fibers,
}

/// The state is compared; what was written is not.
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
    /// A new instance, of which nothing is written yet.
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

    /// An instance that is already written.
    pub fn written(head: Head, fibers: impl IntoIterator<Item = (FiberId, Fiber)>) -> Self {
        let mut instance = Self::new(head, fibers);
        instance.take_changes();
        instance
    }

    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The process's own fields, of which branches have copies. After its end, those that it ended
    /// with.
    pub fn own_fields(&self) -> Option<&Fields> {
        let first = self.fibers.get(FiberId(0));
        self.head.ended_with().or(first.map(|first| &first.fields))
    }

    /// The searchable fields with what they hold now.
    pub fn to_search(&self) -> Vec<Searched> {
        let Some(fields) = self.own_fields().filter(|_| !self.searched.is_empty()) else {
            return self.searched.clone();
        };
        let fields = self.searched.iter().map(|field| field.in_fields(fields));
        fields.collect()
    }

    /// What changed since the last call, for the code that writes it; `None` if nothing did.
    pub fn take_changes(&mut self) -> Option<BTreeMap<FiberId, FiberChange>> {
        let fibers = self.fibers.take_changes();
        let head = std::mem::take(&mut self.head_changed);
        (head || !fibers.is_empty()).then_some(fibers)
    }
}
