//! A storage that was restored from a backup: its counters skip everything that the original may
//! have used since.

use crate::error::HostError;
use crate::marks;
use bureaucrat_store::{EPOCH_KEY, Group, Store, Table, Unit, Write, records};

/// Epochs and sequence numbers that the original may have used since the backup.
pub(crate) const EPOCHS: u64 = 1 << 32;
const SEQUENCES: u64 = 1 << 40;

/// Marks a storage as restored from a backup.
///
/// # Errors
/// If the store fails.
pub fn mark_restored(store: &dyn Store) -> Result<(), HostError> {
    let epoch: u64 = records::read(store, Table::Meta, EPOCH_KEY)?.unwrap_or(0);
    let mut writes = vec![Write::Put {
        table: Table::Meta,
        key: EPOCH_KEY.to_vec(),
        value: records::encode(&epoch.saturating_add(EPOCHS))?,
    }];
    for (group, mut mark) in marks::all(store)? {
        mark.sequence = mark.sequence.saturating_add(SEQUENCES);
        writes.push(marks::write(group, &mark)?);
    }
    let units = vec![Unit::of(writes)];
    store.commit(&Group { units })?;
    Ok(())
}
