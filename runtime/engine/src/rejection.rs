//! Inputs that do not fit: why an instance took no notice.
//!
//! The host tells by the variant whether to drop an input quietly or to put it among the dead letters.

use bureaucrat_model::{ActivityId, FiberId, ProcessId, Turn};
use std::fmt;

/// What an input was meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aim {
    /// An answer, for an activity.
    Activity {
        activity: ActivityId,
        /// The wait that the answer named, if it did.
        turn: Option<Turn>,
    },
    /// A timer, an event, a called process or a condition, for a wait of a fiber.
    Wait {
        process: ProcessId,
        fiber: FiberId,
        turn: Turn,
    },
    /// Going on after a yield.
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

/// Why an input was not taken. The instance is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is late: what it is for was waited for once and has come already. Nobody needs to hear of it.
    #[error("{0} has gone on already")]
    Stale(Aim),
    /// What it is for does not exist, or never waited for such a thing.
    #[error("{0} does not wait for this")]
    NotWaiting(Aim),
    /// The process has ended. Nobody needs to hear of it.
    #[error("process {0} has ended")]
    Ended(ProcessId),
}
