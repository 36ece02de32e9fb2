//! Damage: records that cannot be read. They are noted, so that their processes appear as incidents
//! while all others continue.
//!
//! A damaged record is never overwritten or removed. Code that finds one notes it here and
//! continues without it; whatever arrives for its process becomes a dead letter, whole. A storage
//! is repaired while no engine is running.

use bureaucrat_model::{Hex, ProcessId, lock};
use bureaucrat_store::{StoreError, Table, reading::Gap};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, MutexGuard},
};

/// The most damaged records that are remembered; further ones are only logged.
const NOTED_MAX: usize = 10_000;

/// A record that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    pub table: Table,
    /// The key in hexadecimal; for a part of a table, the first key that may be lost.
    pub key: String,
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a record is damaged: table {}, key {}: {}; `bureaucrat fsck` on the stopped engine says what can be done",
            self.table.name(),
            self.key,
            self.reason
        )
    }
}

#[derive(Debug, Default)]
struct Noted {
    seen: BTreeSet<(Table, String)>,
    of: BTreeMap<ProcessId, Damage>,
    hidden: BTreeSet<ProcessId>,
}

/// The damage found in this run.
#[derive(Debug, Default)]
pub struct Damages(Mutex<Noted>);

impl Damages {
    /// Notes damage, with its process if that is known. Each record is logged once. Other errors
    /// are not damage and are not noted.
    pub fn note(&self, process: Option<ProcessId>, error: &StoreError) {
        let StoreError::Damaged { table, key, reason } = error else {
            return;
        };
        let mut noted = self.lock();
        if let Some(process) = process {
            let damage = || Damage {
                table: *table,
                key: key.clone(),
                reason: reason.clone(),
            };
            if noted.of.len() < NOTED_MAX {
                noted.of.entry(process).or_insert_with(damage);
            }
            if matches!(table, Table::Instances | Table::Fibers | Table::Values)
                && noted.hidden.len() < NOTED_MAX
            {
                noted.hidden.insert(process);
            }
        }
        let is_new = noted.seen.len() >= NOTED_MAX || noted.seen.insert((*table, key.clone()));
        drop(noted);
        if is_new {
            let process = process.map(|process| process.to_string());
            tracing::error!(
                table = table.name(),
                key,
                process,
                reason,
                "a record is damaged; everything else continues"
            );
        }
    }

    /// Notes parts of a table that a scan had to skip.
    pub fn note_gaps(&self, table: Table, gaps: &[Gap]) {
        for gap in gaps {
            let error = StoreError::Damaged {
                table,
                key: Hex(&gap.from).to_string(),
                reason: format!(
                    "nothing up to key {} can be read: {}",
                    Hex(&gap.to),
                    gap.reason
                ),
            };
            self.note(None, &error);
        }
    }

    /// Notes a malformed key.
    pub fn note_key(&self, table: Table, key: &[u8]) {
        let error = StoreError::Damaged {
            table,
            key: Hex(key).to_string(),
            reason: "the key does not have the form of its table".into(),
        };
        self.note(None, &error);
    }

    /// What was read; `None` if it is damaged, which is noted.
    ///
    /// # Errors
    /// If reading failed for other reasons.
    pub fn around<T>(
        &self,
        process: Option<ProcessId>,
        read: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error @ StoreError::Damaged { .. }) => {
                self.note(process, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The first damage that was noted for a process.
    pub fn of(&self, process: ProcessId) -> Option<Damage> {
        self.lock().of.get(&process).cloned()
    }

    /// The processes that damage was noted of.
    pub fn processes(&self) -> Vec<ProcessId> {
        self.lock().of.keys().copied().collect()
    }

    /// Whether the process's own record is damaged.
    pub fn hide(&self, process: ProcessId) -> bool {
        self.lock().hidden.contains(&process)
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        // Sets and maps are consistent, even after a panic elsewhere.
        lock(&self.0)
    }
}
