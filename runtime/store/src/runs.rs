//! Field values in the store: large fields are cut into runs of consecutive fields. Each run is a
//! row that is written once and referred to by the fibers that hold it.
//!
//! A value of more than [`SMALL`] bytes is a run by itself. Where other runs begin and end follows
//! from the names and sizes of their fields, so a changed field makes one new run, and the others
//! are recognised: a run is recognised by where its names and values are in memory, which copies,
//! merges and answers share as long as nothing changes. References to a run are counted in memory,
//! from the fibers' records; when the last one is gone, the row is removed.

use crate::{
    keys,
    records::{decode, encode},
    table::{StoreError, Table, Write},
};
use bureaucrat_model::{Fields, JsonText, ProcessId, SharedMap};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::Arc,
};

/// Fields of up to this many bytes stay in the record of their fiber; a larger value is a row of
/// its own.
pub const SMALL: usize = 4 << 10;
/// A run of this size ends with the next field whose name allows it.
const RUN_WANTED: usize = 2 << 10;
/// A run of this size ends, whatever the next field is.
const RUN_MAX: usize = 16 << 10;
/// A smaller run stays in the record.
const RUN_MIN: usize = 512;

type Entry = (Arc<str>, JsonText);
type EntryRef<'a> = (&'a Arc<str>, &'a JsonText);

/// A part of fields, as stored in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Fields in the record itself.
    #[serde(rename = "1")]
    Here(Fields),
    /// The number of a run.
    #[serde(rename = "2")]
    Run(u64),
}

#[derive(Debug, Clone)]
struct Run {
    entries: Arc<[Entry]>,
    /// How many times records refer to it.
    names: u32,
    /// Bytes of its record; 0 until it is written.
    bytes: u64,
}

/// The runs of one instance; none by default.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    next: u64,
    runs: SharedMap<Run>,
    /// Runs by [`place_of`] their entries.
    known: HashMap<u64, u64>,
    /// Runs that gained their first reference or lost one since the last write.
    touched: BTreeSet<u64>,
    /// The fields that were cut last, with their parts: all branches of a fork start from the same
    /// fields.
    last: Option<(Fields, Vec<Part>)>,
}

/// Compares only the rows.
impl PartialEq for Runs {
    fn eq(&self, other: &Self) -> bool {
        let rows = |runs: &Self| -> Vec<(u64, u32, u64)> {
            let row = |(number, run): (u64, &Run)| (number, run.names, run.bytes);
            runs.runs.iter().map(row).collect()
        };
        self.next == other.next && rows(self) == rows(other)
    }
}

impl Eq for Runs {}

impl Runs {
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The parts of some fields. Each run gains a reference.
    pub fn name(&mut self, fields: &Fields) -> Vec<Part> {
        self.name_above(SMALL, fields)
    }

    /// The parts of fields that many records may have: smaller ones are worth a row, too.
    pub fn name_shared(&mut self, fields: &Fields) -> Vec<Part> {
        self.name_above(RUN_MIN, fields)
    }

    fn name_above(&mut self, small: usize, fields: &Fields) -> Vec<Part> {
        if fields.size() <= small {
            return vec![Part::Here(fields.clone())];
        }
        let parts = match self.last.take() {
            Some((last, parts)) if last.is_same(fields) => parts,
            Some(_) | None => self.cut(fields),
        };
        for number in numbers(&parts) {
            if let Some(run) = self.runs.get_mut(number) {
                run.names += 1;
            }
        }
        self.last = Some((fields.clone(), parts.clone()));
        parts
    }

    /// Each of these runs loses a reference.
    pub fn release(&mut self, named: &[u64]) {
        for number in named {
            if let Some(run) = self.runs.get_mut(*number) {
                run.names = run.names.saturating_sub(1);
                self.touched.insert(*number);
            }
        }
    }

    /// Adds the writes for new runs, and for those without references. Returns by how much the
    /// bytes of their rows grew and shrank.
    ///
    /// # Errors
    /// As [`encode`].
    pub fn write(
        &mut self,
        process: ProcessId,
        writes: &mut Vec<Write>,
    ) -> Result<(u64, u64), StoreError> {
        let (mut grown, mut shrunk) = (0, 0);
        self.last = None;
        for number in std::mem::take(&mut self.touched) {
            let Some(run) = self.runs.get_mut(number) else {
                continue;
            };
            let (table, key) = (Table::Values, keys::value(process, number));
            if run.names == 0 {
                if run.bytes > 0 {
                    writes.push(Write::Delete { table, key });
                    shrunk += run.bytes;
                }
                self.forget(number);
            } else if run.bytes == 0 {
                let value = encode(&Fields::from_entries(run.entries.iter().cloned()))?;
                run.bytes = value.len() as u64;
                grown += run.bytes;
                writes.push(Write::Put { table, key, value });
            }
        }
        Ok((grown, shrunk))
    }

    fn forget(&mut self, number: u64) {
        if let Some(run) = self.runs.remove(number) {
            let place = place_of(run.entries.iter().map(|(name, value)| (name, value)));
            if self.known.get(&place) == Some(&number) {
                self.known.remove(&place);
            }
        }
    }

