//! Instances as rows: a head, a row for each fiber, and rows for large fields, so that a step
//! writes only what it changed. A single fiber, which most processes have, is in the head.
//!
//! The head contains the number of fibers and the size of their rows, so that a missing row is
//! noticed. Code that needs no fibers reads only the head. A damaged row counts as damage of the
//! whole process. The host decides which shard writes an instance, and when.

mod deleting;

pub use crate::indexes::{place_of, searched_keys};
pub use crate::stored_fiber::StoredFiber;
use crate::{
    attributes::{self, Attribute},
    indexes::{Indexed, Touched},
    keys,
    reading::batch_of,
    records::{decode, encode},
    runs::{Part, Runs, numbers},
    table::{Store, StoreError, Table, Write},
};
use bureaucrat_model::{
    Ending, FiberChange, FiberId, Fields, Head, Hex, Instance, ProcessId, SharedMap, Status,
};
pub use deleting::delete_instance;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, sync::Arc};

/// An instance, and what of it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredInstance {
    pub instance: Instance,
    pub rows: InstanceRows,
}

/// The stored rows of an instance; none by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceRows {
    head_bytes: u64,
    /// The runs that the head refers to.
    head_runs: Vec<u64>,
    fibers: SharedMap<FiberRow>,
    runs: Runs,
    indexed: Indexed,
    /// Bytes of all rows except the head.
    body_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FiberRow {
    /// None if it is in the head.
    bytes: Option<u64>,
    /// The runs that it refers to, as often as it does.
    runs: Arc<[u64]>,
    attributes: Vec<Attribute>,
}

impl InstanceRows {
    /// Bytes of all records.
    pub const fn bytes(&self) -> u64 {
        self.head_bytes + self.body_bytes
    }

    /// Whether its only fiber is in the head, so that it has no rows of fibers.
    pub fn is_alone(&self) -> bool {
        self.fibers.get(0).is_some_and(|row| row.bytes.is_none())
    }

    /// The numbers of rows in the table `Values` that nothing refers to.
    pub fn unnamed_values(&self) -> impl Iterator<Item = u64> {
        self.runs.unnamed()
    }
}

/// The stored form of a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHead {
    pub fibers: u32,
    /// The first fiber, if there is no other.
    pub only: Option<StoredFiber>,
    /// Bytes of all rows except the head.
    pub body_bytes: u64,
    pub next_value: u64,
    /// The head. Its large fields are left out: the final ones, or those at a fault.
    pub head: Head,
    /// The parts of these fields.
    pub ending: Vec<Part>,
}

/// The same as it is written, without a copy of the head.
#[derive(Serialize)]
struct HeadToWrite<'a> {
    fibers: u32,
    only: Option<StoredFiber>,
    body_bytes: u64,
    next_value: u64,
    head: Cow<'a, Head>,
    ending: Vec<Part>,
}

