//! What is stored about a module, and about the name of one.

use super::class::module_class;
use crate::catalog::Deployer;
use bureaucrat_model::{Alias, ModuleHash, Timestamp, Version};
use bureaucrat_policy::{ModuleClass, Signature};
use bureaucrat_sandbox::{ExportKind, Guest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a function of a module returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Returns {
    #[serde(rename = "1")]
    Verdict,
    #[serde(rename = "2")]
    Value,
}

/// What is known of a stored module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleRecord {
    /// Bytes of the component.
    pub bytes: u64,
    /// Who stored it first.
    pub by: Deployer,
    pub at: Timestamp,
    pub class: ModuleClass,
    /// Its functions by their WIT names, in the component's order.
    pub exports: Vec<(String, Returns)>,
    /// How many milliseconds it took to compile; `None` if its machine code was there before.
    pub compile_millis: Option<u32>,
    /// Of its hash, one for each key, each verified.
    pub signatures: Vec<Signature>,
}

impl ModuleRecord {
    /// Signatures of one module; further ones are refused.
    pub const SIGNATURES_MAX: usize = 16;

    /// The record of a module that is stored now.
    pub fn new(guest: &Guest, by: Deployer, at: Timestamp) -> Self {
        let exports = guest.exports().iter().map(|export| {
            let returns = match export.kind {
                ExportKind::Verdict => Returns::Verdict,
                ExportKind::Value => Returns::Value,
            };
            (export.name.clone(), returns)
        });
        let millis = guest.compile_time().map(|time| time.as_millis());
        Self {
            bytes: guest.size() as u64,
            by,
            at,
            class: module_class(guest),
            exports: exports.collect(),
            compile_millis: millis.map(|millis| u32::try_from(millis).unwrap_or(u32::MAX)),
            signatures: Vec::new(),
        }
    }
}

/// A version of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecord {
    pub module: ModuleHash,
    pub by: Deployer,
    pub at: Timestamp,
}

/// Where an alias of a name points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasRecord {
    pub version: Version,
    /// Who moved it there.
    pub by: Deployer,
    pub at: Timestamp,
}

/// The name of deployed modules. A version that is removed leaves it; no number is given twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRecord {
    /// Who deployed the first version.
    pub owner: Deployer,
    pub next: Version,
    pub versions: BTreeMap<Version, VersionRecord>,
    pub aliases: BTreeMap<Alias, AliasRecord>,
}

impl NameRecord {
    /// Versions of one name; the record is read and written as a whole.
    pub const VERSIONS_MAX: usize = 1_000;
    /// Aliases of one name.
    pub const ALIASES_MAX: usize = 50;

    /// A name that somebody begins to use.
    pub const fn new(owner: Deployer) -> Self {
        Self {
            owner,
            next: Version::FIRST,
            versions: BTreeMap::new(),
            aliases: BTreeMap::new(),
        }
    }

    /// The version that has this module; the newest, if several have.
    pub fn version_with(&self, module: ModuleHash) -> Option<Version> {
        let mut versions = self.versions.iter().rev();
        let found = versions.find(|(_, record)| record.module == module);
        found.map(|(version, _)| *version)
    }
}
