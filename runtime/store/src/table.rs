//! The store's trait and the shape of a commit.

use bureaucrat_model::ProcessId;

/// The tables, each an ordered map from key to record. Numbers and names are those of `docs/formats.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Programs = 1,
    /// Modules that were uploaded, by hash.
    Modules = 2,
    Instances = 3,
    Timers = 4,
    Subscriptions = 5,
    /// Events that are being handed out, by sequence.
    Events = 6,
    /// What is to leave the engine, by kind and process.
    Outbox = 7,
    /// Messages that took effect, by hash; and processes that were removed.
    Seen = 8,
    /// What happened to a process, by process and number.
    History = 9,
    /// Format, secret, time and sequence.
    Meta = 10,
    /// The fibers of instances, by process and number.
    Fibers = 11,
    /// Fields of instances that are large, by process and number.
    Values = 12,
}

impl Table {
    pub const ALL: [Self; 12] = [
        Self::Programs,
        Self::Modules,
        Self::Instances,
        Self::Timers,
        Self::Subscriptions,
        Self::Events,
        Self::Outbox,
        Self::Seen,
        Self::History,
        Self::Meta,
        Self::Fibers,
        Self::Values,
    ];

    /// The table's name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Programs => "programs",
            Self::Modules => "modules",
            Self::Instances => "instances",
            Self::Timers => "timers",
            Self::Subscriptions => "subscriptions",
            Self::Events => "events",
            Self::Outbox => "outbox",
            Self::Seen => "seen",
            Self::History => "history",
            Self::Meta => "meta",
            Self::Fibers => "fibers",
            Self::Values => "values",
        }
    }
}

/// How many times an instance was written; the first write makes it 1, 0 stands for an instance that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub u64);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    Put {
        table: Table,
        key: Vec<u8>,
        value: Vec<u8>,
    },
    /// Removes a record; one that is not there is no error.
    Delete { table: Table, key: Vec<u8> },
}

/// What must hold for a unit to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    pub process: ProcessId,
    /// The version that it must have in the store; 0 when it must not be there.
    pub expected: Version,
}

/// Changes that are written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// What must hold of each of these instances; all or the unit fails.
    pub guards: Vec<Guard>,
    pub writes: Vec<Write>,
}

impl Unit {
    /// Bytes of its keys and records.
    pub fn bytes(&self) -> usize {
        let of = |write: &Write| match write {
            Write::Put { key, value, .. } => key.len() + value.len(),
            Write::Delete { key, .. } => key.len(),
        };
        self.writes.iter().map(of).sum()
    }
}

/// The units of one commit: one atomic write and one sync for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Each has its own verdict.
    pub units: Vec<Unit>,
}

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Committed,
    /// An instance did not have the expected version; nothing of the unit was written.
    Conflict {
        process: ProcessId,
        found: Version,
    },
    /// The record of an instance can't be read, so its version is not known; nothing of the unit was written.
    Damaged {
        process: ProcessId,
    },
}

/// What can go wrong in a store. After an error of a commit nothing may be acknowledged any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another engine has it open.
    #[error(
        "the storage {path} is locked by another engine: stop that one first, or give another folder ({reason})"
    )]
    Locked { path: String, reason: String },
    /// It can't be opened for other reasons.
    #[error("the storage {path} can't be opened: {reason}")]
    Unusable { path: String, reason: String },
    /// It was written by an engine that this one does not understand.
    #[error(
        "the storage has format {found}; this engine reads format {known}: start an engine of the version that wrote it"
    )]
    Format { found: String, known: u8 },
    /// Records that were synced are not there any more: the log was damaged, or cut, or replaced by an older one.
    #[error(
        "the storage {path} has lost the end of its log: {lost} changes that were confirmed are not there. Restore a \
         backup, or go on with what is left after `bureaucrat fsck --accept-lost-tail`; the log as it was is in {kept}"
    )]
    LostTail {
        path: String,
        /// How many records were written in what is lost.
        lost: u64,
        /// Where the log is kept.
        kept: String,
    },
    #[error("reading table {table} failed: {reason}", table = table.name())]
    Read { table: Table, reason: String },
    /// A commit failed; whether it is durable is not known.
    #[error("writing to the storage failed: {0}")]
    Write(String),
    /// A record does not decode.
    #[error("a record of table {table} is damaged (key {key}): {reason}", table = table.name())]
    Damaged {
        table: Table,
        /// The key in hexadecimal.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A key and its record.
pub type Row = (Vec<u8>, Vec<u8>);

/// A store. Reads see every commit that was done before.
pub trait Store: Send + Sync {
    /// The record at `key`.
    ///
    /// # Errors
    /// When reading fails.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` records with keys from `from` (included) to `to` (excluded), in order of keys.
    ///
    /// # Errors
    /// When reading fails.
    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// Writes the units whose guards hold, atomically and durably, and tells what became of each. A guard is checked
    /// against the store and the units before it in the group.
    ///
    /// # Errors
    /// When writing or syncing fails; the group may or may not be there after a restart, as a whole.
    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError>;
}