/// Adds the writes that bring the store from `rows` to the instance's current state. Returns false
/// if nothing changed.
///
/// # Errors
/// If MessagePack cannot hold a record, which takes a text of more than 4 GiB.
pub fn write_instance(
    instance: &mut Instance,
    rows: &mut InstanceRows,
    writes: &mut Vec<Write>,
) -> Result<bool, StoreError> {
    let Some(mut changes) = instance.take_changes() else {
        return Ok(false);
    };
    let first = FiberId(0);
    let is_alone = instance.fibers.len() == 1 && instance.fibers.get(first).is_some();
    if is_alone || rows.is_alone() {
        changes.entry(first).or_insert(FiberChange::Put);
    }
    let mut only = None;
    let process = instance.process;
    let mut released = std::mem::take(&mut rows.head_runs);
    let mut touched = Touched::default();
    for (id, change) in changes {
        let (table, key) = (Table::Fibers, keys::fiber(process, id));
        let mut attributes = Vec::new();
        let old = match (change, instance.fibers.get(id)) {
            (FiberChange::Put, Some(fiber)) => {
                let stored = StoredFiber::of(fiber, &mut rows.runs);
                attributes = attributes::of_state(&fiber.state);
                let mut row = FiberRow {
                    bytes: None,
                    runs: stored.named(),
                    attributes: attributes.clone(),
                };
                if is_alone {
                    only = Some(stored);
                } else {
                    let (key, value) = (key.clone(), encode(&stored)?);
                    row.bytes = Some(value.len() as u64);
                    rows.body_bytes += value.len() as u64;
                    writes.push(Write::Put { table, key, value });
                }
                rows.fibers.insert(u64::from(id.0), row)
            }
            (FiberChange::Put | FiberChange::Deleted, _) => rows.fibers.remove(u64::from(id.0)),
        };
        let mut before = Vec::new();
        if let Some(old) = old {
            let has_row = rows.fibers.get(u64::from(id.0));
            if old.bytes.is_some() && has_row.is_none_or(|row| row.bytes.is_none()) {
                writes.push(Write::Delete { table, key });
            }
            rows.body_bytes = rows.body_bytes.saturating_sub(old.bytes.unwrap_or(0));
            released.extend_from_slice(&old.runs);
            before = old.attributes;
        }
        rows.indexed.replace(&before, &attributes, &mut touched);
    }
    let (head, ending) = split_fields(instance.head(), &mut rows.runs);
    rows.head_runs = numbers(&ending).collect();
    rows.runs.release(&released);
    let (grown, shrunk) = rows.runs.write(process, writes)?;
    rows.body_bytes = (rows.body_bytes + grown).saturating_sub(shrunk);
    let stored = HeadToWrite {
        fibers: u32::try_from(rows.fibers.len()).unwrap_or(u32::MAX),
        only,
        body_bytes: rows.body_bytes,
        next_value: rows.runs.next(),
        head,
        ending,
    };
    let value = encode(&stored)?;
    rows.head_bytes = value.len() as u64;
    writes.push(Write::Put {
        table: Table::Instances,
        key: keys::instance(process),
        value,
    });
    rows.indexed.write(instance.head(), touched, writes);
    Ok(true)
}

/// A head to be stored, with the parts of its fields when they are large.
fn split_fields<'a>(head: &'a Head, runs: &mut Runs) -> (Cow<'a, Head>, Vec<Part>) {
    let Some(fields) = head.ended_with() else {
        return (Cow::Borrowed(head), Vec::new());
    };
    let parts = runs.name(fields);
    if let [Part::Here(_)] = parts.as_slice() {
        return (Cow::Borrowed(head), Vec::new());
    }
    let mut head = head.clone();
    if let Some(fields) = fields_of(&mut head) {
        *fields = Fields::new();
    }
    (Cow::Owned(head), parts)
}

/// The fields that a head holds: final ones, or those at a fault.
fn fields_of(head: &mut Head) -> Option<&mut Fields> {
    match &mut head.status {
        Status::Ended(Ending::Completed(fields)) => Some(fields),
        Status::Ended(Ending::Failed(_)) => Some(&mut head.failed_fields),
        Status::Running | Status::Parked { .. } => None,
    }
}

/// The instance of a process, if it exists.
///
/// # Errors
/// If reading fails, or a row of it is damaged or missing.
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

/// The instance with the head `record`.
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
    rows.runs.set_next(stored.next_value);
    rows.body_bytes += read_runs(store, process, &mut rows.runs)?;
    let missing = |number| missing_value(process, number);
    let (mut fibers, mut waits) = (Vec::new(), Vec::new());
    let stored_fibers = match stored.only {
        Some(only) => vec![(FiberId(0), only, None)],
        None => read_fibers(store, process, stored.fibers as usize + 1)?,
    };
    for (id, fiber, bytes) in stored_fibers {
        rows.body_bytes += bytes.unwrap_or(0);
        let row = FiberRow {
            bytes,
            runs: fiber.named(),
            attributes: attributes::of_state(&fiber.state),
        };
        waits.extend_from_slice(&row.attributes);
        rows.fibers.insert(u64::from(id.0), row);
        fibers.push((id, fiber.read(&mut rows.runs).map_err(missing)?));
    }
    let mut head = stored.head;
    rows.indexed = Indexed::stored(&head, &waits);
    if !stored.ending.is_empty() {
        rows.head_runs = numbers(&stored.ending).collect();
        let fields = rows.runs.resolve(stored.ending).map_err(missing)?;
        if let Some(place) = fields_of(&mut head) {
            *place = fields;
        }
    }
    let (found, bytes) = (fibers.len(), rows.body_bytes);
    if (found, bytes) != (stored.fibers as usize, stored.body_bytes) {
        return Err(StoreError::Damaged {
            table: Table::Fibers,
            key: Hex(process.as_bytes()).to_string(),
            reason: format!(
                "the process should have {} fibers and {} bytes of rows, but has {found} and \
                 {bytes}",
                stored.fibers, stored.body_bytes
            ),
        });
    }
    Ok(StoredInstance {
        instance: Instance::written(head, fibers),
        rows,
    })
}

