//! What happened to processes within a transaction; it becomes one row of each one's history.

use super::transaction::Transaction;
use bureaucrat_model::{HistoryEntry, HistoryEvent, ProcessId, Timestamp};
use bureaucrat_store::{Store, StoreError, histories};

impl Transaction {
    /// Notes what happened to a process, unless its definition wants that left out.
    pub fn record(&mut self, process: ProcessId, at: Timestamp, event: HistoryEvent) {
        let held = self.held.get(&process);
        if held.is_some_and(|held| held.instance.recorded.keeps(&event)) {
            let entries = self.happened.entry(process).or_default();
            entries.push(HistoryEntry { at, event });
        }
    }

    /// Writes what happened to a process since the last call, within `entries_max` entries of its history.
    ///
    /// # Errors
    /// If an entry cannot be encoded, or the store cannot be read.
    pub fn write_history(
        &mut self,
        process: ProcessId,
        store: &dyn Store,
        entries_max: u64,
    ) -> Result<(), StoreError> {
        let (Some(entries), Some(held)) =
            (self.happened.remove(&process), self.held.get_mut(&process))
        else {
            return Ok(());
        };
        let history = &mut held.instance.history;
        let writes = &mut self.writes;
        histories::append(store, history, process, entries, entries_max, writes)
    }

    /// The same for all processes.
    ///
    /// # Errors
    /// As [`Transaction::write_history`].
    pub fn write_histories(
        &mut self,
        store: &dyn Store,
        entries_max: u64,
    ) -> Result<(), StoreError> {
        while let Some((process, _)) = self.happened.first_key_value() {
            self.write_history(*process, store, entries_max)?;
        }
        Ok(())
    }
}
