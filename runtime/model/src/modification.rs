//! What an operator has changed about where a process stands, and why that is refused.

use crate::{
    fields::Fields,
    ids::{ActivityPath, FiberId},
    migration::Obstacle,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The part of a process that is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartOf {
    /// The only one that waits.
    Only,
    /// The one that waits at this activity: its `id`, or its path.
    Activity(String),
    /// The one with this number.
    Fiber(FiberId),
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// What it waits for is tried again: its task is sent again under the same message id, or the next attempt begins now.
    Retry,
    /// Its activity ends here, as if it had given these fields.
    Skip { fields: Fields },
    /// Fields that it sees are set or removed.
    Set {
        fields: Fields,
        removed: Vec<String>,
    },
    /// It continues at the beginning of another activity: its `id`, or its path.
    Move { to: String },
}

impl Change {
    /// The command.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Skip { .. } => "skip",
            Self::Set { .. } => "set",
            Self::Move { .. } => "move",
        }
    }
}

/// A change of a part of a process, as an operator orders it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modification {
    pub part: PartOf,
    pub change: Change,
    /// Why, for its history.
    pub reason: String,
    /// Only say which part is meant, and where it would continue.
    pub dry_run: bool,
}

/// A part that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub fiber: FiberId,
    /// Its activity.
    pub activity: ActivityPath,
    /// The activity's `id`, if it has one.
    pub id: Option<String>,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{id}"),
            None => write!(f, "{}", self.activity),
        }?;
        write!(f, " (part {})", self.fiber.0)
    }
}

/// The parts that a refusal names.
pub const STANDINGS_MAX: usize = 10;

/// Why a modification is refused. The process is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum Refusal {
    #[error(
        "its definition has no activity `{name}`; `show` names each part's activity by its id or path"
    )]
    NoSuchActivity { name: String },
    #[error("none of its parts waits at `{name}`; there is {}", Listed(.standing))]
    NotThere {
        name: String,
        standing: Vec<Standing>,
    },
    #[error("it has no part {number}; there is {}", Listed(.standing))]
    NoSuchPart {
        number: u32,
        standing: Vec<Standing>,
    },
    #[error(
        "several of its parts are meant: {}; choose one with `--part`, or with `--activity` where that names one",
        Listed(.standing)
    )]
    Several { standing: Vec<Standing> },
    #[error(
        "none of its parts waits now: what was skipped or moved while it was suspended waits again once it is resumed; \
         otherwise try again in a moment"
    )]
    NothingWaits,
    /// The verb means nothing for what the part waits for.
    #[error("`{verb}` means nothing here: part {} waits for {waits_for}; {instead}", .fiber.0)]
    Meaningless {
        verb: String,
        fiber: FiberId,
        waits_for: String,
        /// What can be done.
        instead: String,
    },
    /// Its task waits for a destination that fails.
    #[error(
        "its task for `{participant}` has not left the engine, because the broker does not take it; it leaves soon after \
         that has ended, and `show` says what the broker says"
    )]
    NotSent { participant: String },
    /// It would leave a scope without what that runs at its end.
    #[error("that would leave the scope of {activity} without its `finally`")]
    Finally { activity: ActivityPath },
    /// The target is inside or outside of another scope or branch.
    #[error(
        "{to} is in another scope or branch than {from}: a part can only move within the scope that it is in"
    )]
    OtherScope {
        from: ActivityPath,
        to: ActivityPath,
    },
    #[error("the name of the field `{name}` begins with `inst:`, which is reserved for the engine")]
    Reserved { name: String },
    /// The fields would be too large.
    #[error("{reason}")]
    TooLarge { reason: String },
    /// Some of its parts have no place in the version that it is to migrate to.
    #[error("it has no place in that version: {}", Joined(.obstacles))]
    NoPlace { obstacles: Vec<Obstacle> },
    #[error(
        "it is a process of the definition `{name}`, not of `{wanted}`; a process keeps its definition"
    )]
    OtherDefinition { name: String, wanted: String },
    #[error("it runs that version already")]
    SameVersion,
    #[error("{reason}")]
    NoSuchVersion { reason: String },
    /// The policy of its user is against the other version.
    #[error("the policy does not allow it: {reason}")]
    NotAllowed { reason: String },
    /// The program of the process cannot be loaded.
    #[error("its program cannot be used: {reason}")]
    Unusable { reason: String },
}

struct Joined<'a>(&'a [Obstacle]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        self.0.iter().try_for_each(|obstacle| {
            write!(f, "{}{obstacle}", std::mem::replace(&mut between, "; "))
        })
    }
}

struct Listed<'a>(&'a [Standing]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none that waits");
        }
        let mut between = "";
        for part in self.0.iter().take(STANDINGS_MAX) {
            write!(f, "{}{part}", std::mem::replace(&mut between, ", "))?;
        }
        match self.0.len() > STANDINGS_MAX {
            true => f.write_str(", …"),
            false => Ok(()),
        }
    }
}
