//! The store on RocksDB: a column family a table, one write batch and one sync a group.
//!
//! It promises what [`bureaucrat_store::Store`] promises, on a local disk: a group that was committed survives a crash
//! of the process and of the machine, a group that was not is there as a whole or not at all, and a folder that is
//! locked, unusable or of another format is refused at [`RocksStore::open`] with a clear message. What is written when
//! is left to the host. No type of RocksDB leaves this crate.
#![forbid(unsafe_code)]

mod commit;
mod open;
mod options;

use bureaucrat_store::{Group, Row, Store, StoreError, Table, Verdict};
use rocksdb::{ColumnFamily, DB, Direction, IteratorMode, ReadOptions};
use std::{fmt, path::Path, sync::atomic::AtomicBool};

/// A store in a folder of the local disk. One process at a time may have it open.
///
/// Commits may come from several threads at once; RocksDB joins the syncs of those that wait together. No lock is held
/// from the check of the guards to the write, so two groups that guard the *same* process must not be committed at the
/// same time. The host keeps to that, since each process belongs to one shard and a shard commits one group at a time.
pub struct RocksStore {
    database: DB,
    /// Set by the first write that fails: what is in memory then no longer tells what is on disk.
    failed: AtomicBool,
}

impl RocksStore {
    /// The format of what is stored, kept under [`RocksStore::FORMAT_KEY`] in [`Table::Meta`] as decimal digits.
    pub const FORMAT: u8 = 1;

    /// The key of the format in [`Table::Meta`].
    pub const FORMAT_KEY: &'static [u8] = b"format";

    /// Opens the store in the folder `path`, creating the folder (for this user alone) and the store if need be.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process (or this one) has it open, [`StoreError::Format`] when an engine
    /// with another format wrote it, [`StoreError::Unusable`] when it can't be read or written or is damaged.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            database: open::open(path)?,
            failed: AtomicBool::new(false),
        })
    }
}

impl fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RocksStore")
            .field("path", &self.database.path())
            .finish_non_exhaustive()
    }
}

impl Store for RocksStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let family = family(&self.database, table)?;
        self.database
            .get_cf(family, key)
            .map_err(|error| read_error(table, &error))
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if from >= to || limit == 0 {
            return Ok(Vec::new());
        }
        let mut reading = ReadOptions::default();
        reading.set_iterate_upper_bound(to);
        let start = IteratorMode::From(from, Direction::Forward);
        self.database
            .iterator_cf_opt(family(&self.database, table)?, reading, start)
            .take(limit)
            .map(|row| {
                let (key, value) = row.map_err(|error| read_error(table, &error))?;
                Ok((key.into_vec(), value.into_vec()))
            })
            .collect()
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        commit::commit(&self.database, &self.failed, group)
    }
}

/// The column family of a table. [`open::open`] has made sure that all are there.
fn family(database: &DB, table: Table) -> Result<&ColumnFamily, StoreError> {
    database
        .cf_handle(table.name())
        .ok_or_else(|| StoreError::Read {
            table,
            reason: "the table is not there".into(),
        })
}

fn read_error(table: Table, error: &rocksdb::Error) -> StoreError {
    StoreError::Read {
        table,
        reason: error.to_string(),
    }
}
