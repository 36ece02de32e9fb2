//! Records: a format byte, then MessagePack (rmp-serde, structs as arrays).

use crate::table::{Store, StoreError, Table};
use bureaucrat_model::Hex;
use serde::{Serialize, de::DeserializeOwned};

/// The format that is written, and the only one that is read.
pub const FORMAT: u8 = 1;

/// Room for most records, in bytes: one allocation, not one for each time that a record doubles.
const ROOM: usize = 256;

/// The stored form of a record.
///
/// # Errors
/// If MessagePack cannot hold it, which takes a text of more than 4 GiB.
pub fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(ROOM);
    bytes.push(FORMAT);
    rmp_serde::encode::write(&mut bytes, record)
        .map_err(|error| StoreError::Write(error.to_string()))?;
    Ok(bytes)
}

/// Reads a record of `table`, stored at `key`.
///
/// # Errors
/// If the bytes are of another format or do not decode.
pub fn decode<T: DeserializeOwned>(
    table: Table,
    key: &[u8],
    bytes: &[u8],
) -> Result<T, StoreError> {
    let damaged = |reason: String| StoreError::Damaged {
        table,
        key: Hex(key).to_string(),
        reason,
    };
    match bytes.split_first() {
        Some((&FORMAT, body)) => {
            rmp_serde::from_slice(body).map_err(|error| damaged(error.to_string()))
        }
        Some((other, _)) => Err(damaged(format!("unknown format {other}"))),
        None => Err(damaged("it is empty".into())),
    }
}

/// The decoded record at `key`, if it exists.
///
/// # Errors
/// If reading fails, and as [`decode`].
pub fn read<T: DeserializeOwned>(
    store: &dyn Store,
    table: Table,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    let record = store.get(table, key)?;
    record.map(|record| decode(table, key, &record)).transpose()
}
