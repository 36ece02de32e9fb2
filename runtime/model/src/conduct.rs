//! What holds for a process as a whole: its business key, its deadline, what becomes of a fault that nothing handles.

use crate::{ids::Turn, program::ConditionIndex, time::Timestamp};
use serde::{Deserialize, Serialize};

/// What a definition says about its processes as wholes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conduct {
    pub key: Option<KeyRule>,
    pub unhandled: Unhandled,
    pub schedule: Option<Schedule>,
}

/// When a deployed definition launches itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Five fields.
    pub cron: String,
    /// A name of the IANA database.
    pub zone: String,
    pub missed: Missed,
}

/// What becomes of instants at which no engine ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Missed {
    #[default]
    #[serde(rename = "1")]
    Skip,
    /// One process is launched for all of them.
    #[serde(rename = "2")]
    Once,
}

/// The business key that a definition gives its processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRule {
    pub text: KeyText,
    pub duplicate: Duplicate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyText {
    #[serde(rename = "1")]
    Fixed(String),
    /// Computed over the fields that a process begins with.
    #[serde(rename = "2")]
    Computed(ConditionIndex),
}

/// What happens to a launch whose key another process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Duplicate {
    #[default]
    #[serde(rename = "1")]
    Refuse,
    /// The other process is cancelled, and this one starts when it has ended.
    #[serde(rename = "2")]
    Replace,
}

/// What becomes of a fault that no handler catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Unhandled {
    #[default]
    #[serde(rename = "1")]
    Fails,
    /// What failed waits for an operator; everything else of the process continues.
    #[serde(rename = "2")]
    Waits,
}

/// When a process has to have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deadline {
    /// Its timer has this turn.
    #[serde(rename = "1")]
    Ahead { due: Timestamp, turn: Turn },
    #[serde(rename = "2")]
    Passed,
}
