//! Faults: how a process fails.

use crate::{fields::JsonText, ids::ActivityPath};
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
    /// An operator ended the process, without anything that it would have run at its end.
    pub const TERMINATED: &'static str = "Terminated";
    /// The process grew beyond a limit: its fields, or its fibers.
    pub const LIMIT_EXCEEDED: &'static str = "LimitExceeded";
    /// The program is none that a compiler makes.
    pub const PROGRAM_ERROR: &'static str = "ProgramError";
    /// An answer, or an awaited event, did not come in time.
    pub const TIMEOUT: &'static str = "Timeout";
    /// A participant that had sent progress sent nothing more.
    pub const HEARTBEAT_LOST: &'static str = "HeartbeatLost";
    /// A computed value is not what its place needs: a name, a span, a time, a list.
    pub const BAD_VALUE: &'static str = "BadValue";
    /// The policy does not allow what a computed name names.
    pub const NOT_ALLOWED: &'static str = "NotAllowed";
    /// A message may not be sent where a definition wants it.
    pub const SEND_REFUSED: &'static str = "SendRefused";
    /// Processes answered each other's events too often in a row.
    pub const EVENT_LOOP: &'static str = "EventLoop";
    /// The process did not end in the time that its definition gives it.
    pub const DEADLINE: &'static str = "Deadline";
    /// A Celery task failed, and its worker did not say why.
    pub const CELERY_TASK_FAILED: &'static str = "CeleryTaskFailed";
    /// A `fault` of the definition that names no code.
    pub const TERMINATE: &'static str = "terminate";

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

    /// Whether only the engine gives this code.
    pub fn is_reserved(code: &str) -> bool {
        let own = [
            Self::CANCELLED,
            Self::TERMINATED,
            Self::OP_BUDGET_EXCEEDED,
            Self::PROGRAM_ERROR,
            Self::DEADLINE,
        ];
        own.contains(&code) || code.starts_with("sandbox.") || code.starts_with("inst:")
    }

    /// Whether a handler of all faults catches it. What ends the process as a whole is for handlers that name it.
    pub fn is_caught_by_default(&self) -> bool {
        ![Self::CANCELLED, Self::TERMINATED, Self::DEADLINE].contains(&self.as_str())
    }

    /// Whether no handler may run for it: one that did could continue without end, or over a program that makes no sense.
    pub fn is_final(&self) -> bool {
        [Self::OP_BUDGET_EXCEEDED, Self::PROGRAM_ERROR].contains(&self.as_str())
    }
}

/// A pattern of codes: `*` stands for any text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodePattern(String);

impl CodePattern {
    /// A pattern; none for a text that is empty, longer than a code, or has other characters than
    /// letters, digits, `.`, `_`, `-`, `:` and `*`.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=FaultCode::LENGTH_MAX).contains(&text.len());
        let is_code = |c: char| c.is_alphanumeric() || "._-:*".contains(c);
        (fits && text.chars().all(is_code)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the code is one of these. A `*` never stands for cancelling or the deadline: a handler has to name it.
    pub fn matches(&self, code: &FaultCode) -> bool {
        if !code.is_caught_by_default() {
            return self.0 == code.0;
        }
        let mut pieces = self.0.split('*');
        let (first, mut rest) = (pieces.next().unwrap_or_default(), code.as_str());
        match rest.strip_prefix(first) {
            Some(after) => rest = after,
            None => return false,
        }
        let Some(last) = pieces.next_back() else {
            return rest.is_empty();
        };
        for piece in pieces {
            match rest.split_once(piece) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
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
    /// What else the one who failed says.
    pub data: Option<JsonText>,
    pub source: FaultSource,
}

/// What a fault comes from, which decides whether it is tried again without being named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultSource {
    /// A participant, or its silence: it may do better another time.
    #[serde(rename = "1")]
    Participant,
    /// The definition, the engine, or a called process.
    #[serde(rename = "2")]
    Other,
}

impl Fault {
    /// A fault from outside the process: at no activity of it.
    pub fn from_outside(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: FaultCode::new(code),
            message: message.into(),
            activity: ActivityPath::default(),
            line: 0,
            data: None,
            source: FaultSource::Other,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match self.line {
            // What comes from outside the process is at no line of its definition.
            0 => Ok(()),
            line => write!(f, " (activity {}, line {line})", self.activity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_codes() {
        for (pattern, code, expected) in [
            ("A", "A", true),
            ("A", "AB", false),
            ("shop.*", "shop.Declined", true),
            ("shop.*", "shop.", true),
            ("shop.*", "shops", false),
            ("*", "", true),
            ("*", "anything", true),
            ("*Error", "KeyError", true),
            ("*Error", "Errors", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
            ("Cancelled", "Cancelled", true),
            ("*", "Cancelled", false),
            ("Cancel*", "Cancelled", false),
            ("*", "Deadline", false),
            ("Deadline", "Deadline", true),
        ] {
            let found =
                CodePattern::new(pattern).is_some_and(|found| found.matches(&FaultCode::new(code)));
            assert_eq!(found, expected, "{pattern} {code}");
        }
        for text in ["", "a b", "a;b", &"x".repeat(65)] {
            assert_eq!(CodePattern::new(text), None, "{text}");
        }
    }
}
