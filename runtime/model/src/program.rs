//! Programs: a definition compiled to activity bytecode and conditions.
//!
//! A program is immutable and named by the hash of its stored bytes. The numbers beside the
//! instructions are those in `docs/formats.md`; a number never changes its meaning.

use crate::{
    conduct::{Conduct, KeyText},
    fields::Fields,
    ids::{ModuleHash, ProgramHash},
    indexes::{ConditionIndex, ConditionRange, OpIndex, Span},
    modules::ModuleRef,
    op::Op,
    selecting::SelectStep,
    site::Site,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which guest contains a condition's function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Guest {
    /// The program's own guest, compiled from its inline expressions.
    #[serde(rename = "1")]
    Inline,
    /// A module, by the hash of its bytes.
    #[serde(rename = "2")]
    Module(ModuleHash),
}

impl Guest {
    /// None if it is the program's own.
    pub const fn module(&self) -> Option<ModuleHash> {
        match self {
            Self::Inline => None,
            Self::Module(module) => Some(*module),
        }
    }
}

/// A condition: a function of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Condition {
    pub guest: Guest,
    /// The name of the export, as WIT writes it.
    pub function: String,
    /// For people: the text of an inline expression, or `module#function`.
    pub text: String,
    /// Its place in the definition.
    pub span: Span,
    pub reads: Reads,
    /// The way into the fields, if it does nothing but select: then its value is copied as it is.
    pub selects: Vec<SelectStep>,
}

/// What a function may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Reads {
    /// The fields alone.
    #[default]
    #[serde(rename = "1")]
    Fields,
    /// Also the names that begin with `inst:`.
    #[serde(rename = "2")]
    Reserved,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The `name` of the process; may be empty.
    pub name: String,
    /// The initial fields, from the definition's `<context>`.
    pub context: Fields,
    /// The process begins at the first one.
    pub ops: Vec<Op>,
    /// One for each instruction.
    pub sites: Vec<Site>,
    pub conditions: Vec<Condition>,
    /// The component with the inline expressions; empty if there are none.
    #[serde(with = "serde_bytes")]
    pub inline_guest: Vec<u8>,
    pub conduct: Conduct,
}

/// Stored bytes that are not a valid program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// The first byte names a format that this engine does not know.
    #[error("unknown program format {found}; this engine reads format {known}")]
    Format {
        /// The first byte.
        found: u8,
        known: u8,
    },
    /// The bytes are incomplete or do not decode.
    #[error("the stored program is damaged: {0}")]
    Damaged(String),
    /// It decodes, but an index is invalid.
    #[error("the stored program is inconsistent: {0}")]
    Inconsistent(&'static str),
}

impl Program {
    /// The format byte that [`Program::encode`] writes before the MessagePack.
    pub const FORMAT: u8 = 1;

    /// The stored form: a format byte, then MessagePack (rmp-serde, structs as arrays).
    ///
    /// # Errors
    /// If MessagePack cannot hold it, which takes a text of more than 4 GiB.
    pub fn encode(&self) -> Result<Vec<u8>, ProgramError> {
        let mut bytes = vec![Self::FORMAT];
        rmp_serde::encode::write(&mut bytes, self)
            .map_err(|error| ProgramError::Damaged(error.to_string()))?;
        Ok(bytes)
    }

    /// The hash that names these stored bytes.
    pub fn hash(stored: &[u8]) -> ProgramHash {
        ProgramHash::of(stored)
    }

    /// Reads a stored program and checks that every index is valid.
    ///
    /// # Errors
    /// For an unknown format, damaged bytes, and indexes out of range.
    pub fn decode(stored: &[u8]) -> Result<Self, ProgramError> {
        let Some((&format, bytes)) = stored.split_first() else {
            return Err(ProgramError::Damaged("it is empty".into()));
        };
        if format != Self::FORMAT {
            return Err(ProgramError::Format {
                found: format,
                known: Self::FORMAT,
            });
        }
        let program: Self = rmp_serde::from_slice(bytes)
            .map_err(|error| ProgramError::Damaged(error.to_string()))?;
        program.check()?;
        Ok(program)
    }

    /// Checks that every index is valid.
    ///
    /// # Errors
    /// Names the first kind of index that is not.
    pub fn check(&self) -> Result<(), ProgramError> {
        let inconsistent = |what| Err(ProgramError::Inconsistent(what));
        if self.ops.is_empty() || self.ops.len() != self.sites.len() {
            return inconsistent("instructions and sites differ in number, or there are none");
        }
        let within = |target: OpIndex| (target.0 as usize) < self.ops.len();
        let covers = |range: ConditionRange| {
            range
                .first
                .0
                .checked_add(range.count)
                .is_some_and(|end| end as usize <= self.conditions.len())
        };
        for op in &self.ops {
            let value = op.value().map(|first| ConditionRange { first, count: 1 });
            if !op.conditions().into_iter().chain(value).all(covers) {
                return inconsistent("a condition is missing");
            }
            if !op.places().into_iter().all(within) {
                return inconsistent("an instruction leads outside");
            }
        }
        let key = self.key_function();
        if !key
            .into_iter()
            .all(|first| covers(ConditionRange { first, count: 1 }))
        {
            return inconsistent("the function of the key is missing");
        }
        if !self.ops.last().is_some_and(Op::ends) {
            return inconsistent("the last instruction runs off the end");
        }
        Ok(())
    }

    /// The instruction at `index`, with its site.
    pub fn op(&self, index: OpIndex) -> Option<(&Op, &Site)> {
        let index = index.0 as usize;
        Some((self.ops.get(index)?, self.sites.get(index)?))
    }

    /// Those conditions whose functions return values, not verdicts.
    pub fn values(&self) -> BTreeSet<ConditionIndex> {
        let ops = self.ops.iter().filter_map(Op::value);
        ops.chain(self.key_function()).collect()
    }

    /// The function that computes the business key.
    pub fn key_function(&self) -> Option<ConditionIndex> {
        match self.conduct.key.as_ref()?.text {
            KeyText::Computed(function) => Some(function),
            KeyText::Fixed(_) => None,
        }
    }

    pub fn condition(&self, index: ConditionIndex) -> Option<&Condition> {
        self.conditions.get(index.0 as usize)
    }
}

/// Where a module's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModuleSource {
    Bytes(Vec<u8>),
    /// Already stored by the engine.
    Stored,
    /// Deployed under a name.
    Deployed(ModuleRef),
}

/// A `<module>` of a definition; the program refers to it by hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceModule {
    pub name: String,
    pub hash: ModuleHash,
    pub source: ModuleSource,
    pub span: Span,
}
