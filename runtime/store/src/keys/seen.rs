//! Keys of [`crate::Table::Seen`]: messages that took effect, processes that were removed, and when
//! each record expires.

use super::{KeyError, instance_of};
use bureaucrat_model::{ProcessId, ShardId, Timestamp};

/// The key of a message that took effect: the hash's first byte as its shard, `m`, then the hash (32 bytes).
pub fn seen(hash: &[u8; 32]) -> Vec<u8> {
    let mut key = vec![hash[0], MESSAGE];
    key.extend_from_slice(hash);
    key
}

/// The key of a process that was removed: shard (1 byte), `p`, then its id.
pub fn tombstone(process: ProcessId) -> Vec<u8> {
    let mut key = vec![process.shard().0, TOMBSTONE];
    key.extend_from_slice(process.as_bytes());
    key
}

/// The key that says when another key of this table expires: shard (1 byte), `x`, the time (8
/// bytes), then that key without its shard.
pub fn expiry(at: Timestamp, key: &[u8]) -> Vec<u8> {
    let (shard, rest) = key.split_first().unwrap_or((&0, &[]));
    let mut expiry = vec![*shard, EXPIRY];
    expiry.extend_from_slice(&at.0.to_be_bytes());
    expiry.extend_from_slice(rest);
    expiry
}

/// The first key of a shard's expiries, and the end of those that are due at `until` or before.
pub fn expiries(shard: ShardId, until: Timestamp) -> (Vec<u8>, Vec<u8>) {
    let from = vec![shard.0, EXPIRY];
    let mut to = from.clone();
    to.extend_from_slice(&until.0.saturating_add(1).to_be_bytes());
    (from, to)
}

/// The key that an expiry refers to.
///
/// # Errors
/// If the key is too short.
pub fn expired_of(key: &[u8]) -> Result<Vec<u8>, KeyError> {
    let rest = key.get(10..).filter(|rest| !rest.is_empty());
    let mut expired = vec![*key.first().ok_or(KeyError)?];
    expired.extend_from_slice(rest.ok_or(KeyError)?);
    Ok(expired)
}

/// What a key of [`crate::Table::Seen`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenKey {
    Message,
    Tombstone(ProcessId),
    Expiry,
}

/// Parses a key of [`crate::Table::Seen`].
///
/// # Errors
/// If it has none of the table's forms.
pub fn seen_of(key: &[u8]) -> Result<SeenKey, KeyError> {
    match (key.get(1), key.len()) {
        (Some(&MESSAGE), 34) => Ok(SeenKey::Message),
        (Some(&TOMBSTONE), 18) => Ok(SeenKey::Tombstone(instance_of(&key[2..])?)),
        (Some(&EXPIRY), 11..) => Ok(SeenKey::Expiry),
        _ => Err(KeyError),
    }
}

const MESSAGE: u8 = b'm';
const TOMBSTONE: u8 = b'p';
const EXPIRY: u8 = b'x';
