//! Why a host cannot start or continue.

use bureaucrat_store::StoreError;

/// Why the host cannot start or continue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The store failed. After a failed commit nothing more is acknowledged; the broker still has the messages.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the storage says about itself cannot be read.
    #[error(
        "{0}. The engine does not guess: `bureaucrat fsck --repair` rebuilds time, sequence and \
         the count of runs; only a backup brings back the identity (the secret that ids are \
         derived from, and the number of shards)"
    )]
    Meta(StoreError),
    /// The configuration is invalid.
    #[error("the configuration is not valid: {0}")]
    Config(String),
    /// The system cannot start a thread.
    #[error("cannot start a thread: {0}")]
    Thread(String),
    /// A bug in the engine.
    #[error("the driver panicked; nothing was acknowledged that was not durable")]
    Panic,
}

/// What the store says about itself: no engine may run on a guess.
pub(crate) fn meta<T>(read: Result<T, StoreError>) -> Result<T, HostError> {
    read.map_err(|error| {
        if matches!(error, StoreError::Damaged { .. }) {
            HostError::Meta(error)
        } else {
            HostError::Store(error)
        }
    })
}
