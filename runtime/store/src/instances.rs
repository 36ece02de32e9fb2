//! Instances as rows: a head, and a row for each fiber, so that a step writes what it changed.
//!
//! The head says how many fibers there are and how many bytes their rows take: a row that is missing is noticed, and
//! what needs no fibers reads the head alone. Damage of one row is damage of the whole process. Which shard writes an
//! instance, and when, is left to the host.

use crate::{
    keys,
    records::{decode, encode, hexadecimal},
    table::{Store, StoreError, Table, Write},
};
use bureaucrat_model::{Fiber, FiberChange, FiberId, Head, Instance, ProcessId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An instance, and what of it is in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredInstance {
    pub instance: Instance,
    pub rows: InstanceRows,
}

/// The rows that the store has of an instance; by default none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceRows {
    head_bytes: u64,
    /// Bytes of each fiber's row.
    fibers: BTreeMap<FiberId, u64>,
    /// Bytes of all rows but the head.
    body_bytes: u64,
}

impl InstanceRows {
    /// Bytes of all records.
    pub const fn bytes(&self) -> u64 {
        self.head_bytes + self.body_bytes
    }
}

/// A head as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHead {
    pub fibers: u32,
    /// Bytes of all rows but the head.
    pub body_bytes: u64,
    pub head: Head,
}

/// Adds the writes that bring the store from `rows` to what the instance is now; false when nothing changed.
///
/// # Errors
/// When MessagePack cannot hold a record, which takes a text of over 4 GiB.
pub fn write_instance(
    instance: &mut Instance,
    rows: &mut InstanceRows,
    writes: &mut Vec<Write>,
) -> Result<bool, StoreError> {
    let Some(changes) = instance.take_changes() else {
        return Ok(false);
    };
    let process = instance.process;
    for (id, change) in changes {
        let (table, key) = (Table::Fibers, keys::fiber(process, id));
        let old = match (change, instance.fibers.get(id)) {
            (FiberChange::Put, Some(fiber)) => {
                let value = encode(fiber)?;
                let size = value.len() as u64;
                writes.push(Write::Put { table, key, value });
                rows.body_bytes += size;
                rows.fibers.insert(id, size)
            }
            (FiberChange::Put | FiberChange::Deleted, _) => {
                writes.push(Write::Delete { table, key });
                rows.fibers.remove(&id)
            }
        };
        rows.body_bytes = rows.body_bytes.saturating_sub(old.unwrap_or(0));
    }
    let value = encode(&(rows.fibers.len(), rows.body_bytes, instance.head()))?;
    rows.head_bytes = value.len() as u64;
    writes.push(Write::Put {
        table: Table::Instances,
        key: keys::instance(process),
        value,
    });
    Ok(true)
}

/// The instance of a process; none when there is none.
///
/// # Errors
/// When reading fails, and when a row of it is damaged or missing.
pub fn read_instance(
    store: &dyn Store,
    process: ProcessId,
) -> Result<Option<StoredInstance>, StoreError> {
    let key = keys::instance(process);
    let Some(record) = store.get(Table::Instances, &key)? else {
        return Ok(None);
    };
    assemble(store, process, &record).map(Some)
}

/// The instance whose head is `record`.
///
/// # Errors
/// As [`read_instance`].
pub fn assemble(
    store: &dyn Store,
    process: ProcessId,
    record: &[u8],
) -> Result<StoredInstance, StoreError> {
    let stored = decode_head(&keys::instance(process), record)?;
    let mut rows = InstanceRows {
        head_bytes: record.len() as u64,
        ..InstanceRows::default()
    };
    let mut fibers = Vec::new();
    for (id, fiber, size) in read_fibers(store, process, stored.fibers as usize + 1)? {
        rows.fibers.insert(id, size);
        rows.body_bytes += size;
        fibers.push((id, fiber));
    }
    let (found, bytes) = (fibers.len(), rows.body_bytes);
    if (found, bytes) != (stored.fibers as usize, stored.body_bytes) {
        return Err(StoreError::Damaged {
            table: Table::Fibers,
            key: hexadecimal(process.as_bytes()),
            reason: format!(
                "the process has {} fibers of {} bytes, {found} of {bytes} bytes are there",
                stored.fibers, stored.body_bytes
            ),
        });
    }
    Ok(StoredInstance {
        instance: Instance::written(stored.head, fibers),
        rows,
    })
}

/// The first fibers of a process, at most `limit`, for one who does not need all.
///
/// # Errors
/// As [`read_instance`].
pub fn first_fibers(
    store: &dyn Store,
    process: ProcessId,
    limit: usize,
) -> Result<Vec<(FiberId, Fiber)>, StoreError> {
    let fibers = read_fibers(store, process, limit)?;
    let without_size = |(id, fiber, _)| (id, fiber);
    Ok(fibers.into_iter().map(without_size).collect())
}

fn read_fibers(
    store: &dyn Store,
    process: ProcessId,
    limit: usize,
) -> Result<Vec<(FiberId, Fiber, u64)>, StoreError> {
    let from = keys::fiber(process, FiberId(0));
    let to = keys::prefix_end(process.as_bytes());
    let rows = store.scan(Table::Fibers, &from, &to, limit)?;
    let read = |(key, record): (Vec<u8>, Vec<u8>)| {
        let (_, id) = keys::fiber_of(&key).map_err(|error| StoreError::Damaged {
            table: Table::Fibers,
            key: hexadecimal(&key),
            reason: error.to_string(),
        })?;
        let fiber = decode(Table::Fibers, &key, &record)?;
        Ok((id, fiber, record.len() as u64))
    };
    rows.into_iter().map(read).collect()
}

/// Adds the writes that remove every row of a process's instance.
///
/// # Errors
/// When the keys of its rows can't be read.
pub fn delete_instance(
    store: &dyn Store,
    process: ProcessId,
    writes: &mut Vec<Write>,
) -> Result<(), StoreError> {
    writes.push(Write::Delete {
        table: Table::Instances,
        key: keys::instance(process),
    });
    let from = process.as_bytes().as_slice();
    let rows = store.scan(Table::Fibers, from, &keys::prefix_end(from), usize::MAX)?;
    let delete = |(key, _)| Write::Delete {
        table: Table::Fibers,
        key,
    };
    writes.extend(rows.into_iter().map(delete));
    Ok(())
}

/// Reads a stored head.
///
/// # Errors
/// When the bytes are of another format or do not decode.
pub fn decode_head(key: &[u8], record: &[u8]) -> Result<StoredHead, StoreError> {
    decode(Table::Instances, key, record)
}

/// The stored head of a process, and the bytes of all of its records; none when there is none that can be read.
///
/// # Errors
/// When the store can't be read.
pub fn read_head(store: &dyn Store, process: ProcessId) -> Result<Option<(Head, u64)>, StoreError> {
    let key = keys::instance(process);
    let record = match store.get(Table::Instances, &key) {
        Ok(record) => record,
        Err(StoreError::Damaged { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(record.and_then(|record| {
        let stored = decode_head(&key, &record).ok()?;
        Some((stored.head, record.len() as u64 + stored.body_bytes))
    }))
}
