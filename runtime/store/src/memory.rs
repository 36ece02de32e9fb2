//! A store in memory, for tests and simulation: the same promises, gone with the process.

use crate::{
    instances, keys,
    table::{Group, Guard, Row, Store, StoreError, Table, Unit, Verdict, Version, Write},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

type Tables = BTreeMap<Table, BTreeMap<Vec<u8>, Vec<u8>>>;

#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every record, for comparing whole stores.
    pub fn dump(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let tables = self.lock();
        tables
            .iter()
            .flat_map(|(table, rows)| {
                rows.iter()
                    .map(|(key, value)| (*table, key.clone(), value.clone()))
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // A panic of another thread cannot leave a half-written unit: writes are plain map operations.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .lock()
            .get(&table)
            .and_then(|rows| rows.get(key))
            .cloned())
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let tables = self.lock();
        let Some(rows) = tables.get(&table) else {
            return Ok(Vec::new());
        };
        let range = rows.range(from.to_vec()..to.to_vec());
        Ok(range
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        let mut tables = self.lock();
        group
            .units
            .iter()
            .map(|unit| apply(&mut tables, unit))
            .collect()
    }
}

fn apply(tables: &mut Tables, unit: &Unit) -> Result<Verdict, StoreError> {
    for Guard { process, expected } in &unit.guards {
        let key = keys::instance(*process);
        let stored = tables
            .get(&Table::Instances)
            .and_then(|rows| rows.get(&key));
        let found = stored.map_or(Ok(Version(0)), |record| {
            instances::instance_version(&key, record)
        });
        let Ok(found) = found else {
            return Ok(Verdict::Damaged { process: *process });
        };
        if found != *expected {
            return Ok(Verdict::Conflict {
                process: *process,
                found,
            });
        }
    }
    for write in &unit.writes {
        match write {
            Write::Put { table, key, value } => {
                tables
                    .entry(*table)
                    .or_default()
                    .insert(key.clone(), value.clone());
            }
            Write::Delete { table, key } => {
                tables.entry(*table).or_default().remove(key);
            }
        }
    }
    Ok(Verdict::Committed)
}
