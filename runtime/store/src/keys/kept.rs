//! The keys of kept events: in the order of their sequence under their name, under their name and
//! key, and in the order in which they go. The record is under the name alone.

use super::{KeyError, WaitKey, prefix_end, subscriptions_to};
use bureaucrat_model::{FiberId, ProcessId, Timestamp};

/// The bytes of the key of a process that took an event.
const TAKEN_BYTES: usize = 24;

/// What begins the keys that say when events go: the length of no name.
const UNTIL: [u8; 2] = [u8::MAX; 2];

/// The key of a kept event, under its name alone or under its name and key.
pub fn kept(event: &str, key: Option<&str>, sequence: u64) -> Vec<u8> {
    let mut found = subscriptions_to(event, key);
    found.extend_from_slice(&sequence.to_be_bytes());
    found
}

/// The first key of those after a sequence, and the end of all under the name, or the name and key.
pub fn kept_after(event: &str, key: Option<&str>, sequence: u64) -> (Vec<u8>, Vec<u8>) {
    let end = prefix_end(&subscriptions_to(event, key));
    (kept(event, key, sequence.saturating_add(1)), end)
}

/// The sequence in a key of a kept event.
///
/// # Errors
/// If the key is too short.
pub fn kept_of(key: &[u8]) -> Result<u64, KeyError> {
    let start = key.len().checked_sub(8).ok_or(KeyError)?;
    let sequence = key[start..].try_into().map_err(|_| KeyError)?;
    Ok(u64::from_be_bytes(sequence))
}

/// The key that says when an event goes.
pub fn kept_until(until: Timestamp, sequence: u64) -> Vec<u8> {
    let mut key = UNTIL.to_vec();
    key.extend_from_slice(&until.0.to_be_bytes());
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// The first of these keys, and the first of those that are later than a time.
pub fn kept_gone(now: Timestamp) -> (Vec<u8>, Vec<u8>) {
    (
        UNTIL.to_vec(),
        kept_until(now.after(bureaucrat_model::Millis(1)), 0),
    )
}

/// When the event goes that such a key is of, and its sequence; none for another key.
pub fn kept_until_of(key: &[u8]) -> Option<(Timestamp, u64)> {
    let rest = key.strip_prefix(&UNTIL)?;
    let (until, sequence) = rest.split_first_chunk::<8>()?;
    let sequence = u64::from_be_bytes(sequence.try_into().ok()?);
    Some((Timestamp(u64::from_be_bytes(*until)), sequence))
}

/// The record of a subscription: its sequence, and whether kept events count for it.
pub fn subscription_record(sequence: u64, recalls: bool) -> Vec<u8> {
    let mut value = sequence.to_be_bytes().to_vec();
    value.extend(recalls.then_some(1));
    value
}

/// What such a record says.
pub fn subscribed(value: &[u8]) -> Option<(u64, bool)> {
    let (sequence, rest) = value.split_first_chunk::<8>()?;
    let recalls = match rest {
        [] => false,
        [1] => true,
        _ => return None,
    };
    Some((u64::from_be_bytes(*sequence), recalls))
}

/// The key of a wait to which kept events are being offered.
pub fn recall(wait: WaitKey) -> Vec<u8> {
    let mut key = Vec::new();
    wait.append(&mut key);
    key
}

/// The wait in such a key.
///
/// # Errors
/// If the key has another length.
pub fn recall_of(key: &[u8]) -> Result<WaitKey, KeyError> {
    WaitKey::read(key)
}

/// The key that says that a process took a kept event.
pub fn taken(sequence: u64, process: ProcessId) -> Vec<u8> {
    let mut key = sequence.to_be_bytes().to_vec();
    key.extend_from_slice(process.as_bytes());
    key
}

/// The same for a fiber that takes one event after the other, as long as the event is handed out: 4 bytes more.
pub fn taken_by_fiber(sequence: u64, process: ProcessId, fiber: FiberId) -> Vec<u8> {
    let mut key = taken(sequence, process);
    key.extend_from_slice(&fiber.0.to_be_bytes());
    key
}

/// Whether a key is such a fiber's.
pub const fn is_taken_by_fiber(key: &[u8]) -> bool {
    key.len() == TAKEN_BYTES + 4
}

/// The fiber of such a key, with its process; `None` if it is not a fiber's.
pub fn taker(key: &[u8]) -> Option<(ProcessId, FiberId)> {
    let (rest, fiber) = key.split_last_chunk::<4>()?;
    if !is_taken_by_fiber(key) {
        return None;
    }
    let (_, process) = taken_by(rest).ok()?;
    Some((process, FiberId(u32::from_be_bytes(*fiber))))
}

/// The first key of those of an event, and the first after them.
pub fn taken_of(sequence: u64) -> (Vec<u8>, Vec<u8>) {
    let first = sequence.to_be_bytes();
    (first.to_vec(), prefix_end(&first))
}

/// The event and the process in such a key, a fiber's or not.
///
/// # Errors
/// If the key has another length.
pub fn taken_by(key: &[u8]) -> Result<(u64, ProcessId), KeyError> {
    let key = match is_taken_by_fiber(key) {
        true => key.get(..TAKEN_BYTES).ok_or(KeyError)?,
        false => key,
    };
    let (sequence, process) = key.split_first_chunk::<8>().ok_or(KeyError)?;
    let process = process.try_into().map_err(|_| KeyError)?;
    Ok((
        u64::from_be_bytes(*sequence),
        ProcessId::from_bytes(process),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_oldest_of_a_name_or_of_a_key_comes_first() {
        for key in [None, Some("k")] {
            let keys: Vec<_> = [1, 2, 300].map(|number| kept("e", key, number)).into();
            assert!(keys.is_sorted());
            let (from, to) = kept_after("e", key, 1);
            let within = |key: &Vec<u8>| *key >= from && *key < to;
            let found: Vec<_> = keys.iter().filter(|key| within(key)).collect();
            assert_eq!(found.len(), 2);
            assert_eq!(kept_of(found[1]), Ok(300));
            assert!(keys.iter().all(|key| kept_until_of(key).is_none()));
        }
    }

    #[test]
    fn those_that_go_first_come_first() {
        let key = kept_until(Timestamp(10), 7);
        assert_eq!(kept_until_of(&key), Some((Timestamp(10), 7)));
        let (from, to) = kept_gone(Timestamp(10));
        assert!(key >= from && key < to);
        assert!(kept_until(Timestamp(11), 0) >= to);
        let process = ProcessId::from_bytes([3; 16]);
        assert_eq!(taken_by(&taken(7, process)), Ok((7, process)));
    }
}
