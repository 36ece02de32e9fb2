//! A store in memory, for tests and simulation: the same promises, but gone with the process.

use crate::{
    Epoch, Group, Owners, Row, Store, StoreError, Table, Unit, Verdict, Write, next_epoch,
};
use bureaucrat_model::{ShardGroups, lock};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

type Tables = BTreeMap<Table, BTreeMap<Vec<u8>, Vec<u8>>>;

#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tables: Tables,
    owners: Owners,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every record, for comparing whole stores.
    pub fn dump(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let state = self.lock();
        state
            .tables
            .iter()
            .flat_map(|(table, rows)| {
                rows.iter()
                    .map(|(key, value)| (*table, key.clone(), value.clone()))
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of another thread cannot leave a half-written unit: writes are plain map operations.
        lock(&self.state)
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .lock()
            .tables
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
        let state = self.lock();
        let Some(rows) = state.tables.get(&table) else {
            return Ok(Vec::new());
        };
        let range = rows.range(from.to_vec()..to.to_vec());
        Ok(range
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        let (epoch, writes) = next_epoch(self, groups)?;
        let mut state = self.lock();
        apply(&mut state.tables, &writes);
        state.owners.take(groups, epoch);
        Ok(epoch)
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        let mut state = self.lock();
        let verdicts = group.units.iter().map(|unit| state.write(unit));
        Ok(verdicts.collect())
    }
}

impl State {
    fn write(&mut self, unit: &Unit) -> Verdict {
        let verdict = self.owners.verdict(unit.owner);
        if verdict == Verdict::Committed {
            apply(&mut self.tables, &unit.writes);
        }
        verdict
    }
}

fn apply(tables: &mut Tables, writes: &[Write]) {
    for write in writes {
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
}
