//! What can go wrong.

use bureaucrat_model::Millis;
use bureaucrat_wire::{MergeError, Unreadable};
use std::time::Duration;

/// Why a launch, an event or a cancelling failed, or its outcome is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// An address of the broker can't be read.
    #[error("the broker's address: {0}")]
    Address(String),
    /// The broker cannot be reached, or refuses the user.
    #[error("cannot connect to the broker: {0}")]
    Connect(String),
    /// The fields cannot be put into the definition.
    #[error("cannot put the fields into the definition: {0}")]
    Merge(#[from] MergeError),
    /// An event needs a name of at most `limit` bytes.
    #[error("{}", unfit_name(*.bytes, *.limit))]
    EventName {
        /// How long it is.
        bytes: usize,
        /// The longest that is allowed.
        limit: usize,
    },
    /// The key of an event has at least one byte and at most `limit`.
    #[error("the event's key has {bytes} bytes; 1 to {limit} are allowed")]
    EventKey {
        /// How long it is.
        bytes: usize,
        /// The longest that is allowed.
        limit: usize,
    },
    /// An event can be kept neither for no time nor for that long.
    #[error("an event can't be kept for {0}; at most {longest} is allowed", longest = Millis::LONGEST)]
    EventKeep(Millis),
    /// No queue takes the message: the engine has never run here, or the routing key is wrong.
    #[error(
        "no queue accepts messages for `{0}`: start the engine once, or correct the queue's name"
    )]
    Unroutable(String),
    /// The broker refused the message; holds its words.
    #[error("the broker refused the message: {0}")]
    Refused(String),
    /// The engine refused the launch.
    #[error("the engine refused it: {}", .reasons.join("; "))]
    Rejected {
        /// One sentence for each reason.
        reasons: Vec<String>,
    },
    /// The engine did not reply in time. The launch is in its queue anyway.
    #[error("the engine did not reply within {0:?}")]
    TimedOut(Duration),
    /// The connection was closed before the reply arrived.
    #[error("the connection was closed before the reply came")]
    Closed,
    /// The reply cannot be read.
    #[error("cannot read the reply: {0}")]
    Reply(#[from] Unreadable),
    /// The reply does not belong here: an end before the launch, or the launch of another process.
    #[error("the replies came in an unexpected order")]
    OutOfOrder,
    /// The system gave no random bytes for an id.
    #[error("cannot get random bytes: {0}")]
    Random(String),
}

fn unfit_name(bytes: usize, limit: usize) -> String {
    match bytes {
        0 => "the event's name is empty".to_owned(),
        bytes => format!("the event's name has {bytes} bytes; at most {limit} are allowed"),
    }
}
