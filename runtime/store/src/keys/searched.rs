//! The keys of the index of searchable fields: one for each field that holds something, under its
//! name and value, the processes that were launched last first.

use super::{KeyError, Place, prefix_end};
use bureaucrat_model::{ProcessId, Term, Timestamp};

const TEXT: u8 = 1;
const NUMBER: u8 = 2;
const TRUTH: u8 = 3;

/// The length of what follows the value: the complement of the time of launch (8), process (16).
const PLACE: usize = 24;

/// The key of a process with a field that holds `term`: length of the name (2 bytes), the name, kind
/// (1 byte), length of the value (2 bytes), the value, then the process's place in lists.
pub fn searched(name: &str, term: &Term, place: Place) -> Vec<u8> {
    let mut key = prefix(name, term);
    key.extend_from_slice(&place.bytes());
    key
}

/// The first key of processes with a field that holds `term`, and the first after all of them.
pub fn searched_in(name: &str, term: &Term) -> (Vec<u8>, Vec<u8>) {
    let first = prefix(name, term);
    let end = prefix_end(&first);
    (first, end)
}

fn prefix(name: &str, term: &Term) -> Vec<u8> {
    let (kind, value) = match term {
        Term::Text(text) => (TEXT, text.as_str()),
        Term::Number(number) => (NUMBER, number.as_str()),
        Term::Truth(true) => (TRUTH, "true"),
        Term::Truth(false) => (TRUTH, "false"),
    };
    let mut key = Vec::with_capacity(name.len() + value.len() + 5 + PLACE);
    append(&mut key, name);
    key.push(kind);
    append(&mut key, value);
    key
}

/// Definitions and terms have shorter limits than the one here.
fn append(key: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    key.extend_from_slice(&length.to_be_bytes());
    key.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
}

/// What a key of the index says: the field, what it holds, and whose it is.
///
/// # Errors
/// If the key has another form.
pub fn searched_of(key: &[u8]) -> Result<(String, Term, Place), KeyError> {
    let (name, rest) = text_of(key)?;
    let (&kind, rest) = rest.split_first().ok_or(KeyError)?;
    let (value, rest) = text_of(rest)?;
    let term = match (kind, value.as_str()) {
        (TEXT, _) => Term::Text(value),
        (NUMBER, _) => Term::Number(value),
        (TRUTH, "true") => Term::Truth(true),
        (TRUTH, "false") => Term::Truth(false),
        (_, _) => return Err(KeyError),
    };
    let (launched_at, process) = rest.split_first_chunk::<8>().ok_or(KeyError)?;
    let place = Place {
        launched_at: Timestamp(!u64::from_be_bytes(*launched_at)),
        process: ProcessId::from_bytes(process.try_into().map_err(|_| KeyError)?),
    };
    Ok((name, term, place))
}

fn text_of(bytes: &[u8]) -> Result<(String, &[u8]), KeyError> {
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(KeyError)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (text, rest) = rest.split_at_checked(length).ok_or(KeyError)?;
    let text = String::from_utf8(text.to_vec()).map_err(|_| KeyError)?;
    Ok((text, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn terms() -> impl Strategy<Value = Term> {
        prop_oneof![
            ".{0,4}".prop_map(Term::Text),
            "[0-9]{1,4}".prop_map(Term::Number),
            any::<bool>().prop_map(Term::Truth),
        ]
    }

    proptest! {
        #[test]
        fn keys_read_back_and_those_of_one_value_are_together(
            name in ".{0,4}",
            other in ".{0,4}",
            term in terms(),
            wanted in terms(),
            at in any::<u64>(),
            id in any::<[u8; 16]>(),
        ) {
            let process = ProcessId::from_bytes(id);
            let place = Place { launched_at: Timestamp(at), process };
            let key = searched(&name, &term, place);
            prop_assert_eq!(searched_of(&key), Ok((name.clone(), term.clone(), place)));
            let (from, to) = searched_in(&other, &wanted);
            let inside = key >= from && key < to;
            prop_assert_eq!(inside, name == other && term == wanted);
        }
    }

    #[test]
    fn what_is_cut_or_unknown_is_refused() {
        let place = Place {
            launched_at: Timestamp(1),
            process: ProcessId::from_bytes([7; 16]),
        };
        let key = searched("customer", &Term::Text("Ada".into()), place);
        for length in 0..key.len() {
            assert_eq!(searched_of(&key[..length]), Err(KeyError));
        }
        let mut unknown = key;
        unknown[10] = 9;
        assert_eq!(searched_of(&unknown), Err(KeyError));
    }
}