/// Reads the runs of a process; returns the bytes of their rows.
fn read_runs(store: &dyn Store, process: ProcessId, runs: &mut Runs) -> Result<u64, StoreError> {
    let mut from = keys::value(process, 0);
    let to = keys::prefix_end(process.as_bytes());
    let mut bytes = 0;
    loop {
        let batch = store.scan(Table::Values, &from, &to, batch_of(Table::Values))?;
        let Some((last, _)) = batch.last() else {
            return Ok(bytes);
        };
        from = keys::successor(last);
        for (key, record) in batch {
            let (_, number) = keys::value_of(&key).map_err(|error| StoreError::Damaged {
                table: Table::Values,
                key: Hex(&key).to_string(),
                reason: error.to_string(),
            })?;
            runs.read(&key, number, &record)?;
            bytes += record.len() as u64;
        }
    }
}

fn missing_value(process: ProcessId, number: u64) -> StoreError {
    StoreError::Damaged {
        table: Table::Values,
        key: Hex(&keys::value(process, number)).to_string(),
        reason: "fields of the process are missing".into(),
    }
}

/// The first fibers of the process with this head, at most `limit`, for code that needs neither all of them nor their
/// fields.
///
/// # Errors
/// As [`read_instance`].
pub fn first_fibers(
    store: &dyn Store,
    process: ProcessId,
    (count, only): (u32, Option<StoredFiber>),
    limit: usize,
) -> Result<Vec<(FiberId, StoredFiber)>, StoreError> {
    if let Some(only) = only {
        return Ok(vec![(FiberId(0), only)]);
    }
    if count == 0 {
        return Ok(Vec::new());
    }
    let fibers = read_fibers(store, process, limit)?;
    let without_size = |(id, fiber, _)| (id, fiber);
    Ok(fibers.into_iter().map(without_size).collect())
}

fn read_fibers(
    store: &dyn Store,
    process: ProcessId,
    limit: usize,
) -> Result<Vec<(FiberId, StoredFiber, Option<u64>)>, StoreError> {
    let from = keys::fiber(process, FiberId(0));
    let to = keys::prefix_end(process.as_bytes());
    let rows = store.scan(Table::Fibers, &from, &to, limit)?;
    let read = |(key, record): (Vec<u8>, Vec<u8>)| {
        let (_, id) = keys::fiber_of(&key).map_err(|error| StoreError::Damaged {
            table: Table::Fibers,
            key: Hex(&key).to_string(),
            reason: error.to_string(),
        })?;
        let fiber = decode(Table::Fibers, &key, &record)?;
        Ok((id, fiber, Some(record.len() as u64)))
    };
    rows.into_iter().map(read).collect()
}

/// Reads a stored head.
///
/// # Errors
/// If the bytes are of another format or do not decode.
pub fn decode_head(key: &[u8], record: &[u8]) -> Result<StoredHead, StoreError> {
    decode(Table::Instances, key, record)
}

/// The stored head of a process, and the bytes of all of its records; `None` if there is no
/// readable head.
///
/// # Errors
/// If the store cannot be read.
pub fn read_head(store: &dyn Store, process: ProcessId) -> Result<Option<(Head, u64)>, StoreError> {
    let found = read_stored_head(store, process)?;
    Ok(found.map(|(stored, bytes)| (stored.head, bytes + stored.body_bytes)))
}

/// With the bytes of its record.
fn read_stored_head(
    store: &dyn Store,
    process: ProcessId,
) -> Result<Option<(StoredHead, u64)>, StoreError> {
    let key = keys::instance(process);
    let record = match store.get(Table::Instances, &key) {
        Ok(record) => record,
        Err(StoreError::Damaged { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(record.and_then(|record| {
        let stored = decode_head(&key, &record).ok()?;
        Some((stored, record.len() as u64))
    }))
}
