//! The store's trait and the shape of a commit.

use crate::{format, holds::Hold};
use bureaucrat_model::{ShardGroups, ShardId};

/// The tables, each an ordered map from key to record. `docs/formats.md` has their numbers and
/// names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Programs = 1,
    /// Uploaded modules, by hash.
    Modules = 2,
    Instances = 3,
    Timers = 4,
    Subscriptions = 5,
    /// Events that are being handed out, by sequence.
    Events = 6,
    /// Messages that must be sent, by process, kind and number.
    Outbox = 7,
    /// Messages that took effect, by hash, and processes that were removed.
    Seen = 8,
    /// The history of processes, by process and number.
    History = 9,
    /// Format, secret, time and sequence.
    Meta = 10,
    /// The fibers of instances, by process and number.
    Fibers = 11,
    /// Large fields of instances, by process and number.
    Values = 12,
    /// Messages for failing destinations, by process, kind and number.
    Aside = 13,
    /// The index of these messages by destination.
    Backlog = 14,
    /// The list of processes, newest first within each phase.
    Recent = 15,
    /// Copies of the last dead letters, by shard and number.
    Letters = 16,
    /// The versions of deployed definitions, by name and version.
    Definitions = 17,
    /// Their texts, under the same keys.
    Sources = 18,
    /// The processes that have not ended and have a business key.
    BusinessKeys = 19,
    /// Processes that are certain to start and have not started, by process.
    Launches = 20,
    /// Deployed definitions that launch themselves, by name.
    Schedules = 21,
    /// Events that are kept for those who wait for them later, by name, key and sequence.
    Kept = 22,
    /// Waits to which kept events are being offered.
    Recalls = 23,
    /// Which process took which kept event.
    Taken = 24,
    /// The processes with searchable fields, by name and value.
    Searched = 25,
    /// What is known of a stored module, by hash.
    ModuleRecords = 26,
    /// The versions and aliases of deployed modules, by name.
    ModuleNames = 27,
    /// Bulk jobs: an operator's order for each process of a search.
    BulkJobs = 28,
    /// What became of each process of a bulk job.
    BulkOutcomes = 29,
    /// The orders that were carried out, newest first.
    AuditLog = 30,
}

impl Table {
    pub const ALL: [Self; 30] = [
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
        Self::Aside,
        Self::Backlog,
        Self::Recent,
        Self::Letters,
        Self::Definitions,
        Self::Sources,
        Self::BusinessKeys,
        Self::Launches,
        Self::Schedules,
        Self::Kept,
        Self::Recalls,
        Self::Taken,
        Self::Searched,
        Self::ModuleRecords,
        Self::ModuleNames,
        Self::BulkJobs,
        Self::BulkOutcomes,
        Self::AuditLog,
    ];

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
            Self::Aside => "aside",
            Self::Backlog => "backlog",
            Self::Recent => "recent",
            Self::Letters => "letters",
            Self::Definitions => "definitions",
            Self::Sources => "sources",
            Self::BusinessKeys => "business_keys",
            Self::Launches => "launches",
            Self::Schedules => "schedules",
            Self::Kept => "kept",
            Self::Recalls => "recalls",
            Self::Taken => "taken",
            Self::Searched => "searched",
            Self::ModuleRecords => "module_records",
            Self::ModuleNames => "module_names",
            Self::BulkJobs => "bulk_jobs",
            Self::BulkOutcomes => "bulk_outcomes",
            Self::AuditLog => "audit_log",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    Put {
        table: Table,
        key: Vec<u8>,
        value: Vec<u8>,
    },
    /// Removes a record, if it exists.
    Delete { table: Table, key: Vec<u8> },
}

/// How many times the ownership of a shard has changed. An engine writes under the epoch in which
/// it took the shard, and only while that epoch is the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// On whose behalf a unit is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owner {
    /// Nobody: records named by their content, what the store says about itself, and repairs of a
    /// store without a running engine.
    #[default]
    Nobody,
    /// A shard's owner.
    Shard(ShardId, Epoch),
}

