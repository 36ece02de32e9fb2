//! The keys of the audit log. Its entries have numbers of their own, without gaps, so that the key alone says how old an
//! entry is among the others.

use super::KeyError;

/// The complement of the entry's number (8): the newest comes first.
pub fn audit_entry(number: u64) -> Vec<u8> {
    (!number).to_be_bytes().to_vec()
}

/// The number of the entry in a key.
///
/// # Errors
/// If the key has another length.
pub fn audit_entry_of(key: &[u8]) -> Result<u64, KeyError> {
    let number = key.try_into().map_err(|_| KeyError)?;
    Ok(!u64::from_be_bytes(number))
}

/// The keys of an entry and all older ones: the first, and the first after all.
pub fn audit_entries_from(newest: u64) -> (Vec<u8>, Vec<u8>) {
    (audit_entry(newest), vec![u8::MAX; 9])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comes_first_and_keys_read_back() {
        let keys: Vec<_> = [u64::MAX, 258, 257, 1, 0].map(audit_entry).into();
        assert!(keys.is_sorted());
        for (key, number) in keys.iter().zip([u64::MAX, 258, 257, 1, 0]) {
            assert_eq!(audit_entry_of(key), Ok(number));
        }
        let (from, to) = audit_entries_from(257);
        let inside = keys.iter().filter(|key| from <= **key && **key < to);
        assert_eq!(inside.count(), 3);
        assert_eq!(audit_entry_of(&[0; 9]), Err(KeyError));
    }
}
