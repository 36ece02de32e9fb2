//! Keys: how stored records are ordered (docs/formats.md). Numbers are big-endian, so keys sort like what they encode.
//!
//! Keys begin with the shard's number, the first byte of a process id, so a shard's rows are one range
//! in each table. Tables across shards: subscriptions, backlog, list of processes, searchable fields, audit log.

mod audit_log;
mod bulk;
mod deployed;
mod kept;
mod outbox;
mod recent;
mod searched;
mod seen;

pub use audit_log::{audit_entries_from, audit_entry, audit_entry_of};
pub use bulk::{bulk_job, bulk_job_of, bulk_outcome, bulk_outcome_of, bulk_outcomes};
pub use deployed::{DefinitionKey, name, name_of, version, version_of, versions_of};
pub use kept::{
    is_taken_by_fiber, kept, kept_after, kept_gone, kept_of, kept_until, kept_until_of, recall,
    recall_of, subscribed, subscription_record, taken, taken_by, taken_by_fiber, taken_of, taker,
};
pub use outbox::{OutboxKey, OutboxKind};
pub use recent::{Phase, Place, recent, recent_in, recent_of};
pub use searched::{searched, searched_by, searched_in, searched_of};
pub use seen::{SeenKey, expired_of, expiries, expiry, seen, seen_of, tombstone};

use bureaucrat_model::{FiberId, ProcessId, ShardId, Timestamp, Turn};

/// A key that does not have its table's form: the record is damaged or of another format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key does not have the form of its table")]
pub struct KeyError;

/// The key of an instance: its process id, 16 bytes.
pub fn instance(process: ProcessId) -> Vec<u8> {
    process.as_bytes().to_vec()
}

/// The process in an instance's key.
///
/// # Errors
/// If the key is not 16 bytes long.
pub fn instance_of(key: &[u8]) -> Result<ProcessId, KeyError> {
    Ok(ProcessId::from_bytes(key.try_into().map_err(|_| KeyError)?))
}

/// The key of a fiber: process, then number (4 bytes).
pub fn fiber(process: ProcessId, fiber: FiberId) -> Vec<u8> {
    let mut key = process.as_bytes().to_vec();
    key.extend_from_slice(&fiber.0.to_be_bytes());
    key
}

/// The process and number in a fiber's key.
///
/// # Errors
/// If the key is not 20 bytes long.
pub fn fiber_of(key: &[u8]) -> Result<(ProcessId, FiberId), KeyError> {
    let (process, number) = key.split_first_chunk::<16>().ok_or(KeyError)?;
    let number = u32::from_be_bytes(number.try_into().map_err(|_| KeyError)?);
    Ok((ProcessId::from_bytes(*process), FiberId(number)))
}

/// The key of large fields of an instance: process, then number (8 bytes).
pub fn value(process: ProcessId, number: u64) -> Vec<u8> {
    let mut key = process.as_bytes().to_vec();
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The process and number in the key of large fields.
///
/// # Errors
/// If the key is not 24 bytes long.
pub fn value_of(key: &[u8]) -> Result<(ProcessId, u64), KeyError> {
    let (process, number) = key.split_first_chunk::<16>().ok_or(KeyError)?;
    let number = u64::from_be_bytes(number.try_into().map_err(|_| KeyError)?);
    Ok((ProcessId::from_bytes(*process), number))
}

/// A wait, as it appears in the keys of timers and subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitKey {
    pub process: ProcessId,
    pub fiber: FiberId,
    pub turn: Turn,
}

const WAIT_LENGTH: usize = 28;

