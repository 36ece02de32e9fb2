//! Keys: how the things that are stored are ordered. All numbers are big-endian, so that the order of keys is the order
//! of what they stand for; `docs/formats.md` lists them.

use bureaucrat_model::{FiberId, ProcessId, Timestamp, Turn};

/// A key that is not of the form that its table has; the record is damaged or of another format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is not of its table's form")]
pub struct KeyError;

/// The key of an instance: its process id, 16 bytes.
pub fn instance(process: ProcessId) -> Vec<u8> {
    process.as_bytes().to_vec()
}

/// The process that an instance's key names.
///
/// # Errors
/// When the key is not 16 bytes long.
pub fn instance_of(key: &[u8]) -> Result<ProcessId, KeyError> {
    Ok(ProcessId::from_bytes(key.try_into().map_err(|_| KeyError)?))
}

/// The key of a fiber: process, then number (4 bytes).
pub fn fiber(process: ProcessId, fiber: FiberId) -> Vec<u8> {
    let mut key = process.as_bytes().to_vec();
    key.extend_from_slice(&fiber.0.to_be_bytes());
    key
}

/// The process and the number that a fiber's key names.
///
/// # Errors
/// When the key is not 20 bytes long.
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

/// The process and the number that a key of large fields names.
///
/// # Errors
/// When the key is not 24 bytes long.
pub fn value_of(key: &[u8]) -> Result<(ProcessId, u64), KeyError> {
    let (process, number) = key.split_first_chunk::<16>().ok_or(KeyError)?;
    let number = u64::from_be_bytes(number.try_into().map_err(|_| KeyError)?);
    Ok((ProcessId::from_bytes(*process), number))
}

/// A wait, as timers and subscriptions name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitKey {
    pub process: ProcessId,
    pub fiber: FiberId,
    pub turn: Turn,
}

/// The bytes of a [`WaitKey`].
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

/// The key of a timer: due time (8 bytes), then the wait.
pub fn timer(due: Timestamp, wait: WaitKey) -> Vec<u8> {
    let mut key = due.0.to_be_bytes().to_vec();
    wait.append(&mut key);
    key
}

/// What a timer's key says.
///
/// # Errors
/// When the key has another length.
pub fn timer_of(key: &[u8]) -> Result<(Timestamp, WaitKey), KeyError> {
    let (due, wait) = key.split_first_chunk::<8>().ok_or(KeyError)?;
    Ok((Timestamp(u64::from_be_bytes(*due)), WaitKey::read(wait)?))
}

/// The key of a subscription: the length of the event's name (2 bytes), the name, then the wait. Names longer than
/// 65,535 bytes are cut; definitions admit far shorter ones.
pub fn subscription(event: &str, wait: WaitKey) -> Vec<u8> {
    let mut key = subscriptions_to(event);
    wait.append(&mut key);
    key
}

/// What the keys of all subscriptions to an event begin with.
pub fn subscriptions_to(event: &str) -> Vec<u8> {
    let length = u16::try_from(event.len()).unwrap_or(u16::MAX);
    let mut key = length.to_be_bytes().to_vec();
    key.extend_from_slice(&event.as_bytes()[..usize::from(length)]);
    key
}

/// The wait that a subscription's key names.
///
/// # Errors
/// When the key is too short.
pub fn subscription_of(key: &[u8]) -> Result<WaitKey, KeyError> {
    let start = key.len().checked_sub(WAIT_LENGTH).ok_or(KeyError)?;
    WaitKey::read(&key[start..])
}

/// The key of an event that is being handed out: its sequence (8 bytes), then 0 and 0.
pub fn event(sequence: u64) -> Vec<u8> {
    event_part(sequence, 0)
}

/// The key of how far a shard has handed out an event: the sequence, then the shard's number plus 1 (2 bytes).
pub fn event_progress(sequence: u64, shard: u16) -> Vec<u8> {
    event_part(sequence, shard.saturating_add(1))
}

fn event_part(sequence: u64, part: u16) -> Vec<u8> {
    let mut key = sequence.to_be_bytes().to_vec();
    key.extend_from_slice(&part.to_be_bytes());
    key
}

/// The sequence of an event's key, and the shard when it is a progress row.
///
/// # Errors
/// When the key has another length.
pub fn event_of(key: &[u8]) -> Result<(u64, Option<u16>), KeyError> {
    let (sequence, part) = key.split_first_chunk::<8>().ok_or(KeyError)?;
    let part = u16::from_be_bytes(part.try_into().map_err(|_| KeyError)?);
    Ok((u64::from_be_bytes(*sequence), part.checked_sub(1)))
}

