//! Operators' questions and orders about stored modules.
//!
//! A module is stored under the hash of its bytes, by which `<module hash="…">` refers to it, and may
//! be deployed under names (`<module use="risk@4">`). One that a stored program refers to, or that a
//! name stands for, cannot be removed. The answers to questions are read from the committed store.

mod looking;
mod ordering;

pub use crate::{
    intake::modules::{Deploy, ModuleCommand, ModuleOrder},
    plan::costs::{Payer, Spent},
};
pub(crate) use ordering::Ordering;

use crate::operate::definitions::ByView;
use bureaucrat_model::{
    Alias, DefinitionName, ModuleHash, ModuleName, ModuleRef, ProgramHash, Timestamp, Version,
};
use bureaucrat_policy::PublicKey;
use bureaucrat_sandbox::{Class, ExportKind, Guest};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Programs listed in an answer, at most.
pub const NAMED_MAX: usize = 100;

/// A module as an operator points at it: by its hash, or by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pointed {
    Hash(ModuleHash),
    Name(ModuleRef),
}

impl FromStr for Pointed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // No name has a colon.
        match text.contains(':') {
            true => text
                .parse()
                .map(Self::Hash)
                .map_err(|_| format!("`{text}` is no hash: `sha256:` and 64 hexadecimal digits")),
            false => text
                .parse()
                .map(Self::Name)
                .map_err(|error: bureaucrat_model::ModuleRefError| error.to_string()),
        }
    }
}

impl fmt::Display for Pointed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(hash) => hash.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl Serialize for Pointed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pointed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An operator's request about stored modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum ModuleQuery {
    Deploy {
        /// In base64.
        component: String,
        name: Option<ModuleName>,
        signature: Option<String>,
    },
    List,
    Show {
        module: Pointed,
    },
    /// Let an alias stand for what the reference stands for now.
    Alias {
        alias: Alias,
        to: ModuleRef,
    },
    /// Remove an alias, a version of a name, or a component.
    Remove {
        module: Pointed,
    },
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum ModuleAnswer {
    /// It is stored, and durable.
    Deployed(DeployedModule),
    /// It is refused: it will never be accepted under these limits.
    Refused {
        reason: String,
    },
    Stored {
        modules: Vec<StoredModule>,
    },
    Shown(Box<ShownModule>),
    /// The alias stands for this from now on.
    Moved {
        name: ModuleName,
        alias: Alias,
        version: Version,
        module: ModuleHash,
        before: Option<Version>,
    },
    Removed,
    /// There is no such thing.
    Unknown {
        reason: String,
    },
    /// Programs refer to it, so it stays.
    InUse {
        /// At most [`NAMED_MAX`] of them.
        programs: Vec<NamingProgram>,
    },
    /// Names stand for it, so it stays.
    Named {
        names: Vec<ModuleName>,
    },
    /// An alias stands for the version, so it stays.
    Aliased {
        name: ModuleName,
        alias: Alias,
        version: Version,
    },
}

/// A stored program that refers to a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamingProgram {
    pub hash: ProgramHash,
    /// The `name` of its definition; may be empty.
    pub name: String,
}

/// A module that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedModule {
    pub hash: ModuleHash,
    pub bytes: usize,
    /// Whether it has a language runtime.
    pub runtime: bool,
    /// Its functions, by their WIT names, and whether each returns a verdict (or else a value).
    pub exports: Vec<(String, bool)>,
    /// If it was deployed under a name.
    pub named: Option<(ModuleName, Version)>,
    /// The newest version of that name; another one if the name had these bytes before.
    pub newest: Option<Version>,
}

impl DeployedModule {
    pub(crate) fn of(
        guest: &Guest,
        named: Option<(ModuleName, Version)>,
        newest: Option<Version>,
    ) -> Self {
        Self {
            hash: guest.hash(),
            bytes: guest.size(),
            runtime: guest.class() == Class::Runtime,
            exports: guest
                .exports()
                .iter()
                .map(|export| (export.name.clone(), export.kind == ExportKind::Verdict))
                .collect(),
            named,
            newest,
        }
    }
}

/// A name of a module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedVersion {
    pub name: ModuleName,
    pub version: Version,
    /// The aliases that stand for this version.
    pub aliases: Vec<Alias>,
}

/// A module in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredModule {
    pub hash: ModuleHash,
    pub bytes: u64,
    /// How many stored programs refer to it.
    pub programs: u64,
    pub names: Vec<NamedVersion>,
    /// `None` if its record cannot be read.
    pub facts: Option<Facts>,
}

/// What is known of a stored module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Who stored it first.
    #[serde(flatten)]
    pub by: ByView,
    /// Milliseconds since the Unix epoch.
    pub stored_at: Timestamp,
    /// Whether it has a language runtime.
    pub runtime: bool,
}

/// A version of a name, with its deployer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionView {
    #[serde(flatten)]
    pub named: NamedVersion,
    pub deployed_at: Timestamp,
    #[serde(flatten)]
    pub by: ByView,
}

/// A version of a deployed definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionView {
    pub name: DefinitionName,
    pub version: Version,
}

/// A function of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportView {
    /// Its WIT name.
    pub name: String,
    pub gives: Gives,
}

/// What a function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gives {
    Verdict,
    Value,
}

/// Everything about a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownModule {
    pub hash: ModuleHash,
    pub bytes: u64,
    /// `None` if its record cannot be read.
    pub facts: Option<Facts>,
    pub versions: Vec<VersionView>,
    pub exports: Vec<ExportView>,
    pub compile_ms: Option<u32>,
    pub signers: Vec<PublicKey>,
    /// The deployed definitions that use it, at most [`NAMED_MAX`].
    pub definitions: Vec<DefinitionView>,
    /// How many stored programs refer to it.
    pub programs: u64,
    /// How many processes that have not ended use it.
    pub running: u64,
    /// What its evaluations have cost since the engine started.
    pub costs: Vec<Spent>,
}
