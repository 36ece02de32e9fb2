//! What is stored about a version of a deployed definition, and who deployed it.

use bureaucrat_model::{ProgramHash, SourceHash, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// Who deployed a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Deployer {
    /// Someone who may open the control socket.
    #[serde(rename = "1")]
    Operator,
    /// A publisher without `user_id`.
    #[serde(rename = "2")]
    Anonymous,
    /// RabbitMQ's validated `user_id`.
    #[serde(rename = "3")]
    User(String),
}

impl Deployer {
    /// The publisher of a message.
    pub fn of(user: Option<&String>) -> Self {
        user.map_or(Self::Anonymous, |user| Self::User(user.clone()))
    }

    /// The user under whose rules a definition of theirs is checked and launched.
    pub const fn user(&self) -> Option<&String> {
        match self {
            Self::Operator | Self::Anonymous => None,
            Self::User(user) => Some(user),
        }
    }
}

impl fmt::Display for Deployer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("an operator"),
            Self::Anonymous => f.write_str("a publisher without a user"),
            Self::User(user) => write!(f, "user `{user}`"),
        }
    }
}

/// A stored version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionRecord {
    pub program: ProgramHash,
    pub source: SourceHash,
    /// Bytes of its text.
    pub bytes: u64,
    pub by: Deployer,
    pub at: Timestamp,
    /// When it was retired, if it was.
    pub retired: Option<Timestamp>,
    /// The types that its properties declare, by name: a launch's fields must be of them.
    pub types: BTreeMap<String, String>,
}

/// What a user has deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deployed {
    /// Names that are theirs.
    pub names: u64,
    /// Versions, retired ones included.
    pub versions: u64,
    /// Bytes of their texts.
    pub bytes: u64,
}
