//! Faults: how a process fails.

use crate::ids::ActivityPath;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of fault it is: Python's name of an exception (`KeyError`), one of the engine's (`ActionError`,
/// `BadAnswer`, `CallError`, `OpBudgetExceeded`, …) or the sandbox's, which begin with `sandbox.`.
/// At most [`FaultCode::LENGTH_MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultCode(String);

impl FaultCode {
    /// The longest code, in bytes.
    pub const LENGTH_MAX: usize = 64;

    /// A participant answered with status `critical`.
    pub const ACTION_ERROR: &'static str = "ActionError";
    /// An answer that can't be read came for a waiting activity.
    pub const BAD_ANSWER: &'static str = "BadAnswer";
    /// The broker never takes the task of an activity, for what it is: too large, say.
    pub const TASK_REFUSED: &'static str = "TaskRefused";
    /// The definition of a call is missing, refused, or nested too deeply.
    pub const CALL_ERROR: &'static str = "CallError";
    /// A guest's error text had no code.
    pub const CONDITION_ERROR: &'static str = "ConditionError";
    /// The process ran more instructions without waiting than it may.
    pub const OP_BUDGET_EXCEEDED: &'static str = "OpBudgetExceeded";
    /// An operator cancelled the process.
    pub const CANCELLED: &'static str = "Cancelled";
    /// The process grew beyond a limit: its fields, or its fibers.
    pub const LIMIT_EXCEEDED: &'static str = "LimitExceeded";

    /// A code, cut to its longest length at a character's boundary.
    pub fn new(code: &str) -> Self {
        let end = (0..=code.len().min(Self::LENGTH_MAX))
            .rev()
            .find(|end| code.is_char_boundary(*end));
        Self(code[..end.unwrap_or(0)].to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fault: what went wrong, where in the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub code: FaultCode,
    /// What happened, for a person.
    pub message: String,
    /// The activity that it happened in, below the process that failed.
    pub activity: ActivityPath,
    /// The line of the definition that the activity stands on, from 1; 0 when unknown.
    pub line: u32,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} (activity {}, line {})",
            self.code, self.message, self.activity, self.line
        )
    }
}
