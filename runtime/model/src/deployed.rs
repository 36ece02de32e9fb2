//! Deployed definitions: their versions, and how a launch refers to one.
//!
//! Which names and versions exist, and who may use them, is for the host to say.

use crate::{
    hex::Hex,
    id_bytes,
    ids::{IdError, ModuleHash},
    name::{DefinitionName, NameError},
    version::Version,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt, str::FromStr};

/// What a launch names: `order` for its newest version, or `order@3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionRef {
    pub name: DefinitionName,
    /// `None`: the newest that is not retired.
    pub version: Option<Version>,
}

/// Why a text names no definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionRefError {
    #[error("`{text}` is not the name of a definition: {error}")]
    Name { text: String, error: NameError },
    #[error("`{0}`: a version is a whole number from 1, as in `order@3`")]
    Version(String),
}

impl FromStr for DefinitionRef {
    type Err = DefinitionRefError;

    fn from_str(text: &str) -> Result<Self, DefinitionRefError> {
        let shown = || text.chars().take(80).collect::<String>();
        let (name, version) = match text.split_once('@') {
            None => (text, None),
            Some((name, version)) => {
                let version = Version::written(version);
                let version = version.ok_or_else(|| DefinitionRefError::Version(shown()))?;
                (name, Some(version))
            }
        };
        let name = name.parse().map_err(|error| DefinitionRefError::Name {
            text: shown(),
            error,
        })?;
        Ok(Self { name, version })
    }
}

impl Serialize for DefinitionRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DefinitionRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for DefinitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => self.name.fmt(f),
        }
    }
}

/// The hash of a definition's text as it was deployed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceHash(pub [u8; 32]);

impl SourceHash {
    pub fn of(source: &[u8]) -> Self {
        Self(ModuleHash::of(source).0)
    }
}

impl fmt::Display for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", Hex(&self.0))
    }
}

impl fmt::Debug for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SourceHash {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(|ModuleHash(bytes)| Self(bytes))
    }
}

impl Serialize for SourceHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        id_bytes::serialize(serializer, &self.0, self)
    }
}

impl<'de> Deserialize<'de> for SourceHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        id_bytes::deserialize(deserializer, Self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<DefinitionRef>().unwrap_err().to_string()
    }

    #[test]
    fn what_a_launch_names_is_read_and_printed() {
        for text in ["order", "order@3", "0.a_B-9", "a@4294967295"] {
            let read: DefinitionRef = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
        }
        let longest = "a".repeat(DefinitionName::BYTES_MAX);
        assert!(longest.parse::<DefinitionName>().is_ok());
        let newest: DefinitionRef = "order".parse().unwrap();
        assert_eq!(newest.version, None);
    }

    #[test]
    fn what_names_nothing_is_refused_with_why() {
        for (text, why) in [
            ("", "it is empty"),
            ("@1", "it is empty"),
            (".hidden", "it begins with '.'"),
            ("or der", "it contains ' '"),
            ("Bestellung-ä", "it contains 'ä'"),
            ("../x", "it begins with '.'"),
            ("order@", "a version is a whole number from 1"),
            ("order@0", "a version is a whole number from 1"),
            ("order@+1", "a version is a whole number from 1"),
            ("order@1@2", "a version is a whole number from 1"),
            ("order@4294967296", "a version is a whole number from 1"),
        ] {
            assert!(refused(text).contains(why), "{text}: {}", refused(text));
        }
        let long = "a".repeat(DefinitionName::BYTES_MAX + 1);
        assert!(refused(&long).contains("it has 129 bytes"));
    }

    #[test]
    fn versions_count_from_one() {
        assert_eq!(Version::new(0), None);
        assert_eq!(Version::FIRST.next(), Version::new(2));
        assert_eq!(Version::new(u32::MAX).and_then(Version::next), None);
    }
}
