//! Called definitions: how a call names one, which version a call runs, and how long the caller is bound to it.

use crate::{
    deployed::DefinitionRef, ids::ProgramHash, name::DefinitionName, operand::Operand,
    version::Version,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a call names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallTarget {
    /// The field that holds the text of a definition.
    #[serde(rename = "1")]
    Field(String),
    /// A deployed definition, as a launch names it.
    #[serde(rename = "2")]
    Named(Operand<String>),
}

/// What holds a caller and what it calls together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Bond {
    /// The caller waits for its end, and cancels it when it stops waiting.
    #[default]
    #[serde(rename = "1")]
    Awaited,
    /// It is a process of its own: the caller waits until it is certain to start.
    #[serde(rename = "2")]
    Detached,
}

/// A version of a deployed definition, with its program: it stays the same whatever is deployed later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedProgram {
    pub name: DefinitionName,
    pub version: Version,
    pub program: ProgramHash,
}

impl fmt::Display for DeployedProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// What the wait of a call knows of the called definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Called {
    /// Its text is in a field of the caller.
    #[serde(rename = "1")]
    Text,
    /// Its name; the version is not chosen yet.
    #[serde(rename = "2")]
    Sought(DefinitionRef),
    #[serde(rename = "3")]
    Found(DeployedProgram),
}

/// The definition of a process to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChildDefinition {
    /// The XML text.
    #[serde(rename = "1")]
    Text(String),
    #[serde(rename = "2")]
    Deployed(DeployedProgram),
}
