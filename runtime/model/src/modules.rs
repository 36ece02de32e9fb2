//! Deployed modules: how a definition or an operator refers to one by its name.

use crate::{
    ids::ModuleHash,
    name::{ModuleName, NameError},
    version::Version,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

/// A word that stands for a version of a module until someone moves it: `[A-Za-z][A-Za-z0-9_-]{0,63}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias(Arc<str>);

/// The text is not usable as an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an alias begins with an ASCII letter, has at most {} letters, digits, `_` and `-`, and is not `newest`",
    Alias::BYTES_MAX
)]
pub struct AliasError;

impl Alias {
    /// The longest alias, in bytes.
    pub const BYTES_MAX: usize = 64;
    /// Stands for the newest version where a version is asked for, so it cannot be an alias.
    pub const NEWEST: &str = "newest";
}

impl FromStr for Alias {
    type Err = AliasError;

    fn from_str(text: &str) -> Result<Self, AliasError> {
        let is_usable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let first = text.bytes().next().ok_or(AliasError)?;
        let is_right = text.len() <= Self::BYTES_MAX
            && first.is_ascii_alphabetic()
            && text != Self::NEWEST
            && text.bytes().all(is_usable);
        is_right.then(|| Self(Arc::from(text))).ok_or(AliasError)
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Alias {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Alias {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Which version of a name is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wanted {
    /// The newest that is not retired.
    Newest,
    Version(Version),
    Alias(Alias),
}

/// What `use` names: `risk` for the newest version, `risk@4`, or `risk@live` for an alias.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleRef {
    pub name: ModuleName,
    pub wanted: Wanted,
}

/// Why a text names no module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModuleRefError {
    #[error("`{text}` is not the name of a module: {error}")]
    Name { text: String, error: NameError },
    #[error(
        "`{0}`: a version is a whole number from 1 to {max}, as in `risk@4`",
        max = u32::MAX
    )]
    Version(String),
    #[error("`{0}`: {AliasError}, as in `risk@live`")]
    Alias(String),
    #[error("`{0}` is a hash; write `hash=\"{0}\"`")]
    Hash(String),
}

impl FromStr for ModuleRef {
    type Err = ModuleRefError;

    fn from_str(text: &str) -> Result<Self, ModuleRefError> {
        let shown = || text.chars().take(80).collect::<String>();
        if text.parse::<ModuleHash>().is_ok() {
            return Err(ModuleRefError::Hash(text.to_owned()));
        }
        let (name, wanted) = match text.split_once('@') {
            None => (text, Wanted::Newest),
            Some((name, wanted)) => {
                let is_number = wanted.starts_with(|first: char| first.is_ascii_digit());
                let wanted = match is_number {
                    true => Version::written(wanted)
                        .map(Wanted::Version)
                        .ok_or_else(|| ModuleRefError::Version(shown()))?,
                    false => {
                        Wanted::Alias(wanted.parse().map_err(|_| ModuleRefError::Alias(shown()))?)
                    }
                };
                (name, wanted)
            }
        };
        let name = name.parse().map_err(|error| ModuleRefError::Name {
            text: shown(),
            error,
        })?;
        Ok(Self { name, wanted })
    }
}

impl fmt::Display for ModuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wanted {
            Wanted::Newest => self.name.fmt(f),
            Wanted::Version(version) => write!(f, "{}@{version}", self.name),
            Wanted::Alias(alias) => write!(f, "{}@{alias}", self.name),
        }
    }
}

impl Serialize for ModuleRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ModuleRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_use_names_is_read_and_printed() {
        for text in ["risk", "risk@4", "risk@live", "a.b-c_D@L-1"] {
            let read: ModuleRef = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_with_the_reason() {
        let refused = |text: &str| text.parse::<ModuleRef>().unwrap_err().to_string();
        assert_eq!(
            refused("@1"),
            "`@1` is not the name of a module: it is empty"
        );
        for wrong in ["risk@0", "risk@4a", "risk@4294967296"] {
            assert!(
                refused(wrong).contains("a version is a whole number"),
                "{wrong}"
            );
        }
        let long = format!("risk@{}", "a".repeat(Alias::BYTES_MAX + 1));
        for wrong in [
            "risk@",
            "risk@a.b",
            "risk@live@2",
            "risk@newest",
            "risk@größe",
            &long,
        ] {
            assert!(refused(wrong).contains("an alias begins with"), "{wrong}");
        }
        let hash = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(
            refused(&hash),
            format!("`{hash}` is a hash; write `hash=\"{hash}\"`")
        );
    }
}