impl WaitKey {
    fn append(self, key: &mut Vec<u8>) {
        key.extend_from_slice(self.process.as_bytes());
        key.extend_from_slice(&self.fiber.0.to_be_bytes());
        key.extend_from_slice(&self.turn.0.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        let (process, rest) = bytes.split_first_chunk::<16>().ok_or(KeyError)?;
        let (fiber, turn) = rest.split_first_chunk::<4>().ok_or(KeyError)?;
        Ok(Self {
            process: ProcessId::from_bytes(*process),
            fiber: FiberId(u32::from_be_bytes(*fiber)),
            turn: Turn(u64::from_be_bytes(turn.try_into().map_err(|_| KeyError)?)),
        })
    }
}

/// The key of a timer: shard (1 byte), due time (8 bytes), then the wait.
pub fn timer(due: Timestamp, wait: WaitKey) -> Vec<u8> {
    let mut key = timers_from(wait.process.shard(), due);
    wait.append(&mut key);
    key
}

/// The prefix of the keys of a shard's timers that are due at `due`.
pub fn timers_from(shard: ShardId, due: Timestamp) -> Vec<u8> {
    let mut key = Vec::with_capacity(9 + WAIT_LENGTH);
    key.push(shard.0);
    key.extend_from_slice(&due.0.to_be_bytes());
    key
}

/// The due time in a timer's key, or in a prefix of such keys.
pub fn due_of(key: &[u8]) -> Option<Timestamp> {
    let due = key.get(1..)?.first_chunk::<8>()?;
    Some(Timestamp(u64::from_be_bytes(*due)))
}

/// The contents of a timer's key.
///
/// # Errors
/// If the key has another length.
pub fn timer_of(key: &[u8]) -> Result<(Timestamp, WaitKey), KeyError> {
    let (shard, rest) = key.split_first().ok_or(KeyError)?;
    let (due, wait) = rest.split_first_chunk::<8>().ok_or(KeyError)?;
    let (due, wait) = (u64::from_be_bytes(*due), WaitKey::read(wait)?);
    if wait.process.shard().0 != *shard {
        return Err(KeyError);
    }
    Ok((Timestamp(due), wait))
}

/// The key of a subscription: the length of the event's name (2 bytes), the name, 0 (2 bytes) or the length of the wanted
/// key plus 1 (2 bytes) and that key, then the wait. Names and keys longer than 65,534 bytes are cut; definitions only
/// allow much shorter ones.
pub fn subscription(event: &str, wanted: Option<&str>, wait: WaitKey) -> Vec<u8> {
    let mut key = subscriptions_to(event, wanted);
    wait.append(&mut key);
    key
}

/// The prefix of the keys of all subscriptions to an event that want this key, or want none.
pub fn subscriptions_to(event: &str, wanted: Option<&str>) -> Vec<u8> {
    const MOST: u16 = u16::MAX - 1;
    let length = u16::try_from(event.len()).unwrap_or(MOST).min(MOST);
    let mut key = length.to_be_bytes().to_vec();
    key.extend_from_slice(&event.as_bytes()[..usize::from(length)]);
    let Some(wanted) = wanted else {
        key.extend_from_slice(&[0, 0]);
        return key;
    };
    let length = u16::try_from(wanted.len()).unwrap_or(MOST).min(MOST);
    key.extend_from_slice(&(length + 1).to_be_bytes());
    key.extend_from_slice(&wanted.as_bytes()[..usize::from(length)]);
    key
}

/// The wait in a subscription's key.
///
/// # Errors
/// If the key is too short.
pub fn subscription_of(key: &[u8]) -> Result<WaitKey, KeyError> {
    let start = key.len().checked_sub(WAIT_LENGTH).ok_or(KeyError)?;
    WaitKey::read(&key[start..])
}

/// The key of an event that is being handed out: its shard (1 byte), then its sequence (8 bytes).
pub fn event(shard: ShardId, sequence: u64) -> Vec<u8> {
    let mut key = vec![shard.0];
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// The shard and the sequence in an event's key.
///
/// # Errors
/// If the key has another length.
pub fn event_of(key: &[u8]) -> Result<(ShardId, u64), KeyError> {
    let (shard, rest) = key.split_first().ok_or(KeyError)?;
    let sequence = rest.try_into().map_err(|_| KeyError)?;
    Ok((ShardId(*shard), u64::from_be_bytes(sequence)))
}

/// The key of a copy of a dead letter: its shard (1 byte), then its number (8 bytes).
pub fn letter(shard: ShardId, number: u64) -> Vec<u8> {
    event(shard, number)
}

/// # Errors
/// When the key has another length.
pub fn letter_of(key: &[u8]) -> Result<(ShardId, u64), KeyError> {
    event_of(key)
}

/// A hash by which an exchange and a routing key are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationHash(pub [u8; 16]);

/// The key of a row in the index of failing destinations: the destination's hash (16 bytes), then
/// the key of the outbox row that is set aside. An index across shards; each row is written by the
/// shard of its process.
pub fn backlog(destination: DestinationHash, row: OutboxKey) -> Vec<u8> {
    let mut key = destination.0.to_vec();
    key.extend_from_slice(&row.to_bytes());
    key
}

/// The first key of a destination's rows, and the first key after them.
pub fn backlog_of(destination: DestinationHash) -> (Vec<u8>, Vec<u8>) {
    (destination.0.to_vec(), prefix_end(&destination.0))
}

/// The outbox row in a key of the index.
///
/// # Errors
/// If the key has another form.
pub fn backlog_row(key: &[u8]) -> Result<OutboxKey, KeyError> {
    OutboxKey::from_bytes(key.get(16..).ok_or(KeyError)?)
}

/// The key of a history entry: process, then number (8 bytes).
pub fn history(process: ProcessId, number: u64) -> Vec<u8> {
    let mut key = process.as_bytes().to_vec();
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The number in a history entry's key.
///
/// # Errors
/// If the key has another length.
pub fn history_number(key: &[u8]) -> Result<u64, KeyError> {
    let number = key.get(16..).ok_or(KeyError)?;
    Ok(u64::from_be_bytes(number.try_into().map_err(|_| KeyError)?))
}

/// The first key of a shard, and the first key after all of its keys.
pub fn shard_range(shard: ShardId) -> (Vec<u8>, Vec<u8>) {
    (vec![shard.0], prefix_end(&[shard.0]))
}

/// The first key after all that begin with `prefix`.
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; prefix.len() + 64]
}

/// The first key after `key`.
pub fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn wait(process: u8, fiber: u32, turn: u64) -> WaitKey {
        WaitKey {
            process: ProcessId::from_bytes([process; 16]),
            fiber: FiberId(fiber),
            turn: Turn(turn),
        }
    }

