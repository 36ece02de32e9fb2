//! `restore`: makes a storage from a backup.

use super::{print_line, settings};
use crate::{
    Exit,
    arguments::{Options, Restore},
    backup::{Manifest, copy_state},
    progress::Progress,
    records::STATE,
};
use anyhow::{Context, ensure};
use bureaucrat_host::mark_restored;
use bureaucrat_store_rocksdb::RocksStore;
use serde_json::json;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;

/// The records while they are being copied; an interrupted restore leaves them behind.
const RESTORING: &str = "state.restoring";

/// Verifies, copies, marks, and only then moves the records to where an engine looks for them.
pub fn run(options: &Options, restore: &Restore) -> anyhow::Result<Exit> {
    let storage = settings(options)?.storage;
    let (state, restoring) = (storage.join(STATE), storage.join(RESTORING));
    ensure!(
        !state.exists(),
        "{} already holds a storage; move its `{STATE}` away, or name another folder with \
         --storage",
        storage.display()
    );
    let progress = Progress::start("restoring");
    let manifest = Manifest::verified(&restore.backup)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&storage)
        .with_context(|| format!("cannot create {}", storage.display()))?;
    if restoring.exists() {
        fs::remove_dir_all(&restoring)
            .with_context(|| format!("cannot remove {}", restoring.display()))?;
    }
    copy_state(&manifest, &restore.backup, &restoring)?;
    let store = RocksStore::open(&restoring)?;
    mark_restored(&store)?;
    drop(store);
    fs::rename(&restoring, &state)
        .and_then(|()| File::open(&storage)?.sync_all())
        .with_context(|| format!("cannot move {} to its place", state.display()))?;
    drop(progress);
    let bytes = manifest.bytes();
    print_line(&if restore.json {
        json!({"storage": storage.display().to_string(), "bytes": bytes}).to_string()
    } else {
        format!("{}: {bytes} bytes restored", storage.display())
    })?;
    Ok(Exit::Done)
}
