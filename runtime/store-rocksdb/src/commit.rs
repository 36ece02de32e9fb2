//! One commit: everything that is not fenced goes into one batch, which is written and synced.

use crate::{family, suspect};
use bureaucrat_store::{
    Epoch, Group, Owners, ShardGroups, StoreError, Table, Unit, Verdict, Write, figures::Spans,
    lock,
};
use rocksdb::{
    ColumnFamily, DB, WriteBatch, WriteOptions,
    perf::{PerfContext, PerfMetric, PerfStatsLevel, set_perf_stats},
};
use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The state that commits share.
#[derive(Debug, Default)]
pub struct Commits {
    /// After a failed write nothing is written any more, because it is unknown what is on the disk.
    failed: AtomicBool,
    owners: Mutex<Owners>,
    /// How long the log took of each commit, with its sync.
    log: Spans,
}

impl Commits {
    pub fn take(&self, groups: ShardGroups, epoch: Epoch) {
        lock(&self.owners).take(groups, epoch);
    }

    /// Writes a group with one sync. Without anything to write there is no sync.
    pub fn commit(
        &self,
        database: &DB,
        folder: &Path,
        group: &Group,
    ) -> Result<Vec<Verdict>, StoreError> {
        if self.failed.load(Ordering::Acquire) {
            return Err(StoreError::Write(
                "an earlier write failed; restart the engine".into(),
            ));
        }
        let mut batch = WriteBatch::with_capacity_bytes(group.units.iter().map(room).sum());
        let mut families = Families::new(database);
        let mut verdicts = Vec::with_capacity(group.units.len());
        let owners = *lock(&self.owners);
        for unit in &group.units {
            let verdict = owners.verdict(unit.owner);
            if verdict == Verdict::Committed {
                append(&mut families, &mut batch, unit)?;
            }
            verdicts.push(verdict);
        }
        if !batch.is_empty() {
            let mut durable = WriteOptions::default();
            durable.set_sync(true);
            let written = self.timed(|| database.write_opt(batch, &durable));
            written.map_err(|error| {
                self.failed.store(true, Ordering::Release);
                if error.kind() == rocksdb::ErrorKind::Corruption {
                    suspect::note(folder);
                }
                StoreError::Write(error.to_string())
            })?;
        }
        Ok(verdicts)
    }

    /// Writes, and notes how long the log took with its sync.
    fn timed<T>(&self, write: impl FnOnce() -> T) -> T {
        // Of this thread alone: what it measures costs it a few looks at the clock. RocksDB has a level more than
        // its bindings know, so the level for times without mutexes has the number of the one after it there.
        set_perf_stats(PerfStatsLevel::EnableTimeAndCPUTimeExceptForMutex);
        let mut context = PerfContext::default();
        context.reset();
        let written = write();
        let nanos = context.metric(PerfMetric::WriteWalTime);
        set_perf_stats(PerfStatsLevel::Disable);
        self.log.took(Duration::from_nanos(nanos));
        written
    }

    /// How long the log took of each commit.
    pub const fn log(&self) -> &Spans {
        &self.log
    }
}

/// The column families that a commit writes to, each looked up by its name once.
struct Families<'a> {
    database: &'a DB,
    found: [Option<&'a ColumnFamily>; Table::ALL.len()],
}

impl<'a> Families<'a> {
    const fn new(database: &'a DB) -> Self {
        let found = [None; Table::ALL.len()];
        Self { database, found }
    }

    fn of(&mut self, table: Table) -> Result<&'a ColumnFamily, StoreError> {
        let place = self.found.get_mut(table as usize - 1);
        match place {
            Some(Some(family)) => Ok(family),
            Some(place) => Ok(place.insert(family(self.database, table)?)),
            None => family(self.database, table),
        }
    }
}

/// What a write takes in a batch in addition to its key and its record, at most.
const OVERHEAD: usize = 16;

/// The bytes that a unit takes in a batch.
fn room(unit: &Unit) -> usize {
    unit.bytes() + unit.writes.len() * OVERHEAD
}

fn append(
    families: &mut Families<'_>,
    batch: &mut WriteBatch,
    unit: &Unit,
) -> Result<(), StoreError> {
    for write in &unit.writes {
        match write {
            Write::Put { table, key, value } => batch.put_cf(families.of(*table)?, key, value),
            Write::Delete { table, key } => batch.delete_cf(families.of(*table)?, key),
        }
    }
    Ok(())
}
