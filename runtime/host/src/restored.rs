//! A storage that was made of a backup: what it counts goes on far beyond what the original may have counted since.

use crate::{
    host::HostError,
    opened::{MARK, Mark, RUNS},
};
use bureaucrat_store::{Group, Store, Table, Unit, Write, keys, records};

/// Runs that the original may have begun since the backup.
const RUNS_STEP: u64 = 1 << 32;
/// Numbers of the sequence that the original may have drawn since the backup.
const SEQUENCE_STEP: u64 = 1 << 40;

/// Marks a restored storage, before an engine runs on it: ids of processes that are derived from the count of runs, and
/// numbers of the sequence, can't be those that the original gave since the backup. Ids that follow from messages and from
/// callers stay the same on purpose: they are the same launches and calls, so that participants recognise repeats.
///
/// # Errors
/// When the store fails, or does not say what it is.
pub fn mark_restored(store: &dyn Store) -> Result<(), HostError> {
    let mut unit = Unit::default();
    let mut put = |key: &[u8], value| {
        unit.writes.push(Write::Put {
            table: Table::Meta,
            key: key.to_vec(),
            value,
        });
    };
    let runs: u64 = records::read(store, Table::Meta, RUNS)?.unwrap_or(0);
    put(RUNS, records::encode(&runs.saturating_add(RUNS_STEP))?);
    let marks = store.scan(Table::Meta, MARK, &keys::prefix_end(MARK), 1_000)?;
    for (key, record) in marks {
        let mut mark: Mark = records::decode(Table::Meta, &key, &record)?;
        mark.sequence = mark.sequence.saturating_add(SEQUENCE_STEP);
        put(&key, records::encode(&mark)?);
    }
    store.commit(&Group { units: vec![unit] })?;
    Ok(())
}
