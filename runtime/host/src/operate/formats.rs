//! Migrates a store from one format to the next, step by step.
//!
//! A step runs in portions. Each is one commit, with the place that it has come to, so a migration that is interrupted
//! continues there; the last one changes the format. From the first commit until then the store is held, so no engine
//! uses half of it. The caller has locked the store, opened with `Access::Upkeep`.

use bureaucrat_store::{
    Group, Store, StoreError, Table, Unit, Write,
    format::{self, FORMAT_KEY},
    holds::{self, HOLD_KEY, Hold},
    records,
};

/// The steps that this engine knows. Nothing was released in an older format.
pub const STEPS: &[Step] = &[];

/// What leads from a format to the next one.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The format that it begins with.
    pub from: u8,
    /// What it does, for people.
    pub what: &'static str,
    /// The portion that begins at a place, at first an empty one. It reads what earlier portions have written, and
    /// must bound its own reads and writes.
    pub portion: fn(&dyn Store, place: &[u8]) -> Result<Portion, StoreError>,
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
    let unknown = || format::unknown(String::from_utf8_lossy(&found).into_owned());
    let found = format::number(&found).ok_or_else(unknown)?;
    let mut plan = Vec::new();
    for from in found..to {
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
            let Portion { mut writes, next } = (step.portion)(store, &place)?;
            let to = step.from.saturating_add(1);
            let is_last = next.is_none();
            place = next.unwrap_or_default();
            if is_last {
                writes.push(Write::Put {
                    table: Table::Meta,
                    key: FORMAT_KEY.to_vec(),
                    value: to.to_string().into_bytes(),
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
