//! What holds for a process as a whole: its business key, its deadline, what becomes of a fault that
//! nothing handles, how much is recorded, and which fields lists can be searched by.

use crate::{
    history::{HistoryEvent, Weight},
    ids::Turn,
    indexes::ConditionIndex,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What a definition says about its processes as wholes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conduct {
    pub key: Option<KeyRule>,
    /// None where the definition says nothing, and the host decides.
    pub unhandled: Option<Unhandled>,
    pub schedule: Option<Schedule>,
    pub recorded: Recorded,
    /// The names of the fields that lists can be searched by.
    pub searchable: Vec<String>,
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

/// How much of what happens is written to the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Recorded {
    #[default]
    #[serde(rename = "1")]
    Full,
    /// Not the ordinary course: tasks, answers, delays, values.
    #[serde(rename = "2")]
    Decisions,
    /// Only the launch, faults, what operators do, and the end.
    #[serde(rename = "3")]
    Ends,
}

impl Recorded {
    pub const fn keeps(self, event: &HistoryEvent) -> bool {
        match self {
            Self::Full => true,
            Self::Decisions => !matches!(event.weight(), Weight::Course),
            Self::Ends => matches!(event.weight(), Weight::End),
        }
    }
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
