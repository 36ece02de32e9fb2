//! Orders by operators about one process, and their outcomes once they are durable.

use super::query::{Place, State, Wanted};
use bureaucrat_model::{
    DefinitionRef, Initiator, Modification, NO_REASON, Operator, ProcessId, Refusal, Relocation,
};
use crossbeam_channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum Order {
    /// End the process, and everything that it called, with the fault `Cancelled`.
    Cancel {
        /// The reason, for history and fault.
        reason: String,
    },
    /// Retry a parked process now, or the only part of it that waits.
    Retry {
        /// The reason, for history.
        reason: String,
    },
    /// Keep what comes for the process, and do nothing with it until it is resumed.
    Suspend {
        /// The reason, for history and lists.
        reason: String,
    },
    /// Continue a suspended process, with what came meanwhile.
    Resume {
        /// The reason, for history.
        reason: String,
    },
    /// End the process at once, without anything that it would run at its end.
    Terminate {
        /// The reason, for history and fault.
        reason: String,
    },
    /// Change where a part of the process stands.
    Modify(Modification),
    /// Continue as another version of its definition.
    Migrate(Migration),
}

/// Which version a process is to continue as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    pub to: DefinitionRef,
    /// Only say where its parts would be.
    pub dry_run: bool,
    /// The reason, for history.
    pub reason: String,
}

impl Order {
    /// The states of the processes that it is for, where a search names none.
    pub fn meant(&self) -> Vec<State> {
        match self {
            Self::Retry { .. } => vec![State::Incident],
            Self::Resume { .. } => vec![State::Suspended],
            Self::Cancel { .. }
            | Self::Suspend { .. }
            | Self::Terminate { .. }
            | Self::Modify(_)
            | Self::Migrate(_) => vec![State::Running, State::Incident, State::Suspended],
        }
    }

    /// Why it is given.
    pub fn reason(&self) -> &str {
        let (Self::Cancel { reason }
        | Self::Retry { reason }
        | Self::Suspend { reason }
        | Self::Resume { reason }
        | Self::Terminate { reason }
        | Self::Modify(Modification { reason, .. })
        | Self::Migrate(Migration { reason, .. })) = self;
        match reason.trim() {
            "" => NO_REASON,
            _ => reason,
        }
    }

    /// The same order, with [`NO_REASON`] for a reason that is empty.
    fn explained(mut self) -> Self {
        let explained = self.reason().to_owned();
        let (Self::Cancel { reason }
        | Self::Retry { reason }
        | Self::Suspend { reason }
        | Self::Resume { reason }
        | Self::Terminate { reason }
        | Self::Modify(Modification { reason, .. })
        | Self::Migrate(Migration { reason, .. })) = &mut self;
        *reason = explained;
        self
    }

    /// What has become of the process that obeyed.
    pub(crate) const fn done(&self) -> &'static str {
        match self {
            Self::Cancel { .. } => "cancelled",
            Self::Retry { .. } => "retried",
            Self::Suspend { .. } => "suspended",
            Self::Resume { .. } => "resumed",
            Self::Terminate { .. } => "terminated",
            Self::Modify(_) => "changed",
            Self::Migrate(_) => "migrated",
        }
    }
}

/// The outcome of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderOutcome {
    /// It is done, and durable. A process that was retried may be parked again.
    Done,
    /// Where the parts of the process that the order is about would be. Nothing has changed.
    Planned(Vec<Relocation>),
    /// There is no such process.
    Unknown,
    /// The process has already ended.
    Ended,
    /// The process is suspended: it can only be resumed, cancelled and terminated.
    Suspended,
    /// The process is not suspended.
    NotSuspended,
    /// The process's record is damaged.
    Damaged,
    /// The order means nothing for what the process waits for.
    Refused(Refusal),
    /// Another engine has the process.
    Elsewhere,
}

impl OrderOutcome {
    /// In words, for the log; `done` are those of an order that was carried out.
    pub(crate) const fn after(&self, done: &'static str) -> &'static str {
        match self {
            Self::Done => done,
            Self::Planned(_) => "an order that was only planned",
            Self::Unknown => "an order for a process that does not exist",
            Self::Ended => "an order for a process that has already ended",
            Self::Suspended => "an order for a process that is suspended",
            Self::NotSuspended => "an order to resume a process that is not suspended",
            Self::Damaged => "an order for a process whose record is damaged",
            Self::Refused(_) => "an order that was refused",
            Self::Elsewhere => "an order for a process that another engine has",
        }
    }
}

/// An order for a process.
#[derive(Debug)]
pub struct Command {
    pub process: ProcessId,
    pub order: Order,
    /// Who gives it.
    pub by: Initiator,
    pub reply: Reply,
}

/// What comes to know the outcome of an order.
#[derive(Debug)]
pub enum Reply {
    /// Receives it once; nothing if the engine ends before it is durable.
    Operator(Sender<OrderOutcome>),
    /// Notes it in the commit of the order.
    Bulk(Bulk),
}

/// A process of a bulk job.
#[derive(Debug)]
pub struct Bulk {
    pub job: u64,
    pub place: Place,
    /// What it must still be.
    pub wanted: Arc<Wanted>,
}

impl Command {
    /// An operator's order, and the receiver of its outcome.
    pub fn new(process: ProcessId, order: Order, by: Operator) -> (Self, Receiver<OrderOutcome>) {
        Self::from(process, order, Initiator::Operator(by))
    }

    /// Cancels a process; nobody waits for the outcome.
    pub(crate) fn cancel(process: ProcessId, reason: String, by: Initiator) -> Self {
        Self::from(process, Order::Cancel { reason }, by).0
    }

    /// An order of a bulk job.
    pub(crate) fn bulk(process: ProcessId, order: Order, by: Initiator, bulk: Bulk) -> Self {
        Self {
            process,
            order: order.explained(),
            by,
            reply: Reply::Bulk(bulk),
        }
    }

    fn from(process: ProcessId, order: Order, by: Initiator) -> (Self, Receiver<OrderOutcome>) {
        let (reply, outcome) = crossbeam_channel::bounded(1);
        let command = Self {
            process,
            order: order.explained(),
            by,
            reply: Reply::Operator(reply),
        };
        (command, outcome)
    }
}
