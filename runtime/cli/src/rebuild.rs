//! Rebuilding: every readable record is copied into a new folder, which replaces the damaged one.
//! Damaged blocks cannot be overwritten, and scans would find them again and again.

use anyhow::Context;
use bureaucrat_store::{
    Group, Store, StoreError, Table, Unit, Write,
    reading::{batch_of, scan_all},
};
use bureaucrat_store_rocksdb::RocksStore;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Copies what can be read of the store in `state` into a new one in the same place. Returns the
/// new store, and the folder to which the damaged one was moved.
pub fn rebuilt(
    damaged: RocksStore,
    state: &Path,
    now: u128,
) -> anyhow::Result<(RocksStore, PathBuf)> {
    let fresh = state.with_extension("rebuilt");
    let aside = state.with_extension(format!("damaged-{now}"));
    if fresh.exists() {
        fs::remove_dir_all(&fresh).with_context(|| format!("cannot remove {}", fresh.display()))?;
    }
    let store = RocksStore::open(&fresh)?;
    for table in Table::ALL {
        copy(&damaged, &store, table)?;
    }
    drop(damaged);
    drop(store);
    fs::rename(state, &aside)
        .and_then(|()| fs::rename(&fresh, state))
        .with_context(|| format!("cannot move {} to its place", fresh.display()))?;
    Ok((RocksStore::open(state)?, aside))
}

fn copy(from: &RocksStore, to: &RocksStore, table: Table) -> Result<(), StoreError> {
    let mut unit = Unit::default();
    let end = [u8::MAX; 80];
    scan_all(from, table, &[], &end, |key, value| {
        unit.writes.push(Write::Put { table, key, value });
        if unit.writes.len() >= batch_of(table) {
            let units = vec![std::mem::take(&mut unit)];
            to.commit(&Group { units })?;
        }
        Ok(())
    })?;
    to.commit(&Group { units: vec![unit] })?;
    Ok(())
}
