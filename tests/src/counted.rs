//! A store that counts what is read of it.

use bureaucrat_store::{Epoch, Group, Row, ShardGroups, Store, StoreError, Table, Verdict};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A store that counts the rows that are read.
pub struct Counted {
    store: Arc<dyn Store>,
    read: AtomicU64,
}

impl Counted {
    /// Nothing is read yet.
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            read: AtomicU64::new(0),
        }
    }

    /// How many rows were read, and reads were made.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Store for Counted {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        self.store.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.store.scan(table, from, to, limit)?;
        self.read
            .fetch_add(1 + rows.len() as u64, Ordering::Relaxed);
        Ok(rows)
    }

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        self.store.own(groups)
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        self.store.commit(group)
    }
}
