//! Migrations: a process continues as another version of its definition. Where its parts will be there, and what is in
//! the way.

use crate::ids::{ActivityPath, FiberId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a part is, and where it will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relocation {
    pub fiber: FiberId,
    /// Its activity in the version that it runs.
    pub from: ActivityPath,
    /// Its activity in the other version.
    pub to: ActivityPath,
    /// The activity's `id` there, if it has one.
    pub id: Option<String>,
}

impl fmt::Display for Relocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |path: &ActivityPath| match path.0.is_empty() {
            true => "the process itself".to_owned(),
            false => path.to_string(),
        };
        let (from, to) = (place(&self.from), place(&self.to));
        match from == to {
            true => write!(f, "part {}: at {to}", self.fiber.0),
            false => write!(f, "part {}: {from} -> {to}", self.fiber.0),
        }?;
        match &self.id {
            Some(id) => write!(f, " ({id})"),
            None => Ok(()),
        }
    }
}

/// Why a part has no place in another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    pub fiber: FiberId,
    /// Its activity in the version that it runs.
    pub activity: ActivityPath,
    pub reason: Misfit,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.fiber.0;
        match self.activity.0.is_empty() {
            true => write!(f, "part {number}, the process itself: {}", self.reason),
            false => write!(f, "part {number} at {}: {}", self.activity, self.reason),
        }
    }
}

/// What keeps a part from having a place in another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "misfit")]
pub enum Misfit {
    /// No activity there has its id, or its path.
    #[error(
        "the new version has no activity with its `id`, and none at {to} that could be it; give activities that belong \
         together the same `id`"
    )]
    Gone { to: ActivityPath },
    #[error("the activity at {to} in the new version is of another kind, or begins otherwise")]
    OtherKind { to: ActivityPath },
    /// It waits for one of several events, and there are more or fewer.
    #[error(
        "it waits for one of {now} events, and the activity at {to} in the new version for one of {then}"
    )]
    OtherEvents {
        to: ActivityPath,
        now: usize,
        then: usize,
    },
    #[error("{to} in the new version is in other scopes or branches")]
    OtherScopes { to: ActivityPath },
    /// What is around it differs in what has begun already.
    #[error(
        "{around} around it is not the same in the new version: its branches, its rounds, its events or its retries \
         have begun already"
    )]
    OtherStructure { around: ActivityPath },
    #[error("the new version has nothing that undoes the scope of {scope}")]
    NotUndone { scope: ActivityPath },
    /// A fault is on its way, or something runs its end.
    #[error("it is being stopped, or a fault is being dealt with; try again in a moment")]
    OnItsWay,
}
