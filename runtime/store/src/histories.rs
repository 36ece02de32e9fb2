//! Histories: what happened to a process in one commit is one row, which holds the hash of the row before it.
//!
//! It promises that a long history loses its oldest rows and keeps its first one, and that anyone who knows the hash of
//! a row finds any change of that row or of one before it. What happened, and how long histories may get, is the host's.

use crate::{
    keys,
    reading::{Gap, scan_around},
    records,
    table::{Store, StoreError, Table, Write},
};
use bureaucrat_model::{HistoryEntry, HistoryHash, HistoryHead, LeftOut, ProcessId};
use serde::{Deserialize, Serialize};

/// The most entries of a row.
const ROW_ENTRIES_MAX: usize = 64;
/// The most rows that are left out at once.
const LEFT_OUT_MAX: usize = 256;
/// How many rows are read at once to see what is left out: most commits write a few entries, so an eighth of a history
/// is fewer rows than entries.
const LEFT_OUT_READ: usize = 32;

/// Consecutive entries of a history. The key has the number of the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The hash of the row before it.
    pub before: HistoryHash,
    /// The hash of the first row, if rows behind that were left out in the same commit: the rows that led from it to this
    /// one are gone.
    pub first: Option<HistoryHash>,
    pub entries: Vec<HistoryEntry>,
}

impl HistoryRow {
    /// # Errors
    /// If the bytes are no such row.
    pub fn decode(key: &[u8], record: &[u8]) -> Result<Self, StoreError> {
        records::decode(Table::History, key, record)
    }
}

/// Appends what happened to a history. Of one that gets longer than `entries_max`, the oldest rows but the first are
/// removed: an eighth of it, so that few steps have to look for them. Rows that are not durable yet stay.
///
/// # Errors
/// If the store cannot be read, or MessagePack cannot hold a record, which takes a text of more than 4 GiB.
pub fn append(
    store: &dyn Store,
    head: &mut HistoryHead,
    process: ProcessId,
    mut entries: Vec<HistoryEntry>,
    entries_max: u64,
    writes: &mut Vec<Write>,
) -> Result<(), StoreError> {
    let kept = head.kept() + entries.len() as u64;
    let mut first = None;
    if kept > entries_max {
        let unneeded = kept - entries_max + entries_max / 8;
        first = shorten(store, head, process, unneeded, writes)?;
    }
    while !entries.is_empty() {
        let rest = entries.split_off(entries.len().min(ROW_ENTRIES_MAX));
        let count = entries.len() as u64;
        let key = keys::history(process, head.entries);
        let value = records::encode(&HistoryRow {
            before: head.newest,
            first: first.take(),
            entries,
        })?;
        head.newest = HistoryHash::of_row(&key, &value);
        head.entries += count;
        writes.push(Write::Put {
            table: Table::History,
            key,
            value,
        });
        entries = rest;
    }
    Ok(())
}

