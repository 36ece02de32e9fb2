//! Copies the records of one store to another, which takes its place.
//!
//! It promises: the target is held from its first write to its last, so nobody uses half of a copy; what is in it is
//! read again and compared with what was read from the source; and the source is held before the target is free, so at
//! no moment two engines could start with the same records. Memory is bounded by a few of the largest records. Both
//! stores must be locked by the caller, and the source must not change.

use bureaucrat_store::{
    Group, Owner, Row, Store, StoreError, Table, Unit, Verdict, Write,
    format::FORMAT_KEY,
    holds::{self, HOLD_KEY, Hold},
    keys,
    reading::batch_of,
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

/// Rows of one read.
const READ_ROWS_MAX: usize = 64;
/// Bytes of one read, as far as the read before it lets expect.
const READ_BYTES: usize = 4 << 20;
/// A commit is made once it has so many bytes or rows.
const COMMIT_BYTES: usize = 4 << 20;
const COMMIT_ROWS: usize = 4_096;
/// A key after every possible key.
const END: [u8; 80] = [u8::MAX; 80];

/// A store, and what people call it.
#[derive(Clone, Copy)]
pub struct End<'a> {
    pub store: &'a dyn Store,
    pub name: &'a str,
}

/// What is in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    pub records: u64,
    /// Bytes of keys and records.
    pub bytes: u64,
    /// Over each key and record, in the order of keys, each after its length (8 bytes, big-endian).
    pub sha256: [u8; 32],
}

pub type Tallies = BTreeMap<Table, Tally>;

/// Why records were not copied. The target is held, except where it was not empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "{name} is not empty: it has records in the table `{table}`; name another place, or remove them first",
        table = table.name()
    )]
    NotEmpty { name: String, table: Table },
    #[error(
        "records of the table `{table}` in {name} can't be read (key {key}): {reason}. Repair it first, with \
         `bureaucrat fsck --repair`",
        table = table.name()
    )]
    Unreadable {
        name: String,
        table: Table,
        /// In hexadecimal.
        key: String,
        reason: String,
    },
    #[error(
        "the table `{table}` of {name} does not have what was written to it: {found} records instead of {written}, or \
         other ones. Check its disk, then begin again with --again",
        table = table.name()
    )]
    Differs {
        name: String,
        table: Table,
        written: u64,
        found: u64,
    },
    #[error(
        "an engine has taken the records in {name} meanwhile; stop it, then begin again with --again"
    )]
    Taken { name: String },
}

/// Copies everything, compares it, and leaves the source held and the target free. Writes to the source on behalf of
/// `owner`. Counts records in `progress`: twice each, since each is read again.
///
/// # Errors
/// As [`CopyError`] says.
pub fn transfer(
    from: End<'_>,
    to: End<'_>,
    owner: Owner,
    progress: &AtomicU64,
) -> Result<Tallies, CopyError> {
    if let Some(table) = first_filled(to.store)? {
        let name = to.name.to_owned();
        return Err(CopyError::NotEmpty { name, table });
    }
    let begun = Hold::Unfinished {
        from: from.name.to_owned(),
    };
    write(to.store, vec![holds::put(&begun)?])?;
    let mut tallies = Tallies::new();
    for table in Table::ALL {
        tallies.insert(table, copy(from, to.store, table, progress)?);
    }
    for (table, written) in &tallies {
        let found = tally(to, *table, progress)?;
        if found != *written {
            return Err(CopyError::Differs {
                name: to.name.to_owned(),
                table: *table,
                written: written.records,
                found: found.records,
            });
        }
    }
    let copied = Hold::Copied {
        to: to.name.to_owned(),
    };
    let writes = vec![holds::put(&copied)?];
    let units = vec![Unit { owner, writes }];
    for verdict in from.store.commit(&Group { units })? {
        match verdict {
            Verdict::Committed => {}
            Verdict::Fenced { .. } => {
                let name = from.name.to_owned();
                return Err(CopyError::Taken { name });
            }
        }
    }
    write(to.store, vec![holds::remove()])?;
    Ok(tallies)
}

/// Removes all records of a store that is held as an unfinished copy; the hold stays.
///
/// # Errors
/// If the store fails.
pub fn clear(store: &dyn Store) -> Result<(), StoreError> {
    for table in Table::ALL {
        let mut rows = Rows::of(store, table);
        while let Some(portion) = rows.next_portion()? {
            let keys = portion.into_iter().map(|(key, _)| key);
            write(
                store,
                keys.map(|key| Write::Delete { table, key }).collect(),
            )?;
        }
    }
    Ok(())
}

