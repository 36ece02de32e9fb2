//! Damage that stops compactions: when a compaction finds a damaged block, RocksDB refuses all
//! further writes. The engine then exits, as after any failed commit. The next opening does not
//! compact the damaged tables, so that the rest can be read and written until the storage is
//! repaired.

use bureaucrat_store::{StoreError, Table};
use rocksdb::{DB, IteratorMode, ReadOptions};
use std::{
    fs::{self, File},
    path::Path,
};

/// A file with this name in the database's folder says that the database must be checked.
const NAME: &str = "suspect";

/// Whether an earlier run found damage while writing.
pub fn is_suspect(folder: &Path) -> bool {
    folder.join(NAME).exists()
}

/// Notes that a write failed because of damage.
pub fn note(folder: &Path) {
    // If the file cannot be created, the next run fails like this one, and nothing is lost.
    if let Ok(file) = File::create(folder.join(NAME)) {
        let _ = file.sync_all();
    }
}

/// Checks every table, compacts the intact ones again, and returns the damaged ones.
pub fn look_over(database: &DB, folder: &Path) -> Result<Vec<Table>, StoreError> {
    let mut damaged = Vec::new();
    for table in Table::ALL {
        if is_whole(database, table)? {
            let family = crate::family(database, table)?;
            database
                .set_options_cf(family, &[("disable_auto_compactions", "false")])
                .map_err(|error| StoreError::Write(error.to_string()))?;
        } else {
            damaged.push(table);
        }
    }
    if damaged.is_empty() {
        // Otherwise the next opening checks everything again, which is slow but harmless.
        let _ = fs::remove_file(folder.join(NAME));
    }
    Ok(damaged)
}

fn is_whole(database: &DB, table: Table) -> Result<bool, StoreError> {
    let mut reading = ReadOptions::default();
    reading.fill_cache(false);
    reading.set_verify_checksums(true);
    let family = crate::family(database, table)?;
    for row in database.iterator_cf_opt(family, reading, IteratorMode::Start) {
        match row {
            Ok(_) => {}
            Err(error) if error.kind() == rocksdb::ErrorKind::Corruption => return Ok(false),
            Err(error) => return Err(crate::read_error(table, b"", &error)),
        }
    }
    Ok(true)
}