/// Changes that are written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    pub owner: Owner,
    /// In order: the last one for a key wins.
    pub writes: Vec<Write>,
}

impl Unit {
    /// A unit on behalf of nobody.
    pub const fn of(writes: Vec<Write>) -> Self {
        Self {
            owner: Owner::Nobody,
            writes,
        }
    }

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

/// What happened to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Committed,
    /// Another engine owns the shard now; nothing of the unit was written.
    Fenced {
        present: Epoch,
    },
}

/// Errors of a store. After a failed commit nothing may be acknowledged any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the storage {path} is in use by another engine: stop that one first, or name another \
         storage ({reason})"
    )]
    Locked { path: String, reason: String },
    /// It cannot be opened for another reason.
    #[error("cannot open the storage {path}: {reason}")]
    Unusable { path: String, reason: String },
    /// An engine with another format wrote it.
    #[error(
        "the storage has format {found}; this engine reads format {known}: {advice}",
        advice = format::advice(found, *known)
    )]
    Format { found: String, known: u8 },
    /// A command holds it, or took its records elsewhere.
    #[error("the records in {path} can't be used: {hold}")]
    Held { path: String, hold: Hold },
    /// Synced records are missing: the log was damaged, or cut, or replaced by an older one.
    #[error(
        "the storage {path} has lost the end of its log: {lost} changes that were confirmed are not there. Restore a \
         backup, or continue with what is left after `bureaucrat fsck --accept-lost-tail`; the log as it was is in {kept}"
    )]
    LostTail {
        path: String,
        /// How many records were lost.
        lost: u64,
        /// Where the log is kept.
        kept: String,
    },
    /// A database came back without commits that it had confirmed.
    #[error(
        "the database {path} has lost {lost} commits that it had confirmed: it is not the one that was there before, such as \
         a standby that was behind, or a backup. This engine stops; what it does with the database from the next start on \
         begins with what is there"
    )]
    LostCommits {
        path: String,
        /// How many commits are missing.
        lost: u64,
    },
    #[error("reading table {table} failed: {reason}", table = table.name())]
    Read { table: Table, reason: String },
    /// A commit failed; it is unknown whether it is durable.
    #[error("writing to the storage failed: {0}")]
    Write(String),
    /// Another engine owns a shard that this one wrote to.
    #[error(
        "another engine has taken over (epoch {present}); this one stops, and its unfinished work \
         does not count"
    )]
    Fenced { present: u64 },
    /// A record does not decode.
    #[error("a record of table {table} is damaged (key {key}): {reason}", table = table.name())]
    Damaged {
        table: Table,
        /// The key in hexadecimal.
        key: String,
        reason: String,
    },
}

pub type Row = (Vec<u8>, Vec<u8>);

/// A store. Reads see every earlier commit.
pub trait Store: Send + Sync {
    /// The record at `key`.
    ///
    /// # Errors
    /// If reading fails.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` records with keys from `from` (included) to `to` (excluded), in order of
    /// keys.
    ///
    /// # Errors
    /// If reading fails.
    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// Takes these groups of shards: units of their earlier owners are fenced from now on. Returns the
    /// epoch to write under, which nobody else has.
    ///
    /// # Errors
    /// If the store fails.
    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError>;

    /// Writes the units that are not fenced, atomically and durably, and returns what happened to
    /// each.
    ///
    /// # Errors
    /// If writing or syncing fails. After a restart, the group may be there as a whole or not at
    /// all.
    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError>;

    /// The same for an engine: what it plans rests on what it has read and planned before, in all groups of shards that it
    /// took through this store. If one of them is another's, all units are fenced, and so is what comes later. Where one engine
    /// owns everything, that is the same as [`Self::commit`].
    ///
    /// # Errors
    /// As [`Self::commit`].
    fn commit_whole(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        self.commit(group)
    }
}
