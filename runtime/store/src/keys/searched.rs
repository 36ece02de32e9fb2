//! The keys of the index of attributes: one for each attribute of a process, those that were launched last first.

use super::{KeyError, Place, prefix_end};
use crate::attributes::{Attribute, AttributeKind};
use bureaucrat_model::{ProcessId, Term, Timestamp, Version};

const TEXT: u8 = 1;
const NUMBER: u8 = 2;
const TRUTH: u8 = 3;

/// The length of what follows an attribute: the complement of the time of launch (8), process (16).
const PLACE: usize = 24;

/// The key of a process with an attribute: the attribute's kind (1 byte), what it says, then the process's place in
/// lists. A text is its length (2 bytes) and its bytes. A field is its name, the kind of its value (1 byte), and the value; a
/// version is the definition's name and a number (4 bytes); all others are one text.
pub fn searched(attribute: &Attribute, place: Place) -> Vec<u8> {
    let mut key = prefix(attribute);
    key.extend_from_slice(&place.bytes());
    key
}

/// The first key of processes with an attribute, and the first after all of them.
pub fn searched_in(attribute: &Attribute) -> (Vec<u8>, Vec<u8>) {
    let first = prefix(attribute);
    let end = prefix_end(&first);
    (first, end)
}

/// The first key of all attributes of a kind, and the first after all of them.
pub fn searched_by(kind: &AttributeKind) -> (Vec<u8>, Vec<u8>) {
    let mut first = vec![number(kind)];
    if let AttributeKind::Field(name) = kind {
        append(&mut first, name);
    }
    let end = prefix_end(&first);
    (first, end)
}

const fn number(kind: &AttributeKind) -> u8 {
    match kind {
        AttributeKind::Field(_) => 1,
        AttributeKind::Definition => 2,
        AttributeKind::Version => 3,
        AttributeKind::Key => 4,
        AttributeKind::User => 5,
        AttributeKind::Fault => 6,
        AttributeKind::Participant => 7,
        AttributeKind::Event => 8,
    }
}

fn prefix(attribute: &Attribute) -> Vec<u8> {
    const ROOM: usize = 48;
    let mut key = Vec::with_capacity(ROOM + PLACE);
    let (kind, text) = match attribute {
        Attribute::Field(name, term) => {
            let (kind, value) = match term {
                Term::Text(text) => (TEXT, text.as_str()),
                Term::Number(number) => (NUMBER, number.as_str()),
                Term::Truth(true) => (TRUTH, "true"),
                Term::Truth(false) => (TRUTH, "false"),
            };
            key.push(1);
            append(&mut key, name);
            key.push(kind);
            append(&mut key, value);
            return key;
        }
        Attribute::Version(name, version) => {
            key.push(3);
            append(&mut key, name);
            key.extend_from_slice(&version.number().to_be_bytes());
            return key;
        }
        Attribute::Definition(name) => (2, name),
        Attribute::Key(text) => (4, text),
        Attribute::User(name) => (5, name),
        Attribute::Fault(code) => (6, code),
        Attribute::Participant(name) => (7, name),
        Attribute::Event(name) => (8, name),
    };
    key.push(kind);
    append(&mut key, text);
    key
}

/// What a text of an attribute is cut to; nothing that is allowed anywhere is as long.
fn append(key: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let length = u16::try_from(end).unwrap_or(u16::MAX);
    key.extend_from_slice(&length.to_be_bytes());
    key.extend_from_slice(&text.as_bytes()[..end]);
}

/// What a key of the index says: an attribute, and whose it is.
///
/// # Errors
/// If the key has another form.
pub fn searched_of(key: &[u8]) -> Result<(Attribute, Place), KeyError> {
    let (&kind, rest) = key.split_first().ok_or(KeyError)?;
    let (text, rest) = text_of(rest)?;
    let (attribute, rest) = match kind {
        1 => {
            let (&kind, rest) = rest.split_first().ok_or(KeyError)?;
            let (value, rest) = text_of(rest)?;
            let term = match (kind, value.as_str()) {
                (TEXT, _) => Term::Text(value),
                (NUMBER, _) => Term::Number(value),
                (TRUTH, "true") => Term::Truth(true),
                (TRUTH, "false") => Term::Truth(false),
                (_, _) => return Err(KeyError),
            };
            (Attribute::Field(text, term), rest)
        }
        2 => (Attribute::Definition(text), rest),
        3 => {
            let (number, rest) = rest.split_first_chunk::<4>().ok_or(KeyError)?;
            let version = Version::new(u32::from_be_bytes(*number)).ok_or(KeyError)?;
            (Attribute::Version(text, version), rest)
        }
        4 => (Attribute::Key(text), rest),
        5 => (Attribute::User(text), rest),
        6 => (Attribute::Fault(text), rest),
        7 => (Attribute::Participant(text), rest),
        8 => (Attribute::Event(text), rest),
        _ => return Err(KeyError),
    };
    let (launched_at, process) = rest.split_first_chunk::<8>().ok_or(KeyError)?;
    let place = Place {
        launched_at: Timestamp(!u64::from_be_bytes(*launched_at)),
        process: ProcessId::from_bytes(process.try_into().map_err(|_| KeyError)?),
    };
    Ok((attribute, place))
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

    fn attributes() -> impl Strategy<Value = Attribute> {
        prop_oneof![
            (".{0,4}", terms()).prop_map(|(name, term)| Attribute::Field(name, term)),
            (".{0,4}", 1..4_u32)
                .prop_map(|(name, number)| Attribute::Version(name, Version::new(number).unwrap())),
            ".{0,4}".prop_map(Attribute::Definition),
            ".{0,4}".prop_map(Attribute::Key),
            ".{0,4}".prop_map(Attribute::User),
            ".{0,4}".prop_map(Attribute::Fault),
            ".{0,4}".prop_map(Attribute::Participant),
            ".{0,4}".prop_map(Attribute::Event),
        ]
    }

    proptest! {
        #[test]
        fn keys_read_back_and_those_of_one_attribute_are_together(
            attribute in attributes(),
            wanted in attributes(),
            at in any::<u64>(),
            id in any::<[u8; 16]>(),
        ) {
            let process = ProcessId::from_bytes(id);
            let place = Place { launched_at: Timestamp(at), process };
            let key = searched(&attribute, place);
            prop_assert_eq!(searched_of(&key), Ok((attribute.clone(), place)));
            let (from, to) = searched_in(&wanted);
            prop_assert_eq!(key >= from && key < to, attribute == wanted);
            let (from, to) = searched_by(&wanted.kind());
            prop_assert_eq!(key >= from && key < to, attribute.kind() == wanted.kind());
        }
    }

    #[test]
    fn what_is_cut_or_unknown_is_refused() {
        let place = Place {
            launched_at: Timestamp(1),
            process: ProcessId::from_bytes([7; 16]),
        };
        let term = Term::Text("Ada".into());
        let key = searched(&Attribute::Field("customer".into(), term), place);
        for length in 0..key.len() {
            assert_eq!(searched_of(&key[..length]), Err(KeyError));
        }
        for at in [0, 11] {
            let mut unknown = key.clone();
            unknown[at] = 9;
            assert_eq!(searched_of(&unknown), Err(KeyError));
        }
    }
}
