//! Whether the history of a process is the one that was written.

use super::{
    query::QueryAnswer,
    questions::{Asked, Settled, read_settled},
};
use bureaucrat_model::{HistoryHash, HistoryHead, ProcessId};
use bureaucrat_store::{
    StoreError,
    histories::{Broken, History},
    instances::decode_head,
    keys,
};
use serde::{Deserialize, Serialize};

/// What the rows of a history say about each other and about the head of their process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub process: ProcessId,
    pub written: HistoryHead,
    /// What is wrong; none if every entry that is there is as it was written.
    pub broken: Option<Broken>,
    /// How many of the first entries no hash covers, since a repair removed what followed them.
    pub uncovered: u64,
    /// The hash after as many entries as were asked for. None if no row ends there, or it was left out.
    pub asked: Option<HistoryHash>,
}

pub(super) fn verify(
    asked: &Asked<'_>,
    process: ProcessId,
    entries: Option<u64>,
) -> Result<QueryAnswer, StoreError> {
    let key = keys::instance(process);
    let read = |record: &[u8]| {
        let written = decode_head(&key, record)?.head.history;
        let history = History::read(asked.store, process)?;
        Ok(Verified {
            process,
            written,
            broken: history.broken(&written),
            uncovered: history.uncovered(&written),
            asked: entries.and_then(|entries| history.hash_at(entries)),
        })
    };
    let fits = |verified: &Verified| verified.broken.is_none();
    Ok(match read_settled(asked.store, process, read, fits)? {
        Settled::Absent => QueryAnswer::Unknown { process },
        Settled::Read(verified) => QueryAnswer::Verified(verified),
        Settled::Restless(_) => QueryAnswer::Error {
            reason: format!(
                "process {process} continues faster than its history can be read; suspend it, or \
                 try again"
            ),
        },
    })
}
