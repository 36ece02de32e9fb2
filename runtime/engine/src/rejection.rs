//! Why an instance did not accept an input.
//!
//! The variant tells the host whether to drop the input quietly or to make it a dead letter.

use bureaucrat_model::{ActivityId, FiberId, ProcessId, Turn};
use std::fmt;

/// What an input was meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aim {
    Activity {
        activity: ActivityId,
        /// The wait that the answer named, if any.
        turn: Option<Turn>,
    },
    /// A timer, an event, a called process or a condition, for a wait of a fiber.
    Wait {
        process: ProcessId,
        fiber: FiberId,
        turn: Turn,
    },
    /// Continuing after a yield.
    Process(ProcessId),
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activity {
                activity,
                turn: Some(turn),
            } => write!(f, "activity {activity}, turn {turn}"),
            Self::Activity {
                activity,
                turn: None,
            } => write!(f, "activity {activity}"),
            Self::Wait {
                process,
                fiber,
                turn,
            } => write!(f, "process {process}, fiber {}, turn {turn}", fiber.0),
            Self::Process(process) => write!(f, "process {process}"),
        }
    }
}

/// Why an input was not accepted. The instance is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is late: it was awaited and has already arrived. It can be dropped silently.
    #[error("{0} has already continued")]
    Stale(Aim),
    /// Its target does not exist, or never waited for this.
    #[error("{0} is not waiting for this")]
    NotWaiting(Aim),
    /// It names no wait, and several wait for such an answer.
    #[error("{count} branches wait at {aim}, and the answer does not say which it is for")]
    Ambiguous { aim: Aim, count: usize },
    /// The process has ended. The input can be dropped silently.
    #[error("process {0} has ended")]
    Ended(ProcessId),
}