/// The first table that has records of an engine.
///
/// # Errors
/// If reading fails.
pub fn first_filled(store: &dyn Store) -> Result<Option<Table>, StoreError> {
    for table in Table::ALL {
        if Rows::of(store, table).next_portion()?.is_some() {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

fn copy(
    from: End<'_>,
    to: &dyn Store,
    table: Table,
    progress: &AtomicU64,
) -> Result<Tally, CopyError> {
    let mut counted = Counted::default();
    let mut rows = Rows::of(from.store, table);
    let (mut writes, mut bytes) = (Vec::new(), 0);
    while let Some(portion) = rows.next_portion().map_err(|error| told(from, error))? {
        for (key, value) in portion {
            counted.add(&key, &value, progress);
            bytes += key.len() + value.len();
            writes.push(Write::Put { table, key, value });
            if bytes >= COMMIT_BYTES || writes.len() >= COMMIT_ROWS {
                write(to, std::mem::take(&mut writes))?;
                bytes = 0;
            }
        }
    }
    write(to, writes)?;
    Ok(counted.tally())
}

fn tally(of: End<'_>, table: Table, progress: &AtomicU64) -> Result<Tally, CopyError> {
    let mut counted = Counted::default();
    let mut rows = Rows::of(of.store, table);
    while let Some(portion) = rows.next_portion().map_err(|error| told(of, error))? {
        for (key, value) in portion {
            counted.add(&key, &value, progress);
        }
    }
    Ok(counted.tally())
}

fn told(of: End<'_>, error: StoreError) -> CopyError {
    if let StoreError::Damaged { table, key, reason } = error {
        let name = of.name.to_owned();
        return CopyError::Unreadable {
            name,
            table,
            key,
            reason,
        };
    }
    CopyError::Store(error)
}

fn write(store: &dyn Store, writes: Vec<Write>) -> Result<(), StoreError> {
    let units = vec![Unit::of(writes)];
    store.commit(&Group { units }).map(drop)
}

/// Whether a record says something about its store alone, and stays there.
fn is_own(table: Table, key: &[u8]) -> bool {
    table == Table::Meta && (key == FORMAT_KEY || key == HOLD_KEY)
}

/// The records of a table in the order of their keys, without those that are a store's own.
struct Rows<'a> {
    store: &'a dyn Store,
    table: Table,
    /// Where the next portion begins; none at the end.
    at: Option<Vec<u8>>,
    limit: usize,
}

impl<'a> Rows<'a> {
    const fn of(store: &'a dyn Store, table: Table) -> Self {
        Self {
            store,
            table,
            at: Some(Vec::new()),
            limit: 1,
        }
    }

    /// At least one record; none at the end.
    fn next_portion(&mut self) -> Result<Option<Vec<Row>>, StoreError> {
        while let Some(at) = self.at.take() {
            let rows = self.store.scan(self.table, &at, &END, self.limit)?;
            let size = |(key, value): &Row| key.len() + value.len();
            let largest = rows.iter().map(size).max().unwrap_or(0).max(1);
            if rows.len() == self.limit {
                self.at = rows.last().map(|(key, _)| keys::successor(key));
            }
            // Small records may be followed by large ones, so it grows slowly, and not far.
            let most = batch_of(self.table).min(READ_ROWS_MAX).min(self.limit * 2);
            self.limit = (READ_BYTES / largest).clamp(1, most);
            let table = self.table;
            let rows: Vec<Row> = rows
                .into_iter()
                .filter(|(key, _)| !is_own(table, key))
                .collect();
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }
}

#[derive(Default)]
struct Counted {
    records: u64,
    bytes: u64,
    hash: Sha256,
}

impl Counted {
    fn add(&mut self, key: &[u8], value: &[u8], progress: &AtomicU64) {
        for part in [key, value] {
            self.hash.update((part.len() as u64).to_be_bytes());
            self.hash.update(part);
            self.bytes += part.len() as u64;
        }
        self.records += 1;
        progress.fetch_add(1, Ordering::Relaxed);
    }

    fn tally(self) -> Tally {
        Tally {
            records: self.records,
            bytes: self.bytes,
            sha256: self.hash.finalize().into(),
        }
    }
}
