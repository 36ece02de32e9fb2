//! The beginning of a process's id, as people type it.

use crate::{hex, ids::ProcessId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{fmt, str::FromStr};

/// The first 4 to 32 hex digits of an id. Dashes and upper case make no difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdPrefix(String);

/// A text that is not the beginning of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdPrefixError {
    #[error("give at least the first {min} hex digits of the id", min = IdPrefix::DIGITS_MIN)]
    Short,
    #[error("an id has {max} hex digits, this is longer", max = IdPrefix::DIGITS)]
    Long,
    #[error("an id has only hex digits and dashes, and no `{0}`; `bureaucrat list` shows the ids")]
    Character(char),
}

impl IdPrefix {
    pub const DIGITS_MIN: usize = 4;
    pub const DIGITS: usize = 32;

    /// The process, when all digits are given.
    pub fn whole(&self) -> Option<ProcessId> {
        hex::read(&self.0).map(ProcessId::from_bytes)
    }

    /// The first and the last id that begin so.
    pub fn range(&self) -> (ProcessId, ProcessId) {
        let filled = |digit: &str| {
            let digits = format!("{}{}", self.0, digit.repeat(Self::DIGITS - self.0.len()));
            ProcessId::from_bytes(hex::read(&digits).unwrap_or_default())
        };
        (filled("0"), filled("f"))
    }
}

impl From<ProcessId> for IdPrefix {
    fn from(process: ProcessId) -> Self {
        Self(hex::Hex(process.as_bytes()).to_string())
    }
}

impl FromStr for IdPrefix {
    type Err = IdPrefixError;

    fn from_str(text: &str) -> Result<Self, IdPrefixError> {
        let mut digits = String::new();
        for character in text.chars().filter(|character| *character != '-') {
            if !character.is_ascii_hexdigit() {
                return Err(IdPrefixError::Character(character));
            }
            if digits.len() == Self::DIGITS {
                return Err(IdPrefixError::Long);
            }
            digits.push(character.to_ascii_lowercase());
        }
        if digits.len() < Self::DIGITS_MIN {
            return Err(IdPrefixError::Short);
        }
        Ok(Self(digits))
    }
}

impl fmt::Display for IdPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whole() {
            Some(process) => process.fmt(f),
            None => f.write_str(&self.0),
        }
    }
}

impl Serialize for IdPrefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for IdPrefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_prefix_covers_exactly_the_ids_that_begin_so() {
        let id: ProcessId = "0c4b8a0e-1111-8222-9333-444455556666".parse().unwrap();
        for (text, covers) in [
            ("0c4b", true),
            ("0C4B-8", true),
            ("0c4b9", false),
            ("0c4a", false),
        ] {
            let (first, last) = text.parse::<IdPrefix>().unwrap().range();
            assert_eq!(first <= id && id <= last, covers, "{text}");
        }
        let whole: IdPrefix = id.to_string().parse().unwrap();
        assert_eq!((whole.whole(), whole.range()), (Some(id), (id, id)));
        assert_eq!(whole, IdPrefix::from(id));
        assert_eq!("0c4b".parse::<IdPrefix>().unwrap().whole(), None);
    }

    #[test]
    fn what_is_not_the_beginning_of_an_id_is_refused() {
        let refused = |text: &str| text.parse::<IdPrefix>().unwrap_err();
        assert_eq!(refused("0c4"), IdPrefixError::Short);
        assert_eq!(refused(""), IdPrefixError::Short);
        assert_eq!(refused("order.xml"), IdPrefixError::Character('o'));
        assert_eq!(refused(&"a".repeat(33)), IdPrefixError::Long);
    }
}
