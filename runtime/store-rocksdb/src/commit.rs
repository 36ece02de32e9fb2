//! One commit: guards are checked, what passes goes into one batch, the batch is written and synced.

use crate::{family, read_error, suspect};
use bureaucrat_store::{Group, Guard, StoreError, Table, Unit, Verdict, Version, Write};
use bureaucrat_store::{instances, keys};
use rocksdb::{DB, WriteBatch, WriteOptions};
use std::{
    collections::HashMap,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

/// Versions that units earlier in the group give to instances, by key.
type Pending = HashMap<Vec<u8>, Version>;

/// Commits `group`. After one write that failed no further one is tried: its outcome on disk is not known, so guards
/// could be checked against something that a restart takes back.
pub fn commit(
    database: &DB,
    failed: &AtomicBool,
    folder: &Path,
    group: &Group,
) -> Result<Vec<Verdict>, StoreError> {
    if failed.load(Ordering::Acquire) {
        return Err(StoreError::Write(
            "an earlier write failed; the engine has to be started again".into(),
        ));
    }
    let mut pending = Pending::new();
    let mut batch = WriteBatch::default();
    let mut verdicts = Vec::with_capacity(group.units.len());
    for unit in &group.units {
        let verdict = check(database, &pending, unit)?;
        if verdict == Verdict::Committed {
            append(database, &mut batch, &mut pending, unit)?;
        }
        verdicts.push(verdict);
    }
    if !batch.is_empty() {
        let mut durable = WriteOptions::default();
        durable.set_sync(true);
        database.write_opt(batch, &durable).map_err(|error| {
            failed.store(true, Ordering::Release);
            if error.kind() == rocksdb::ErrorKind::Corruption {
                suspect::note(folder);
            }
            StoreError::Write(error.to_string())
        })?;
    }
    Ok(verdicts)
}

fn check(database: &DB, pending: &Pending, unit: &Unit) -> Result<Verdict, StoreError> {
    for Guard { process, expected } in &unit.guards {
        let key = keys::instance(*process);
        let found = match pending.get(&key) {
            Some(version) => *version,
            None => match stored_version(database, &key) {
                Ok(version) => version,
                Err(StoreError::Damaged { .. }) => {
                    return Ok(Verdict::Damaged { process: *process });
                }
                Err(error) => return Err(error),
            },
        };
        if found != *expected {
            return Ok(Verdict::Conflict {
                process: *process,
                found,
            });
        }
    }
    Ok(Verdict::Committed)
}

/// The version of an instance on disk: a point read without copying the record.
fn stored_version(database: &DB, key: &[u8]) -> Result<Version, StoreError> {
    let table = Table::Instances;
    database
        .get_pinned_cf(family(database, table)?, key)
        .map_err(|error| read_error(table, key, &error))?
        .map_or(Ok(Version(0)), |record| {
            instances::instance_version(key, &record)
        })
}

fn append(
    database: &DB,
    batch: &mut WriteBatch,
    pending: &mut Pending,
    unit: &Unit,
) -> Result<(), StoreError> {
    for write in &unit.writes {
        match write {
            Write::Put { table, key, value } => {
                if *table == Table::Instances {
                    let version = instances::instance_version(key, value)?;
                    pending.insert(key.clone(), version);
                }
                batch.put_cf(family(database, *table)?, key, value);
            }
            Write::Delete { table, key } => {
                if *table == Table::Instances {
                    pending.insert(key.clone(), Version(0));
                }
                batch.delete_cf(family(database, *table)?, key);
            }
        }
    }
    Ok(())
}