    proptest! {
        #[test]
        fn the_order_of_keys_is_the_order_of_what_they_stand_for(
            a in (any::<u64>(), any::<u8>(), any::<u32>(), any::<u64>()),
            b in (any::<u64>(), any::<u8>(), any::<u32>(), any::<u64>()),
        ) {
            let logical = |(due, process, fiber, turn): (u64, u8, u32, u64)| {
                (process, Timestamp(due), wait(process, fiber, turn))
            };
            let (left, right) = (logical(a), logical(b));
            prop_assert_eq!(timer(left.1, left.2).cmp(&timer(right.1, right.2)), left.cmp(&right));
            prop_assert_eq!(timer_of(&timer(left.1, left.2)), Ok((left.1, left.2)));
        }

        #[test]
        fn subscriptions_to_one_event_stand_together(name in ".{0,4}", other in ".{0,4}", wanted in prop::option::of(".{0,3}"), given in prop::option::of(".{0,3}"), turn in any::<u64>()) {
            let key = subscription(&name, wanted.as_deref(), wait(1, 2, turn));
            let prefix = subscriptions_to(&other, given.as_deref());
            let inside = key >= prefix && key < prefix_end(&prefix);
            prop_assert_eq!(inside, name == other && wanted == given);
            prop_assert_eq!(subscription_of(&key), Ok(wait(1, 2, turn)));
        }

        #[test]
        fn prefixes_end_right_after_the_last_key_that_has_them(prefix in prop::collection::vec(any::<u8>(), 1..5), rest in prop::collection::vec(any::<u8>(), 0..5)) {
            let mut key = prefix.clone();
            key.extend(&rest);
            prop_assert!(key < prefix_end(&prefix));
        }
    }
}
