//! Records: a format byte, then MessagePack (rmp-serde, structs as arrays).

use crate::{
    keys,
    table::{Store, StoreError, Table},
};
use bureaucrat_model::{Instance, ProcessId, ProgramHash, Timestamp};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error, IgnoredAny, SeqAccess, Visitor},
};
use std::fmt;

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

/// An instance as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredInstance {
    pub instance: Instance,
    /// Bytes of its record.
    pub bytes: usize,
}

/// The instance of a process, read and decoded; none when there is none.
///
/// # Errors
/// When reading fails, and as [`decode_instance`].
pub fn read_instance(
    store: &dyn Store,
    process: ProcessId,
) -> Result<Option<StoredInstance>, StoreError> {
    let key = keys::instance(process);
    let Some(record) = store.get(Table::Instances, &key)? else {
        return Ok(None);
    };
    let instance = decode(Table::Instances, &key, &record)?;
    Ok(Some(StoredInstance {
        instance,
        bytes: record.len(),
    }))
}

/// What a stored instance begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceHead {
    pub program: ProgramHash,
    /// The user who launched it.
    pub user: Option<String>,
    pub ended_at: Option<Timestamp>,
}

/// Reads what a stored instance runs, whose it is and whether it has ended, without making anything of the rest.
///
/// # Errors
/// When the bytes are of another format or do not decode.
pub fn instance_head(key: &[u8], bytes: &[u8]) -> Result<InstanceHead, StoreError> {
    decode(Table::Instances, key, bytes)
}

/// What a process's stored record begins with, and the record's bytes; none when there is none that can be read.
///
/// # Errors
/// When the store can't be read.
pub fn read_head(
    store: &dyn Store,
    process: ProcessId,
) -> Result<Option<(InstanceHead, u64)>, StoreError> {
    let key = keys::instance(process);
    let record = match store.get(Table::Instances, &key) {
        Ok(record) => record,
        Err(StoreError::Damaged { .. }) => None,
        Err(error) => return Err(error),
    };
    let head = record.and_then(|record| {
        let head = instance_head(&key, &record).ok()?;
        Some((head, record.len() as u64))
    });
    Ok(head)
}

impl<'de> Deserialize<'de> for InstanceHead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(HeadVisitor)
    }
}

struct HeadVisitor;

impl<'de> Visitor<'de> for HeadVisitor {
    type Value = InstanceHead;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of an instance")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<InstanceHead, A::Error> {
        let end = || A::Error::custom("the instance ends early");
        fields.next_element::<IgnoredAny>()?.ok_or_else(end)?; // process
        let program = fields.next_element()?.ok_or_else(end)?;
        fields.next_element::<IgnoredAny>()?.ok_or_else(end)?; // name
        let user = fields.next_element()?.ok_or_else(end)?;
        // reply_to, caller, launched_at
        three(&mut fields)?.ok_or_else(end)?;
        let ended_at = fields.next_element()?.ok_or_else(end)?;
        while fields.next_element::<IgnoredAny>()?.is_some() {}
        Ok(InstanceHead {
            program,
            user,
            ended_at,
        })
    }
}

fn three<'de, A: SeqAccess<'de>>(
    fields: &mut A,
) -> Result<Option<(IgnoredAny, IgnoredAny, IgnoredAny)>, A::Error> {
    let first = fields.next_element()?;
    let second = fields.next_element()?;
    let third = fields.next_element()?;
    Ok(first.zip(second).zip(third).map(|((a, b), c)| (a, b, c)))
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bureaucrat_model::{Caller, Ending, FiberId, Fields, ProcessId, ProgramHash, Status, Turn};

    #[test]
    fn a_head_says_what_the_whole_instance_says() {
        let mut instance = Instance {
            process: ProcessId::from_seed([1; 16]),
            program: ProgramHash([2; 32]),
            name: "name".into(),
            user: Some("alice".into()),
            reply_to: None,
            caller: Some(Caller {
                process: ProcessId::from_seed([3; 16]),
                fiber: FiberId(0),
                turn: Turn(4),
                depth: 1,
            }),
            launched_at: Timestamp(5),
            ended_at: None,
            status: Status::Running,
            fibers: Default::default(),
            next_fiber: 1,
            next_turn: 2,
            next_call: 3,
            ops_without_waiting: 4,
            answered: Default::default(),
        };
        for ended_at in [None, Some(Timestamp(6))] {
            instance.ended_at = ended_at;
            instance.status = match ended_at {
                None => Status::Running,
                Some(_) => {
                    Status::Ended(Ending::Completed(Fields::parse(r#"{"x": [1]}"#).unwrap()))
                }
            };
            let record = encode(&instance).unwrap();
            let head = instance_head(b"key", &record).unwrap();
            assert_eq!(
                (head.user.as_deref(), head.ended_at),
                (Some("alice"), ended_at)
            );
            assert!(instance_head(b"key", &record[..record.len() - 1]).is_err());
            assert!(instance_head(b"key", &record[..20]).is_err());
        }
    }
}
