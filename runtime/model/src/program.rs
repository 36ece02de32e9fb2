//! Programs: a definition compiled to activity bytecode and conditions.
//!
//! A program is immutable and named by the hash of its stored bytes. The numbers beside the
//! instructions are those in `docs/formats.md`; a number never changes its meaning.

use crate::{
    fault::FaultCode,
    field_path::FieldPath,
    fields::Fields,
    ids::{ModuleHash, ProgramHash},
    recovery::{Handler, Retry},
    site::Site,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The index of an instruction in its program.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct OpIndex(pub u32);

impl OpIndex {
    /// The instruction after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The index of a condition in its program.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ConditionIndex(pub u32);

/// Consecutive conditions. One that holds is enough; an empty range never holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ConditionRange {
    pub first: ConditionIndex,
    pub count: u32,
}

impl ConditionRange {
    /// The first condition, if any.
    pub fn start(self) -> Option<ConditionIndex> {
        (self.count > 0).then_some(self.first)
    }

    /// The condition after `current`, if any.
    pub fn after(self, current: ConditionIndex) -> Option<ConditionIndex> {
        let next = current.0.checked_add(1)?;
        (next < self.first.0.checked_add(self.count)?).then_some(ConditionIndex(next))
    }
}

/// One instruction. Reserved numbers for the language: 34 reset scope, 37 next item of a foreach.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Op {
    /// Sends a task to a participant and waits for its answer.
    #[serde(rename = "1")]
    Action {
        /// The name of the participant; for Celery the full name of a task. At most 255 bytes with its queue's prefix.
        participant: String,
        retry: Option<Retry>,
    },
    /// Waits for some time.
    #[serde(rename = "2")]
    Delay { duration: Millis },
    /// Waits for an event for which a condition holds; without conditions, for any event with this
    /// name.
    #[serde(rename = "3")]
    Await {
        event: String,
        conditions: ConditionRange,
    },
    /// Starts the process whose definition a field holds as text, and waits for its end.
    #[serde(rename = "4")]
    Call { field: String },
    /// Throws a fault.
    #[serde(rename = "5")]
    Fault {
        /// None for the fault that is being handled.
        code: Option<FaultCode>,
        message: String,
    },
    /// Puts a value into a field.
    #[serde(rename = "6")]
    Assign {
        target: FieldPath,
        /// The function whose value it is.
        value: ConditionIndex,
    },
    /// Continues at another instruction.
    #[serde(rename = "16")]
    Jump { target: OpIndex },
    /// Continues with the next instruction if a condition holds, otherwise at another one.
    #[serde(rename = "17")]
    Test {
        /// Evaluated in order, until one holds.
        conditions: ConditionRange,
        /// Where to continue if none holds.
        otherwise: OpIndex,
    },
    /// Starts a fiber for each branch, waits until all have ended, then continues at `next`.
    #[serde(rename = "18")]
    Fork {
        branches: Vec<OpIndex>,
        /// Where the forking fiber continues.
        next: OpIndex,
    },
    /// Ends a branch of a fork.
    #[serde(rename = "19")]
    EndBranch,
    #[serde(rename = "20")]
    Complete,
    /// Enters a scope: until the fiber leaves it, its handlers catch what goes wrong.
    #[serde(rename = "32")]
    EnterScope {
        /// Tried in order; the first that catches a fault handles it.
        handlers: Vec<Handler>,
        /// Where the fiber continues when the scope or a handler of it has ended.
        next: OpIndex,
    },
    /// Leaves the innermost scope.
    #[serde(rename = "33")]
    LeaveScope,
}

impl Op {
    /// The conditions that it evaluates; may be empty.
    pub fn conditions(&self) -> ConditionRange {
        match self {
            Self::Await { conditions, .. } | Self::Test { conditions, .. } => *conditions,
            Self::Assign { value, .. } => ConditionRange {
                first: *value,
                count: 1,
            },
            Self::Action { .. }
            | Self::Delay { .. }
            | Self::Call { .. }
            | Self::Jump { .. }
            | Self::Fork { .. }
            | Self::EndBranch
            | Self::Complete
            | Self::Fault { .. }
            | Self::EnterScope { .. }
            | Self::LeaveScope => ConditionRange::default(),
        }
    }

    /// Where the branches that it starts begin, or the handlers of its scope.
    pub fn entries(&self) -> impl Iterator<Item = OpIndex> {
        let (mut branches, mut handlers): (&[OpIndex], &[Handler]) = (&[], &[]);
        if let Self::Fork {
            branches: those, ..
        } = self
        {
            branches = those;
        }
        if let Self::EnterScope {
            handlers: those, ..
        } = self
        {
            handlers = those;
        }
        let handlers = handlers.iter().map(|handler| handler.at);
        branches.iter().copied().chain(handlers)
    }

    /// Where it may continue, other than at the next instruction.
    pub fn target(&self) -> Option<OpIndex> {
        match self {
            Self::Jump { target: at }
            | Self::Test { otherwise: at, .. }
            | Self::Fork { next: at, .. }
            | Self::EnterScope { next: at, .. } => Some(*at),
            Self::Action { .. }
            | Self::Delay { .. }
            | Self::Await { .. }
            | Self::Call { .. }
            | Self::EndBranch
            | Self::Complete
            | Self::Fault { .. }
            | Self::Assign { .. }
            | Self::LeaveScope => None,
        }
    }

    /// Sets [`Self::target`], if it has one.
    pub fn set_target(&mut self, at: OpIndex) {
        if let Self::Jump { target: place }
        | Self::Test {
            otherwise: place, ..
        }
        | Self::Fork { next: place, .. }
        | Self::EnterScope { next: place, .. } = self
        {
            *place = at;
        }
    }
}

/// Where an instruction came from in the definition.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Span {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

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
}

/// Stored bytes that are not a valid program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// The first byte names a format that this engine does not know.
    #[error("program format {found} is not known here; this engine reads format {known}")]
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
            if !covers(op.conditions()) {
                return inconsistent("a condition is missing");
            }
            if !op.target().into_iter().chain(op.entries()).all(within) {
                return inconsistent("an instruction leads outside");
            }
        }
        match self.ops.last() {
            Some(Op::Complete | Op::EndBranch | Op::Jump { .. } | Op::LeaveScope) => Ok(()),
            _ => inconsistent("the last instruction runs off the end"),
        }
    }

    /// The instruction at `index`, with its site.
    pub fn op(&self, index: OpIndex) -> Option<(&Op, &Site)> {
        let index = index.0 as usize;
        Some((self.ops.get(index)?, self.sites.get(index)?))
    }

    /// Those conditions whose functions return values, not verdicts.
    pub fn values(&self) -> BTreeSet<ConditionIndex> {
        let values = self.ops.iter().filter_map(|op| match op {
            Op::Assign { value, .. } => Some(*value),
            Op::Action { .. }
            | Op::Delay { .. }
            | Op::Await { .. }
            | Op::Call { .. }
            | Op::Fault { .. }
            | Op::Jump { .. }
            | Op::Test { .. }
            | Op::Fork { .. }
            | Op::EndBranch
            | Op::Complete
            | Op::EnterScope { .. }
            | Op::LeaveScope => None,
        });
        values.collect()
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
}

/// A `<module>` of a definition; the program refers to it by hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceModule {
    pub name: String,
    pub hash: ModuleHash,
    pub source: ModuleSource,
    pub span: Span,
}
