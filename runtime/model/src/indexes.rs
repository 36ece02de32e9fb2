//! Places in a program: of instructions, of conditions, and in the text that they come from.

use serde::{Deserialize, Serialize};

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
