//! The stored form of a fiber: large fields are rows of their own, to which it refers.

use crate::runs::{Part, Runs, numbers};
use bureaucrat_model::{Branch, Fiber, FiberId, FiberState, Fields, OpIndex};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFiber {
    pub at: OpIndex,
    pub state: FiberState,
    pub fields: Vec<Part>,
    /// The fiber that it is a branch of, and the fields that it started from.
    pub branch: Option<(FiberId, Vec<Part>)>,
    pub answered: Option<OpIndex>,
    pub scopes: Vec<Fields>,
    pub handlers: Vec<OpIndex>,
}

impl StoredFiber {
    pub(crate) fn of(fiber: &Fiber, runs: &mut Runs) -> Self {
        Self {
            at: fiber.at,
            state: fiber.state.clone(),
            fields: runs.name(&fiber.fields),
            branch: fiber
                .branch
                .as_ref()
                .map(|branch| (branch.parent, runs.name(&branch.base))),
            answered: fiber.answered,
            scopes: fiber.scopes.clone(),
            handlers: fiber.handlers.clone(),
        }
    }

    /// The runs that it refers to, as often as it does.
    pub(crate) fn named(&self) -> Arc<[u64]> {
        let base = self.branch.iter().flat_map(|(_, base)| numbers(base));
        numbers(&self.fields).chain(base).collect()
    }

    /// The fiber.
    ///
    /// # Errors
    /// The number of a missing run.
    pub(crate) fn read(self, runs: &mut Runs) -> Result<Fiber, u64> {
        let branch = match self.branch {
            Some((parent, base)) => Some(Branch {
                parent,
                base: runs.resolve(base)?,
            }),
            None => None,
        };
        Ok(Fiber {
            at: self.at,
            state: self.state,
            fields: runs.resolve(self.fields)?,
            branch,
            answered: self.answered,
            scopes: self.scopes,
            handlers: self.handlers,
        })
    }
}
