//! Faults: how a process fails.

use crate::ids::ActivityPath;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of a fault: the name of a Python exception (`KeyError`), a code of the engine
/// (`ActionError`, `BadAnswer`, `CallError`, `OpBudgetExceeded`, …), or a code of the sandbox,
/// which begins with `sandbox.`. At most [`FaultCode::LENGTH_MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultCode(String);

impl FaultCode {
    pub const LENGTH_MAX: usize = 64;

    /// A participant answered with status `critical`.
    pub const ACTION_ERROR: &'static str = "ActionError";
    /// The answer to a waiting activity could not be read.
    pub const BAD_ANSWER: &'static str = "BadAnswer";
    /// The broker never accepts an activity's task, for example because it is too large.
    pub const TASK_REFUSED: &'static str = "TaskRefused";
    /// The definition of a call is missing, refused, or nested too deeply.
    pub const CALL_ERROR: &'static str = "CallError";
    /// A guest's error text had no code.
    pub const CONDITION_ERROR: &'static str = "ConditionError";
    /// The process ran too many instructions without waiting.
    pub const OP_BUDGET_EXCEEDED: &'static str = "OpBudgetExceeded";
    /// An operator cancelled the process.
    pub const CANCELLED: &'static str = "Cancelled";
    /// The process grew beyond a limit: its fields, or its fibers.
    pub const LIMIT_EXCEEDED: &'static str = "LimitExceeded";

    /// Cuts a code to its longest length, at a character boundary.
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

/// What went wrong, and where in the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub code: FaultCode,
    /// For a person.
    pub message: String,
    /// Where it happened, below the process that failed.
    pub activity: ActivityPath,
    /// The line of the activity in the definition, from 1; 0 when unknown.
    pub line: u32,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        match self.line {
            // What comes from outside of the process is at no line of its definition.
            0 => Ok(()),
            line => write!(f, " (activity {}, line {line})", self.activity),
        }
    }
}
