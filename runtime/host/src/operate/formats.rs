//! Migrates a store from one format to the next, step by step.
//!
//! A step runs in portions. Each is one commit, with the place that it has come to, so a migration that is interrupted
//! continues there; the last one changes the format. From the first commit until then the store is held, so no engine
//! uses half of it. The caller has locked the store, opened with `Access::Upkeep`.
//!
//! A step that changes nothing but records also translates between both formats, so that engines can be replaced one after
//! another: see [`bureaucrat_store::neighbours`]. The store's format may be raised then while they work, and records of the
//! older one are left. Such a step leaves alone what has the newer format already.

use bureaucrat_store::{
    Group, Store, StoreError, Table, Unit, Write,
    format::{FORMAT_KEY, Format, Formats},
    holds::{self, HOLD_KEY, Hold},
    keys,
    neighbours::{Neighbours, is_translated},
    reading::batch_of,
    records,
};

/// The steps that this engine knows. Nothing was released in an older format.
pub const STEPS: &[Step] = &[];

/// The most rows of a portion of a step of records.
const ROWS: usize = 256;
/// A key after every possible key.
const END: [u8; 80] = [u8::MAX; 80];

/// What leads from a format to the next one.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The format that it begins with.
    pub from: u8,
    /// What it does, for people.
    pub what: &'static str,
    pub change: Change,
}

#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// Keys or tables, while no engine runs: the portion that begins at a place, at first an empty one. It reads what
    /// earlier portions have written, and must bound its own reads and writes.
    Portions(fn(&dyn Store, place: &[u8]) -> Result<Portion, StoreError>),
    /// Records alone.
    Records(Neighbours),
}

/// A part of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Portion {
    pub writes: Vec<Write>,
    /// Where the next one begins; none after the last.
    pub next: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "no step leads on from format {from}: no engine that was released wrote it; make the records again"
    )]
    NoStep { from: u8 },
}

/// The steps that lead from a store's format to `to`, in their order, and how far the first one has come.
///
/// # Errors
/// If one is missing, or something other than a migration holds the store.
pub fn plan(
    store: &dyn Store,
    steps: &[Step],
    to: u8,
) -> Result<(Vec<Step>, Vec<u8>), MigrationError> {
    let found = store.get(Table::Meta, FORMAT_KEY)?.unwrap_or_default();
    let format = Format::read(&found).ok_or_else(|| Formats::OURS.unknown(&found))?;
    let mut plan = Vec::new();
    for from in format.oldest()..to {
        let step = steps.iter().find(|step| step.from == from);
        plan.push(*step.ok_or(MigrationError::NoStep { from })?);
    }
    match records::read(store, Table::Meta, HOLD_KEY)? {
        None => Ok((plan, Vec::new())),
        Some(Hold::Migrating { place, .. }) => Ok((plan, place)),
        Some(hold @ (Hold::Unfinished { .. } | Hold::Copied { .. })) => {
            let path = "the store".to_owned();
            Err(StoreError::Held { path, hold }.into())
        }
    }
}

/// Takes a store to the format `to`. Calls `begun` with each step and the number of portions that it has done.
///
/// # Errors
/// As [`plan`], or if the store or a step fails; it continues there the next time.
pub fn migrate(
    store: &dyn Store,
    steps: &[Step],
    to: u8,
    mut begun: impl FnMut(&Step, u64),
) -> Result<Vec<Step>, MigrationError> {
    let (plan, mut place) = plan(store, steps, to)?;
    for step in &plan {
        let mut done = 0;
        loop {
            begun(step, done);
            let Portion { mut writes, next } = match step.change {
                Change::Portions(portion) => portion(store, &place)?,
                Change::Records(neighbours) => upgraded(store, &place, &neighbours)?,
            };
            let to = step.from.saturating_add(1);
            let is_last = next.is_none();
            place = next.unwrap_or_default();
            if is_last {
                writes.push(Write::Put {
                    table: Table::Meta,
                    key: FORMAT_KEY.to_vec(),
                    value: Format::whole(to).record(),
                });
                writes.push(holds::remove());
            } else {
                let place = place.clone();
                writes.push(holds::put(&Hold::Migrating { to, place })?);
            }
            let units = vec![Unit::of(writes)];
            store.commit(&Group { units })?;
            done += 1;
            if is_last {
                break;
            }
        }
    }
    Ok(plan)
}

/// A portion of all records that may have either of two formats. Its place is the number of a table and a key.
fn upgraded(
    store: &dyn Store,
    place: &[u8],
    neighbours: &Neighbours,
) -> Result<Portion, StoreError> {
    let (number, from) = place.split_first().map_or((0, place), |(n, key)| (*n, key));
    let tables = Table::ALL.into_iter();
    let mut tables = tables.filter(|table| is_translated(*table) && *table as u8 >= number);
    let Some(table) = tables.next() else {
        return Ok(Portion::default());
    };
    // The place may name a table that is there no more.
    let from = if table as u8 == number { from } else { &[] };
    let limit = batch_of(table).min(ROWS);
    let rows = store.scan(table, from, &END, limit)?;
    let next = match rows.last() {
        Some((last, _)) if rows.len() == limit => Some((table, keys::successor(last))),
        Some(_) | None => tables.next().map(|table| (table, Vec::new())),
    };
    let mut writes = Vec::new();
    for (key, value) in rows {
        let newer = (neighbours.upgrade)(table, &key, value.clone())?;
        if newer != value {
            let value = newer;
            writes.push(Write::Put { table, key, value });
        }
    }
    Ok(Portion {
        writes,
        next: next.map(|(table, key)| [&[table as u8], key.as_slice()].concat()),
    })
}