/// Leaves out `unneeded` entries behind the first row, or a few more, since a row goes as a whole. Returns the hash of
/// the first row, if something was left out.
fn shorten(
    store: &dyn Store,
    head: &mut HistoryHead,
    process: ProcessId,
    unneeded: u64,
    writes: &mut Vec<Write>,
) -> Result<Option<HistoryHash>, StoreError> {
    let from = head.left_out.map_or(1, |left_out| left_out.to);
    let numbers = numbers_from(store, process, from, unneeded)?;
    let Some(begin) = numbers.first().copied() else {
        return Ok(None);
    };
    let enough = begin.saturating_add(unneeded);
    let mut to = begin;
    for pair in numbers.windows(2) {
        if let [number, next] = pair
            && to < enough
        {
            writes.push(Write::Delete {
                table: Table::History,
                key: keys::history(process, *number),
            });
            to = *next;
        }
    }
    if to == begin {
        return Ok(None);
    }
    let from = head.left_out.map_or(begin, |left_out| left_out.from);
    head.left_out = Some(LeftOut { from, to });
    let key = keys::history(process, 0);
    match store.get(Table::History, &key) {
        Ok(record) => Ok(record.map(|record| HistoryHash::of_row(&key, &record))),
        Err(StoreError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The numbers of the rows from `from` on, up to the first that is `enough` entries behind the first of them.
fn numbers_from(
    store: &dyn Store,
    process: ProcessId,
    from: u64,
    enough: u64,
) -> Result<Vec<u64>, StoreError> {
    let (mut low, high) = (
        keys::history(process, from),
        keys::history(process, u64::MAX),
    );
    let mut numbers = Vec::new();
    while numbers.len() < LEFT_OUT_MAX {
        let portion = scan_around(store, Table::History, &low, &high, LEFT_OUT_READ)?;
        let rows = portion.rows.iter();
        numbers.extend(rows.filter_map(|(key, _)| keys::history_number(key).ok()));
        let is_enough = match (numbers.first(), numbers.last()) {
            (Some(first), Some(last)) => *last >= first.saturating_add(enough),
            (None, _) | (_, None) => false,
        };
        match portion.next {
            Some(next) if !is_enough => low = next,
            Some(_) | None => break,
        }
    }
    Ok(numbers)
}

/// A history as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// Oldest first.
    pub rows: Vec<Stored>,
    /// What can't be read.
    pub gaps: Vec<Gap>,
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The number of its first entry.
    pub first: u64,
    /// The reason if it can't be decoded.
    pub row: Result<HistoryRow, StoreError>,
    hash: HistoryHash,
}

impl Stored {
    /// # Errors
    /// If the key is no key of a history.
    pub fn of(key: &[u8], record: &[u8]) -> Result<Self, keys::KeyError> {
        Ok(Self {
            first: keys::history_number(key)?,
            row: HistoryRow::decode(key, record),
            hash: HistoryHash::of_row(key, record),
        })
    }

    /// The number after its last entry, if it can be read.
    fn end(&self) -> Option<u64> {
        let row = self.row.as_ref().ok()?;
        Some(self.first + row.entries.len() as u64)
    }
}

impl History {
    /// # Errors
    /// If reading fails for reasons other than damage.
    pub fn read(store: &dyn Store, process: ProcessId) -> Result<Self, StoreError> {
        let (from, to) = (keys::history(process, 0), keys::history(process, u64::MAX));
        let portion = scan_around(store, Table::History, &from, &to, usize::MAX)?;
        let rows = portion.rows.iter();
        let rows = rows.filter_map(|(key, record)| Stored::of(key, record).ok());
        Ok(Self {
            rows: rows.collect(),
            gaps: portion.gaps,
        })
    }

    /// The entries that can be read, with their numbers.
    pub fn entries(&self) -> impl Iterator<Item = (u64, &HistoryEntry)> {
        self.rows.iter().flat_map(|stored| {
            let entries = stored.row.iter().flat_map(|row| &row.entries);
            (stored.first..).zip(entries)
        })
    }

    /// The hash after the first `entries` entries, if a row ends there.
    pub fn hash_at(&self, entries: u64) -> Option<HistoryHash> {
        let mut rows = self.rows.iter();
        let found = rows.find(|stored| stored.end() == Some(entries));
        found.map(|stored| stored.hash)
    }

    /// How many of the first entries no hash covers: those before a gap that a repair has made, until the history is
    /// next shortened.
    pub fn uncovered(&self, head: &HistoryHead) -> u64 {
        let mut rows = self.rows.iter().flat_map(|stored| &stored.row);
        match head.left_out {
            Some(left_out) if !rows.any(|row| row.first.is_some()) => left_out.from,
            Some(_) | None => 0,
        }
    }

    /// The first thing that does not fit to what the head says, or to what a row says about the one before it.
    pub fn broken(&self, head: &HistoryHead) -> Option<Broken> {
        let (mut end, mut before) = (0, HistoryHash::NONE);
        let launch = self.rows.first().filter(|stored| stored.first == 0);
        for stored in &self.rows {
            let entry = stored.first;
            let (Ok(row), Some(next)) = (&stored.row, stored.end()) else {
                return Some(Broken::Damaged { entry });
            };
            if !head.leaves_out(end, entry) {
                if entry != end {
                    return Some(Broken::Missing { entry });
                }
                if row.before != before {
                    return Some(Broken::Changed { entry });
                }
            }
            if let (Some(first), Some(launch)) = (row.first, launch)
                && first != launch.hash
            {
                let entry = launch.end().unwrap_or(0);
                return Some(Broken::Changed { entry });
            }
            (end, before) = (next, stored.hash);
        }
        if head.leaves_out(end, head.entries) {
            return None;
        }
        if end != head.entries {
            return Some(Broken::Count {
                found: end,
                written: head.entries,
            });
        }
        (before != head.newest).then_some(Broken::End)
    }

    /// A head for which a history with damaged or missing rows is whole, and the rows that go: everything between its
    /// first row and what is intact up to its end counts as left out.
    pub fn repaired(&self, head: &HistoryHead) -> (HistoryHead, Vec<u64>) {
        let first = self.rows.first().filter(|stored| stored.first == 0);
        let from = first.and_then(Stored::end).unwrap_or(0);
        let (mut to, mut hash) = (head.entries, head.newest);
        for stored in self.rows.iter().rev() {
            match &stored.row {
                Ok(row) if stored.end() == Some(to) && stored.hash == hash => {
                    (to, hash) = (stored.first, row.before);
                }
                Ok(_) | Err(_) => break,
            }
        }
        let to = to.max(from);
        let gone = |number: &u64| (from..to).contains(number);
        let numbers = self.rows.iter().map(|stored| stored.first);
        let mut repaired = *head;
        repaired.left_out = Some(LeftOut { from, to });
        (repaired, numbers.filter(gone).collect())
    }
}

/// Why a history is not the one that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "broken")]
pub enum Broken {
    #[error("the row of entry {entry} can't be read")]
    Damaged { entry: u64 },
    #[error("the entries before entry {entry} are missing")]
    Missing { entry: u64 },
    #[error("the entries before entry {entry} are not those that were written")]
    Changed { entry: u64 },
    #[error("there are {found} entries, and {written} were written")]
    Count { found: u64, written: u64 },
    #[error("the last entries are not those that were written")]
    End,
}

#[cfg(test)]
mod tests;