/// The kinds of outbox rows, by which they are ordered first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboxKind {
    /// A task to a participant; the number is the turn.
    Task = 1,
    /// A called process that is to be started; the number is the turn of the wait.
    Call = 2,
    /// A reply to a launcher; the number is 0 for the launch, 1 for the end.
    Reply = 3,
    /// A message to the exchange of process states; numbered as replies are.
    Notice = 4,
    /// A dead letter; the number is its sequence, the process one of the shard's.
    DeadLetter = 5,
}

impl OutboxKind {
    pub const ALL: [Self; 5] = [
        Self::Task,
        Self::Call,
        Self::Reply,
        Self::Notice,
        Self::DeadLetter,
    ];
}

/// The key of an outbox row: kind (1 byte), process (16 bytes), number (8 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxKey {
    pub kind: OutboxKind,
    /// The process that it belongs to.
    pub process: ProcessId,
    /// Its number among the process's rows of this kind.
    pub number: u64,
}

impl OutboxKey {
    pub fn to_bytes(self) -> Vec<u8> {
        let mut key = vec![self.kind as u8];
        key.extend_from_slice(self.process.as_bytes());
        key.extend_from_slice(&self.number.to_be_bytes());
        key
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// For another length or an unknown kind.
    pub fn from_bytes(key: &[u8]) -> Result<Self, KeyError> {
        let (&kind, rest) = key.split_first().ok_or(KeyError)?;
        let kind = OutboxKind::ALL
            .into_iter()
            .find(|known| *known as u8 == kind)
            .ok_or(KeyError)?;
        let (process, number) = rest.split_first_chunk::<16>().ok_or(KeyError)?;
        Ok(Self {
            kind,
            process: ProcessId::from_bytes(*process),
            number: u64::from_be_bytes(number.try_into().map_err(|_| KeyError)?),
        })
    }
}

/// The key of a history entry: process, then number (8 bytes).
pub fn history(process: ProcessId, number: u64) -> Vec<u8> {
    let mut key = process.as_bytes().to_vec();
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The number of a history entry's key.
///
/// # Errors
/// When the key has another length.
pub fn history_number(key: &[u8]) -> Result<u64, KeyError> {
    let number = key.get(16..).ok_or(KeyError)?;
    Ok(u64::from_be_bytes(number.try_into().map_err(|_| KeyError)?))
}

/// The key of a message that took effect: `m`, then a SHA-256 over publisher, queue, id and body.
pub fn seen(hash: &[u8; 32]) -> Vec<u8> {
    let mut key = vec![b'm'];
    key.extend_from_slice(hash);
    key
}

/// The key of a process that was removed: `p`, then its id.
pub fn tombstone(process: ProcessId) -> Vec<u8> {
    let mut key = vec![b'p'];
    key.extend_from_slice(process.as_bytes());
    key
}

/// The key that says when another one of the same table may go: `x`, the time (8 bytes), then that key.
pub fn expiry(at: Timestamp, key: &[u8]) -> Vec<u8> {
    let mut expiry = vec![b'x'];
    expiry.extend_from_slice(&at.0.to_be_bytes());
    expiry.extend_from_slice(key);
    expiry
}

/// The key that an expiry names.
///
/// # Errors
/// When the key is too short.
pub fn expired_of(key: &[u8]) -> Result<&[u8], KeyError> {
    key.get(9..).filter(|rest| !rest.is_empty()).ok_or(KeyError)
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
            let logical = |(due, process, fiber, turn)| (Timestamp(due), wait(process, fiber, turn));
            let (left, right) = (logical(a), logical(b));
            prop_assert_eq!(timer(left.0, left.1).cmp(&timer(right.0, right.1)), left.cmp(&right));
            prop_assert_eq!(timer_of(&timer(left.0, left.1)), Ok(left));
        }

        #[test]
        fn subscriptions_to_one_event_stand_together(name in ".{0,40}", other in ".{0,40}", turn in any::<u64>()) {
            let key = subscription(&name, wait(1, 2, turn));
            let prefix = subscriptions_to(&other);
            let inside = key >= prefix && key < prefix_end(&prefix);
            prop_assert_eq!(inside, name == other);
            prop_assert_eq!(subscription_of(&key), Ok(wait(1, 2, turn)));
        }

        #[test]
        fn prefixes_end_right_after_the_last_key_that_has_them(prefix in prop::collection::vec(any::<u8>(), 1..5), rest in prop::collection::vec(any::<u8>(), 0..5)) {
            let mut key = prefix.clone();
            key.extend(&rest);
            prop_assert!(key < prefix_end(&prefix));
        }
    }

    #[test]
    fn outbox_keys_read_back() {
        for kind in OutboxKind::ALL {
            let key = OutboxKey {
                kind,
                process: ProcessId::from_bytes([9; 16]),
                number: 77,
            };
            assert_eq!(OutboxKey::from_bytes(&key.to_bytes()), Ok(key));
        }
        assert_eq!(OutboxKey::from_bytes(&[0; 25]), Err(KeyError));
    }
}
