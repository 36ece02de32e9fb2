//! Records: a format byte, then MessagePack (rmp-serde, structs as arrays); before an instance its version, 8 bytes.

use crate::{
    keys,
    table::{Store, StoreError, Table, Version},
};
use bureaucrat_model::{Instance, ProcessId};
use serde::{Serialize, de::DeserializeOwned};

/// The format that is written, and the only one that is read.
pub const FORMAT: u8 = 1;

/// A record as it is stored.
///
/// # Errors
/// When MessagePack cannot hold it, which takes a text of over 4 GiB.
pub fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![FORMAT];
    rmp_serde::encode::write(&mut bytes, record)
        .map_err(|error| StoreError::Write(error.to_string()))?;
    Ok(bytes)
}

/// Reads a record of `table`, stored at `key`.
///
/// # Errors
/// When the bytes are of another format or do not decode.
pub fn decode<T: DeserializeOwned>(
    table: Table,
    key: &[u8],
    bytes: &[u8],
) -> Result<T, StoreError> {
    let damaged = |reason: String| StoreError::Damaged {
        table,
        key: hexadecimal(key),
        reason,
    };
    match bytes.split_first() {
        Some((&FORMAT, body)) => {
            rmp_serde::from_slice(body).map_err(|error| damaged(error.to_string()))
        }
        Some((other, _)) => Err(damaged(format!("format {other} is not known here"))),
        None => Err(damaged("it is empty".into())),
    }
}

/// The record at `key`, read and decoded; none when there is none.
///
/// # Errors
/// When reading fails, and as [`decode`].
pub fn read<T: DeserializeOwned>(
    store: &dyn Store,
    table: Table,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    let record = store.get(table, key)?;
    record.map(|record| decode(table, key, &record)).transpose()
}

/// The instance of a process, read and decoded; none when there is none.
///
/// # Errors
/// When reading fails, and as [`decode_instance`].
pub fn read_instance(
    store: &dyn Store,
    process: ProcessId,
) -> Result<Option<(Version, Instance)>, StoreError> {
    let key = keys::instance(process);
    let record = store.get(Table::Instances, &key)?;
    record
        .map(|record| decode_instance(&key, &record))
        .transpose()
}

/// An instance as it is stored.
///
/// # Errors
/// As [`encode`].
pub fn encode_instance(version: Version, instance: &Instance) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![FORMAT];
    bytes.extend_from_slice(&version.0.to_be_bytes());
    rmp_serde::encode::write(&mut bytes, instance)
        .map_err(|error| StoreError::Write(error.to_string()))?;
    Ok(bytes)
}

/// The version of a stored instance.
///
/// # Errors
/// When the record is too short or of another format.
pub fn instance_version(key: &[u8], bytes: &[u8]) -> Result<Version, StoreError> {
    split_instance(key, bytes).map(|(version, _)| version)
}

/// Reads a stored instance.
///
/// # Errors
/// When the bytes are of another format or do not decode.
pub fn decode_instance(key: &[u8], bytes: &[u8]) -> Result<(Version, Instance), StoreError> {
    let (version, body) = split_instance(key, bytes)?;
    let instance = rmp_serde::from_slice(body).map_err(|error| StoreError::Damaged {
        table: Table::Instances,
        key: hexadecimal(key),
        reason: error.to_string(),
    })?;
    Ok((version, instance))
}

fn split_instance<'a>(key: &[u8], bytes: &'a [u8]) -> Result<(Version, &'a [u8]), StoreError> {
    let damaged = |reason: &str| StoreError::Damaged {
        table: Table::Instances,
        key: hexadecimal(key),
        reason: reason.into(),
    };
    let (format, rest) = bytes.split_first().ok_or_else(|| damaged("it is empty"))?;
    if *format != FORMAT {
        return Err(damaged("its format is not known here"));
    }
    let (version, body) = rest
        .split_first_chunk::<8>()
        .ok_or_else(|| damaged("it ends early"))?;
    Ok((Version(u64::from_be_bytes(*version)), body))
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
