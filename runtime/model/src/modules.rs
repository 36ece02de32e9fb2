//! Deployed modules: how a definition or an operator refers to one by its name.

use crate::{
    deployed::Version,
    name::{ModuleName, NameError},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

/// A word that stands for a version of a module until someone moves it: `[A-Za-z][A-Za-z0-9_-]{0,63}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias(Arc<str>);

/// The text is not usable as an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an alias begins with an ASCII letter and has at most {} letters, digits, `_` and `-`",
    Alias::BYTES_MAX
)]
pub struct AliasError;

impl Alias {
    /// The longest alias, in bytes.
    pub const BYTES_MAX: usize = 64;
}

impl FromStr for Alias {
    type Err = AliasError;

    fn from_str(text: &str) -> Result<Self, AliasError> {
        let is_usable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let first = text.bytes().next().ok_or(AliasError)?;
        let is_right = text.len() <= Self::BYTES_MAX
            && first.is_ascii_alphabetic()
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
    #[error("`{0}`: after `@` stands a version, as in `risk@4`, or an alias, as in `risk@live`")]
    Wanted(String),
}

impl FromStr for ModuleRef {
    type Err = ModuleRefError;

    fn from_str(text: &str) -> Result<Self, ModuleRefError> {
        let shown = || text.chars().take(80).collect::<String>();
        let (name, wanted) = match text.split_once('@') {
            None => (text, Wanted::Newest),
            Some((name, wanted)) => {
                let version = Version::written(wanted).map(Wanted::Version);
                let alias = || wanted.parse().ok().map(Wanted::Alias);
                let wanted = version.or_else(alias);
                (name, wanted.ok_or_else(|| ModuleRefError::Wanted(shown()))?)
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
        for wrong in ["risk@", "risk@0", "risk@4a", "risk@a.b", "risk@live@2"] {
            assert!(refused(wrong).contains("after `@` stands"), "{wrong}");
        }
        let long = format!("risk@{}", "a".repeat(Alias::BYTES_MAX + 1));
        assert!(refused(&long).contains("after `@` stands"));
    }
}
