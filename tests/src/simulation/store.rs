//! A store whose machine loses power at a commit: before it, so that nothing is there, or right after it.

use bureaucrat_store::{Group, MemoryStore, Row, Store, StoreError, Table, Verdict};
use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

/// When the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerCut {
    /// Before the next commit is durable.
    BeforeCommit,
    /// After it is durable, before anybody learns of it.
    AfterCommit,
}

/// A store over one that lasts.
#[derive(Debug)]
pub struct CrashingStore {
    lasting: Arc<MemoryStore>,
    cut: AtomicU8,
}

impl CrashingStore {
    /// A machine with this disk.
    pub const fn new(lasting: Arc<MemoryStore>) -> Self {
        Self {
            lasting,
            cut: AtomicU8::new(0),
        }
    }

    /// Cuts the power at the next commit.
    pub fn cut_power(&self, cut: PowerCut) {
        let cut = match cut {
            PowerCut::BeforeCommit => 1,
            PowerCut::AfterCommit => 2,
        };
        self.cut.store(cut, Ordering::Relaxed);
    }
}

impl Store for CrashingStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.lasting.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.lasting.scan(table, from, to, limit)
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        let power_cut = || Err(StoreError::Write("the power went".into()));
        match self.cut.load(Ordering::Relaxed) {
            0 => self.lasting.commit(group),
            1 => power_cut(),
            _ => {
                self.lasting.commit(group)?;
                power_cut()
            }
        }
    }
}
