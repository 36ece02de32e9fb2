//! What can go wrong for a launcher.

use bureaucrat_wire::MergeError;

/// Why a launch or an event did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The broker can't be reached, or refuses the connection.
    #[error("the broker can't be reached: {0}")]
    Connect(String),
    /// The connection went away. A launch or event that was under way may have arrived; the same message id keeps a
    /// repeat from taking effect twice.
    #[error("the connection to the broker is lost: {0}")]
    Lost(String),
    /// No queue takes the message: the engine has never run on this broker, or the address is wrong.
    #[error(
        "no queue takes messages for `{routing_key}`: start the engine first, or check the address"
    )]
    Unroutable {
        /// The routing key.
        routing_key: String,
    },
    /// The broker did not take the message.
    #[error("the broker refused the message")]
    Refused,
    /// The fields can't be put into the definition.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The engine refused the definition; each reason with its place.
    #[error("the launch was refused:\n{}", reasons.join("\n"))]
    Rejected {
        /// Why.
        reasons: Vec<String>,
    },
    /// A reply can't be read: another version of the engine, or a stranger.
    #[error("a reply can't be read: {0}")]
    Reply(String),
    /// The system gives no random numbers for a message id.
    #[error("no random numbers: {0}")]
    Random(String),
}
