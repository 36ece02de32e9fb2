//! A store of which commits and reads fail.

use bureaucrat_store::{Epoch, Group, Row, ShardGroups, Store, StoreError, Table, Verdict};
use std::sync::atomic::{AtomicU64, Ordering};

/// The commits after a number of them fail.
pub struct Failing<'a> {
    pub inside: &'a dyn Store,
    pub left: &'a AtomicU64,
    /// Scans of this table find damage.
    pub damaged: Option<Table>,
}

impl Store for Failing<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inside.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if self.damaged == Some(table) {
            let (key, reason) = ("0a".to_owned(), "a checksum does not fit".to_owned());
            return Err(StoreError::Damaged { table, key, reason });
        }
        self.inside.scan(table, from, to, limit)
    }

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        self.inside.own(groups)
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        let one_less = |left: u64| left.checked_sub(1);
        let counted = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        counted.map_err(|_| StoreError::Write("the power is gone".into()))?;
        self.inside.commit(group)
    }
}
