//! Damage that stops compactions: a merge of files that comes upon a damaged block makes RocksDB refuse every further
//! write. The engine ends then, as after any failed commit; the next opening merges nothing of the tables that are damaged,
//! so that what can be read and written goes on until the storage is repaired.

use bureaucrat_store::{StoreError, Table};
use rocksdb::{DB, IteratorMode, ReadOptions};
use std::{
    fs::{self, File},
    path::Path,
};

/// The file that says that the database is to be looked over, in its folder.
const NAME: &str = "suspect";

/// Whether an earlier run came upon damage while it wrote.
pub fn is_suspect(folder: &Path) -> bool {
    folder.join(NAME).exists()
}

/// Notes that a write failed since something is damaged.
pub fn note(folder: &Path) {
    // If the file can't be made, the next run fails as this one did, and nothing is lost by it.
    if let Ok(file) = File::create(folder.join(NAME)) {
        let _ = file.sync_all();
    }
}

/// Looks every table over, lets the whole ones be merged again, and gives the damaged ones.
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
        // Else the next opening looks everything over once more, which is slow and does no harm.
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
