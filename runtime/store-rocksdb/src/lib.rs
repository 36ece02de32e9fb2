//! The store on RocksDB: a column family per table, one write batch and one sync per group.
//!
//! It promises what [`bureaucrat_store::Store`] promises, on a local disk: a committed group
//! survives a crash of the process and of the machine; a group that was not committed is there as a
//! whole or not at all; and [`RocksStore::open`] refuses a folder that is locked, unusable or of
//! another format, with a clear message. The host decides what is written and when. No RocksDB type
//! leaves this crate.
#![forbid(unsafe_code)]

mod commit;
mod logs;
mod mark;
mod open;
mod options;
mod suspect;

pub use options::StoreMemory;

use bureaucrat_store::{
    Epoch, Group, Hex, Row, ShardGroups, Store, StoreError, Table, Unit, Verdict,
    figures::{MemoryUse, Spans},
    holds::Access,
    next_epoch,
};
use rocksdb::{ColumnFamily, DB, Direction, IteratorMode, ReadOptions, checkpoint::Checkpoint};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A store in a folder of the local disk. Only one process at a time can open it.
///
/// Commits come from one thread at a time: the host has one committer.
pub struct RocksStore {
    database: DB,
    folder: PathBuf,
    mark: mark::DurableMark,
    /// Tables in which the opening found damage.
    damaged: Vec<Table>,
    /// Stops all writes after the first one that fails, because memory may then differ from the
    /// disk.
    commits: commit::Commits,
}

/// What to do with a storage whose log lost synced data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostTail {
    /// Do not open it.
    Refuse,
    /// Open it, and take what is left for the truth.
    Accept,
}

impl RocksStore {
    /// Opens the store in the folder `path`. Creates the folder (for this user only) and the store
    /// if necessary.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process (or this one) has it open, [`StoreError::Format`]
    /// if an engine with another format wrote it, [`StoreError::Held`] if a command holds it, [`StoreError::LostTail`] if its log lost synced
    /// data, [`StoreError::Unusable`] if it cannot be read or written or is damaged.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, LostTail::Refuse, StoreMemory::default())
    }

    /// Like [`Self::open`]; also says what to do with a log that lost synced data, and how much memory to use.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        path: &Path,
        lost_tail: LostTail,
        memory: StoreMemory,
    ) -> Result<Self, StoreError> {
        Self::open_for(path, lost_tail, memory, Access::Use)
    }

    /// Like [`Self::open_with`]; also says what for.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_for(
        path: &Path,
        lost_tail: LostTail,
        memory: StoreMemory,
        access: Access,
    ) -> Result<Self, StoreError> {
        let (database, mark, damaged) = open::open(path, lost_tail, memory, access)?;
        Ok(Self {
            database,
            folder: path.to_owned(),
            mark,
            damaged,
            commits: commit::Commits::default(),
        })
    }

    /// Writes the records of this moment into a new folder, as a separate store. Files that never
    /// change are linked if the file system supports it, others are copied. Commits continue
    /// meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] if the folder exists or cannot be created.
    pub fn checkpoint(&self, folder: &Path) -> Result<(), StoreError> {
        Checkpoint::new(&self.database)
            .and_then(|checkpoint| checkpoint.create_checkpoint(folder))
            .map_err(|error| open::unusable(folder, error.as_ref()))
    }

    /// How long each commit's part of the log took, with its sync.
    pub const fn log(&self) -> &Spans {
        self.commits.log()
    }

    /// The memory that it has now, as far as RocksDB says.
    pub fn memory(&self) -> MemoryUse {
        let of = |table: &Table, property: &str| {
            let family = self.database.cf_handle(table.name());
            let value = family
                .and_then(|family| self.database.property_int_value_cf(family, property).ok());
            value.flatten().unwrap_or(0)
        };
        let all = |property| Table::ALL.iter().map(|table| of(table, property)).sum();
        MemoryUse {
            memtables: all("rocksdb.size-all-mem-tables"),
            table_readers: all("rocksdb.estimate-table-readers-mem"),
            // All tables share one.
            block_cache: of(&Table::Meta, "rocksdb.block-cache-usage"),
        }
    }

    /// Tables that the opening found damaged, after a write had failed over damage. Their files are
    /// not compacted, so they only grow, until the storage is repaired.
    pub fn damaged_tables(&self) -> &[Table] {
        &self.damaged
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
            .map_err(|error| read_error(table, key, &error))
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
                let (key, value) = row.map_err(|error| read_error(table, from, &error))?;
                Ok((key.into_vec(), value.into_vec()))
            })
            .collect()
    }

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        let (epoch, writes) = next_epoch(self, groups)?;
        let units = vec![Unit::of(writes)];
        self.commit(&Group { units })?;
        self.commits.take(groups, epoch);
        Ok(epoch)
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        let verdicts = self.commits.commit(&self.database, &self.folder, group)?;
        self.mark.note(self.database.latest_sequence_number());
        Ok(verdicts)
    }
}

/// The column family of a table. [`open::open`] made sure that it exists.
fn family(database: &DB, table: Table) -> Result<&ColumnFamily, StoreError> {
    database
        .cf_handle(table.name())
        .ok_or_else(|| StoreError::Read {
            table,
            reason: "the table is missing".into(),
        })
}

/// What a failed read of the record at `key`, or of records from there on, means: damage concerns
/// only these records, anything else the whole store.
fn read_error(table: Table, key: &[u8], error: &rocksdb::Error) -> StoreError {
    if error.kind() == rocksdb::ErrorKind::Corruption {
        return StoreError::Damaged {
            table,
            key: Hex(key).to_string(),
            reason: error.to_string(),
        };
    }
    StoreError::Read {
        table,
        reason: error.to_string(),
    }
}
