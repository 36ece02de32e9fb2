//! The mark: how far time, the sequence and the timers have come, written with every submission.

use bureaucrat_model::Timestamp;
use bureaucrat_store::{Store, StoreError, Table, Write, records};
use serde::{Deserialize, Serialize};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The engine's time.
    pub now: Timestamp,
    pub sequence: u64,
    /// No timer that is due before this is left.
    pub fired: Timestamp,
}

/// The key of the mark in the table of meta records.
pub(crate) const MARK: &[u8] = b"mark";

/// Sequence numbers that a run may have used after its last mark.
pub(crate) const SEQUENCE_GAP: u64 = 1 << 20;

/// The write of a mark.
pub(crate) fn write(mark: &Mark) -> Result<Write, StoreError> {
    Ok(Write::Put {
        table: Table::Meta,
        key: MARK.to_vec(),
        value: records::encode(mark)?,
    })
}

/// The write that makes timers be read from the beginning of time, if there is a readable mark.
pub(crate) fn from_the_beginning(store: &dyn Store) -> Result<Option<Write>, StoreError> {
    match records::read::<Mark>(store, Table::Meta, MARK) {
        Ok(Some(mark)) => {
            let fired = Timestamp(0);
            write(&Mark { fired, ..mark }).map(Some)
        }
        Ok(None) | Err(StoreError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
