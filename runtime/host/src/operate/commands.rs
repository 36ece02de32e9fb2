//! What operators order about one process, and what they are told once it is durable.

use bureaucrat_model::ProcessId;
use crossbeam_channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum Order {
    /// End the process with the fault `Cancelled`, and with it whatever it called.
    Cancel {
        /// Why, for history and fault.
        reason: String,
    },
    /// Try a parked process again, now.
    Retry,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderOutcome {
    /// It is done, and durable. A process that was tried again may be parked again.
    Done,
    /// No such process is known.
    Unknown,
    /// The process has ended already.
    Ended,
    /// The process is not parked.
    NotParked,
    /// The process's record can't be read.
    Damaged,
}

/// An order on its way to the shard of its process.
#[derive(Debug)]
pub struct Command {
    pub process: ProcessId,
    /// What is to be done.
    pub order: Order,
    /// Gets the outcome, once; nothing when the engine ends before it is durable.
    pub reply: Sender<OrderOutcome>,
}

impl Command {
    /// An order, and where its outcome will come.
    pub fn new(process: ProcessId, order: Order) -> (Self, Receiver<OrderOutcome>) {
        let (reply, outcome) = crossbeam_channel::bounded(1);
        let command = Self {
            process,
            order,
            reply,
        };
        (command, outcome)
    }
}
