//! The names of what is deployed: definitions and modules.
//!
//! A text that is not usable as a name is refused here, with what is wrong about it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt, marker::PhantomData, str::FromStr, sync::Arc};

/// The name of something deployed: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`. Names of definitions and of
/// modules are different types, so that neither stands for the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<K> {
    text: Arc<str>,
    of: PhantomData<K>,
}

/// Says that a name is a definition's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfDefinition {}

/// Says that a name is a module's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfModule {}

/// The name of a deployed definition.
pub type DefinitionName = Name<OfDefinition>;

/// The name of a deployed module.
pub type ModuleName = Name<OfModule>;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("it is empty")]
    Empty,
    #[error(
        "it has {bytes} bytes, at most {} are allowed",
        DefinitionName::BYTES_MAX
    )]
    TooLong { bytes: usize },
    #[error("it begins with {0:?}; the first character must be an ASCII letter or digit")]
    First(char),
    #[error("it contains {0:?}; only ASCII letters, digits, `.`, `_` and `-` are allowed")]
    Character(char),
}

impl<K> Name<K> {
    /// The longest name, in bytes.
    pub const BYTES_MAX: usize = 128;

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<K> FromStr for Name<K> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() > Self::BYTES_MAX {
            return Err(NameError::TooLong { bytes: text.len() });
        }
        let mut characters = text.chars();
        match characters.next() {
            None => return Err(NameError::Empty),
            Some(first) if !first.is_ascii_alphanumeric() => {
                return Err(NameError::First(first));
            }
            Some(_) => {}
        }
        let is_usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match characters.find(|c| !is_usable(*c)) {
            Some(wrong) => Err(NameError::Character(wrong)),
            None => Ok(Self {
                text: Arc::from(text),
                of: PhantomData,
            }),
        }
    }
}

impl<K> fmt::Display for Name<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<K> Serialize for Name<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, K> Deserialize<'de> for Name<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
