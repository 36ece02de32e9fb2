//! Opening: a folder is created or recognised before anything is written into it.

use crate::{
    LostTail, family, logs,
    mark::{self, DurableMark},
    options::{self, Resources, StoreMemory},
    suspect,
};
use bureaucrat_store::{
    StoreError, Table,
    format::{FORMAT, FORMAT_KEY, Format, Formats},
    holds::{self, Access, HOLD_KEY},
};
use rocksdb::{ColumnFamilyDescriptor, DB, DEFAULT_COLUMN_FAMILY_NAME, WriteOptions};
use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, path::Path};

/// Opens or creates the database in `path` and checks its format. Only after that, adds tables that
/// are missing because creation was interrupted. Also returns the tables in which damage was found.
pub fn open(
    path: &Path,
    lost_tail: LostTail,
    memory: StoreMemory,
    access: Access,
) -> Result<Opened, StoreError> {
    let resources = Resources::new(memory);
    let was_suspect = suspect::is_suspect(path);
    match attempt(path, lost_tail, &resources, access) {
        // RocksDB compacts from the start, and a compaction that finds damage stops all writes,
        // even here.
        Err(StoreError::Write(_)) if !was_suspect && suspect::is_suspect(path) => {
            attempt(path, lost_tail, &resources, access)
        }
        opened => opened,
    }
}

/// The database, its mark, and the tables that are damaged.
pub type Opened = (DB, DurableMark, Vec<Table>);

fn attempt(
    path: &Path,
    lost_tail: LostTail,
    resources: &Resources,
    access: Access,
) -> Result<Opened, StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| unusable(path, &error.to_string()))?;
    let shared = options::database(resources);
    let known = tables_of(path, &shared)?;
    let is_suspect = suspect::is_suspect(path);
    let descriptors = known.iter().map(|name| {
        let mut options = family_options(name, resources);
        options.set_disable_auto_compactions(is_suspect);
        ColumnFamilyDescriptor::new(name, options)
    });
    let kept = logs::keep(path);
    let mut database =
        DB::open_cf_descriptors(&shared, path, descriptors).map_err(|e| open_error(path, &e))?;
    check_tail(path, &database, &kept, lost_tail)?;
    let is_new = check_format(path, &database, &known, access)?;
    for table in Table::ALL {
        if database.cf_handle(table.name()).is_none() {
            database
                .create_cf(table.name(), &options::table(table, resources))
                .map_err(|error| open_error(path, &error))?;
        }
    }
    // It also shows that writing works. Upkeep leaves alone what is there: it may be an older one.
    if is_new || access != Access::Upkeep {
        write_format(&database, path)?;
    }
    let damaged = if is_suspect {
        suspect::look_over(&database, path)?
    } else {
        Vec::new()
    };
    let mark = DurableMark::set(path, database.latest_sequence_number())
        .map_err(|error| unusable(path, &error.to_string()))?;
    logs::let_go(&kept);
    Ok((database, mark, damaged))
}

/// Refuses a database that recovered less than its mark says was synced, unless that is accepted.
fn check_tail(
    path: &Path,
    database: &DB,
    kept: &Path,
    lost_tail: LostTail,
) -> Result<(), StoreError> {
    let found = database.latest_sequence_number();
    match (mark::read(path), lost_tail) {
        (Some(synced), LostTail::Refuse) if synced > found => Err(StoreError::LostTail {
            path: path.display().to_string(),
            lost: synced - found,
            kept: kept.display().to_string(),
        }),
        _ => Ok(()),
    }
}

/// The column families of the database in `path`. If there is no database yet: all of ours, and the
/// default one that RocksDB requires, so that they are created with it.
fn tables_of(path: &Path, shared: &rocksdb::Options) -> Result<Vec<String>, StoreError> {
    // This file exists once a database was created; RocksDB renames it into place.
    if !path.join("CURRENT").exists() {
        let ours = Table::ALL.iter().map(|table| table.name());
        let all = std::iter::once(DEFAULT_COLUMN_FAMILY_NAME).chain(ours);
        return Ok(all.map(str::to_owned).collect());
    }
    DB::list_cf(shared, path).map_err(|error| open_error(path, &error))
}

fn family_options(name: &str, resources: &Resources) -> rocksdb::Options {
    let table = Table::ALL.into_iter().find(|table| table.name() == name);
    table.map_or_else(rocksdb::Options::default, |table| {
        options::table(table, resources)
    })
}

/// Refuses a database of another format, or one that is held. Returns whether it is new: without any records.
fn check_format(
    path: &Path,
    database: &DB,
    tables: &[String],
    access: Access,
) -> Result<bool, StoreError> {
    let record = |key| match database.cf_handle(Table::Meta.name()) {
        Some(meta) => database
            .get_cf(meta, key)
            .map_err(|error| crate::read_error(Table::Meta, key, &error)),
        None => Ok(None),
    };
    let format = record(FORMAT_KEY)?;
    let is_new = format.is_none() && database.latest_sequence_number() == 0;
    match format {
        None if is_new => {}
        None => return Err(unknown("that is not named in it".into())),
        Some(format) => {
            let hold = record(HOLD_KEY)?;
            let path = path.display().to_string();
            holds::admit(&path, access, Formats::ALONE, &format, hold.as_deref())?;
        }
    }
    let stranger = tables.iter().find(|name| {
        *name != DEFAULT_COLUMN_FAMILY_NAME && Table::ALL.iter().all(|table| table.name() != *name)
    });
    match stranger {
        Some(name) => Err(unknown(format!("with an unknown table `{name}`"))),
        None => Ok(is_new),
    }
}

fn unknown(found: String) -> StoreError {
    let known = FORMAT;
    StoreError::Format { found, known }
}

fn write_format(database: &DB, path: &Path) -> Result<(), StoreError> {
    let meta = family(database, Table::Meta)?;
    let mut durable = WriteOptions::default();
    durable.set_sync(true);
    database
        .put_cf_opt(meta, FORMAT_KEY, Format::whole(FORMAT).record(), &durable)
        .map_err(|error| {
            if error.kind() == rocksdb::ErrorKind::Corruption {
                suspect::note(path);
            }
            StoreError::Write(error.to_string())
        })
}

fn open_error(path: &Path, error: &rocksdb::Error) -> StoreError {
    let reason = error.to_string();
    // RocksDB has no error kind for this. These are the messages of its POSIX environment, for a
    // lock held by another process and by this one.
    if reason.starts_with("IO error: While lock file:")
        || reason.starts_with("IO error: lock hold by current process")
    {
        return StoreError::Locked {
            path: path.display().to_string(),
            reason,
        };
    }
    unusable(path, &reason)
}

pub fn unusable(path: &Path, reason: &str) -> StoreError {
    StoreError::Unusable {
        path: path.display().to_string(),
        reason: reason.to_owned(),
    }
}