    fn cut(&mut self, fields: &Fields) -> Vec<Part> {
        let entries: Vec<EntryRef<'_>> = fields.entries().collect();
        let (mut parts, mut here) = (Vec::new(), 0);
        for range in ranges(&entries) {
            let run = &entries[range];
            let size = run.iter().map(|entry| size_of(*entry)).sum::<usize>();
            if size < RUN_MIN && here < SMALL {
                here += size;
                parts.push(Part::Here(Fields::from_entries(run.iter().map(owned))));
            } else {
                parts.push(Part::Run(self.number(run)));
            }
        }
        parts
    }

    /// The number of a run: an existing or a new one.
    fn number(&mut self, entries: &[EntryRef<'_>]) -> u64 {
        let place = place_of(entries.iter().copied());
        if let Some(number) = self.known.get(&place)
            && let Some(run) = self.runs.get(*number)
            && is_same(&run.entries, entries)
        {
            return *number;
        }
        let number = self.next;
        self.next += 1;
        let run = Run {
            entries: entries.iter().map(owned).collect(),
            names: 0,
            bytes: 0,
        };
        self.runs.insert(number, run);
        self.known.insert(place, number);
        self.touched.insert(number);
        number
    }

    /// Adds a run that was read.
    ///
    /// # Errors
    /// If its record does not decode.
    pub fn read(&mut self, key: &[u8], number: u64, record: &[u8]) -> Result<(), StoreError> {
        let fields: Fields = decode(Table::Values, key, record)?;
        self.known.insert(place_of(fields.entries()), number);
        let entries = fields.entries().map(|entry| owned(&entry)).collect();
        let run = Run {
            entries,
            names: 0,
            bytes: record.len() as u64,
        };
        self.runs.insert(number, run);
        Ok(())
    }

    pub fn set_next(&mut self, next: u64) {
        self.next = next;
    }

    /// The fields that the parts represent. Each run gains a reference.
    ///
    /// # Errors
    /// The first number that belongs to no run.
    pub fn resolve(&mut self, parts: Vec<Part>) -> Result<Fields, u64> {
        if let [Part::Here(fields)] = parts.as_slice() {
            return Ok(fields.clone());
        }
        for number in numbers(&parts) {
            self.runs.get_mut(number).ok_or(number)?.names += 1;
        }
        if let Some((fields, last)) = &self.last
            && *last == parts
        {
            return Ok(fields.clone());
        }
        let mut entries = Vec::new();
        for part in &parts {
            match part {
                Part::Here(fields) => {
                    entries.extend(fields.entries().map(|entry| owned(&entry)));
                }
                Part::Run(number) => {
                    let run = self.runs.get(*number).ok_or(*number)?;
                    entries.extend(run.entries.iter().cloned());
                }
            }
        }
        let fields = Fields::from_entries(entries);
        self.last = Some((fields.clone(), parts));
        Ok(fields)
    }

    /// Runs without references.
    pub fn unnamed(&self) -> impl Iterator<Item = u64> {
        let unnamed = |(number, run): (u64, &Run)| (run.names == 0).then_some(number);
        self.runs.iter().filter_map(unnamed)
    }
}

/// The numbers of the runs in parts.
pub fn numbers(parts: &[Part]) -> impl Iterator<Item = u64> {
    parts.iter().filter_map(|part| match part {
        Part::Here(_) => None,
        Part::Run(number) => Some(*number),
    })
}

/// Where runs begin and end. That depends only on the names and sizes nearby, so a change moves no
/// boundary far away.
fn ranges(entries: &[EntryRef<'_>]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (at, entry) in entries.iter().enumerate() {
        let is_large = entry.1.as_str().len() > SMALL;
        if is_large && start < at {
            ranges.push(start..at);
            (start, size) = (at, 0);
        }
        size += size_of(*entry);
        if is_large || size >= RUN_MAX || (size >= RUN_WANTED && is_last(entry.0)) {
            ranges.push(start..at + 1);
            (start, size) = (at + 1, 0);
        }
    }
    if start < entries.len() {
        ranges.push(start..entries.len());
    }
    ranges
}

/// Whether a long run ends with a field of this name; one of four does.
fn is_last(name: &str) -> bool {
    mixed(name.bytes().map(u64::from)).is_multiple_of(4)
}

fn size_of((name, value): EntryRef<'_>) -> usize {
    name.len() + value.as_str().len()
}

fn owned(entry: &EntryRef<'_>) -> Entry {
    (entry.0.clone(), entry.1.clone())
}

/// A number that identifies where names and values are in memory.
fn place_of<'a>(entries: impl Iterator<Item = EntryRef<'a>>) -> u64 {
    mixed(entries.flat_map(address))
}

fn address((name, value): EntryRef<'_>) -> [u64; 2] {
    [name.as_ptr() as u64, value.as_str().as_ptr() as u64]
}

fn is_same(run: &[Entry], entries: &[EntryRef<'_>]) -> bool {
    let places = run.iter().map(|(name, value)| address((name, value)));
    run.len() == entries.len() && places.eq(entries.iter().copied().map(address))
}

/// FNV-1a over numbers, with its high bits folded into the low ones.
fn mixed(numbers: impl Iterator<Item = u64>) -> u64 {
    let step = |sum: u64, number: u64| (sum ^ number).wrapping_mul(0x0100_0000_01b3);
    let sum = numbers.fold(0xcbf2_9ce4_8422_2325, step);
    sum ^ (sum >> 32)
}
