//! The keys of the index of attributes: one for each attribute of a process, those that were launched last first.

use super::{KeyError, Place, prefix_end};
use crate::attributes::{Attribute, AttributeKind};
use bureaucrat_model::{Term, Version};

/// The kinds of attributes.
const FIELD: u8 = 1;
const DEFINITION: u8 = 2;
const VERSION: u8 = 3;
const KEY: u8 = 4;
const USER: u8 = 5;
const FAULT: u8 = 6;
const PARTICIPANT: u8 = 7;
const EVENT: u8 = 8;

/// The kinds of values of fields.
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
        AttributeKind::Field(_) => FIELD,
        AttributeKind::Definition => DEFINITION,
        AttributeKind::Version => VERSION,
        AttributeKind::Key => KEY,
        AttributeKind::User => USER,
        AttributeKind::Fault => FAULT,
        AttributeKind::Participant => PARTICIPANT,
        AttributeKind::Event => EVENT,
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
            key.push(FIELD);
            append(&mut key, name);
            key.push(kind);
            append(&mut key, value);
            return key;
        }
        Attribute::Version(name, version) => {
            key.push(VERSION);
            append(&mut key, name);
            key.extend_from_slice(&version.number().to_be_bytes());
            return key;
        }
        Attribute::Definition(name) => (DEFINITION, name),
        Attribute::Key(text) => (KEY, text),
        Attribute::User(name) => (USER, name),
        Attribute::Fault(code) => (FAULT, code),
        Attribute::Participant(name) => (PARTICIPANT, name),
        Attribute::Event(name) => (EVENT, name),
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
        FIELD => {
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
        DEFINITION => (Attribute::Definition(text), rest),
        VERSION => {
            let (number, rest) = rest.split_first_chunk::<4>().ok_or(KeyError)?;
            let version = Version::new(u32::from_be_bytes(*number)).ok_or(KeyError)?;
            (Attribute::Version(text, version), rest)
        }
        KEY => (Attribute::Key(text), rest),
        USER => (Attribute::User(text), rest),
        FAULT => (Attribute::Fault(text), rest),
        PARTICIPANT => (Attribute::Participant(text), rest),
        EVENT => (Attribute::Event(text), rest),
        _ => return Err(KeyError),
    };
    Ok((attribute, Place::of(rest)?))
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
    use bureaucrat_model::{ProcessId, Timestamp};
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
