//! Rebuilding: every record that can be read goes into a new folder, which takes the place of the damaged one. Damaged blocks
//! can't be written over, and a scan would come upon them again and again.

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

/// Takes what can be read of the store in `state` into a new one in the same place, and gives that one, with the folder
/// that the damaged one has gone to.
pub fn rebuilt(
    damaged: RocksStore,
    state: &Path,
    now: u128,
) -> anyhow::Result<(RocksStore, PathBuf)> {
    let fresh = state.with_extension("rebuilt");
    let aside = state.with_extension(format!("damaged-{now}"));
    if fresh.exists() {
        fs::remove_dir_all(&fresh)
            .with_context(|| format!("{} can't be removed", fresh.display()))?;
    }
    let store = RocksStore::open(&fresh)?;
    for table in Table::ALL {
        copy(&damaged, &store, table)?;
    }
    drop(damaged);
    drop(store);
    fs::rename(state, &aside)
        .and_then(|()| fs::rename(&fresh, state))
        .with_context(|| format!("{} can't be put in place", fresh.display()))?;
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
