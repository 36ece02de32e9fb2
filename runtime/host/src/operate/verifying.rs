//! Whether the history of a process is the one that was written.

use super::{query::QueryAnswer, questions::Asked};
use bureaucrat_model::{HistoryHash, HistoryHead, ProcessId};
use bureaucrat_store::{
    StoreError, Table,
    histories::{Broken, History},
    instances::decode_head,
    keys,
};
use serde::{Deserialize, Serialize};

/// How often a history is read again while its process continues.
const TRIES: usize = 100;

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
    let mut record = asked.store.get(Table::Instances, &key)?;
    for _ in 0..TRIES {
        let Some(found) = record else {
            return Ok(QueryAnswer::Unknown { process });
        };
        let written = decode_head(&key, &found)?.head.history;
        let history = History::read(asked.store, process)?;
        record = asked.store.get(Table::Instances, &key)?;
        if record.as_ref() == Some(&found) {
            return Ok(QueryAnswer::Verified(Verified {
                process,
                written,
                broken: history.broken(&written),
                uncovered: history.uncovered(&written),
                asked: entries.and_then(|entries| history.hash_at(entries)),
            }));
        }
    }
    Ok(QueryAnswer::Error {
        reason: format!(
            "process {process} continues faster than its history can be read; suspend it, or try \
             again"
        ),
    })
}
