//! The stored form of a fiber: large fields are rows of their own, to which it refers.

use crate::runs::{Part, Runs, numbers};
use bureaucrat_model::{
    Branch, Decision, Fiber, FiberId, FiberState, Items, JsonText, Locals, OpIndex, Phase, Scope,
    Sharing, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFiber {
    pub at: OpIndex,
    pub state: FiberState,
    /// None if they are those that its branch started from.
    pub fields: Option<Vec<Part>>,
    /// The fiber that it is a branch of, the fields that it started from, the number of its item, and whose fields it
    /// changes.
    pub branch: Option<(FiberId, Vec<Part>, Option<u32>, Sharing)>,
    pub answered: Option<OpIndex>,
    pub failed: u32,
    pub scopes: Vec<StoredScope>,
    pub values: Vec<JsonText>,
    pub given: Option<JsonText>,
    pub within: Option<Timestamp>,
    pub completed: Vec<FiberId>,
}

/// The stored form of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredScope {
    pub entered: OpIndex,
    pub phase: Phase,
    /// Its declared names, and their values.
    pub locals: Option<(BTreeSet<String>, Vec<Part>)>,
    /// The items that it goes through, the number of the next one, and what they gave.
    pub items: Option<(Vec<Part>, u32, Vec<Part>)>,
    pub compensation: Option<OpIndex>,
    pub completed: Vec<FiberId>,
    pub decision: Option<Decision>,
    pub tried_again: u32,
}

impl StoredScope {
    fn of(scope: &Scope, runs: &mut Runs) -> Self {
        let locals = &scope.locals;
        Self {
            entered: scope.entered,
            phase: scope.phase.clone(),
            locals: (!locals.names.is_empty())
                .then(|| (locals.names.clone(), runs.name(&locals.fields))),
            items: scope.items.as_ref().map(|items| {
                let collected = runs.name(&items.collected);
                (runs.name(&items.items), items.next, collected)
            }),
            compensation: scope.compensation,
            completed: scope.completed.clone(),
            decision: scope.decision.clone(),
            tried_again: scope.tried_again,
        }
    }

    fn named(&self) -> impl Iterator<Item = u64> {
        let locals = self.locals.iter().flat_map(|(_, fields)| numbers(fields));
        let items = self.items.iter();
        let items = items.flat_map(|(items, _, given)| numbers(items).chain(numbers(given)));
        locals.chain(items)
    }

    fn read(self, runs: &mut Runs) -> Result<Scope, u64> {
        let mut scope = Scope::new(self.entered);
        scope.phase = self.phase;
        scope.compensation = self.compensation;
        scope.completed = self.completed;
        scope.decision = self.decision;
        scope.tried_again = self.tried_again;
        if let Some((names, fields)) = self.locals {
            let fields = runs.resolve(fields)?;
            scope.locals = Locals { names, fields };
        }
        if let Some((items, next, collected)) = self.items {
            scope.items = Some(Items {
                items: runs.resolve(items)?,
                next,
                collected: runs.resolve(collected)?,
            });
        }
        Ok(scope)
    }
}

impl StoredFiber {
    pub(crate) fn of(fiber: &Fiber, runs: &mut Runs) -> Self {
        Self {
            at: fiber.at,
            state: fiber.state.clone(),
            fields: (!fiber.shares_base()).then(|| runs.name(&fiber.fields)),
            branch: fiber.branch.as_ref().map(|branch| {
                let base = runs.name_shared(&branch.base);
                (branch.parent, base, branch.item, branch.sharing)
            }),
            answered: fiber.answered,
            failed: fiber.failed,
            scopes: fiber
                .scopes
                .iter()
                .map(|scope| StoredScope::of(scope, runs))
                .collect(),
            values: fiber.values.clone(),
            given: fiber.given.clone(),
            within: fiber.within,
            completed: fiber.completed.clone(),
        }
    }

    /// The runs that it refers to, as often as it does.
    pub(crate) fn named(&self) -> Arc<[u64]> {
        let base = self.branch.iter().flat_map(|(_, base, ..)| numbers(base));
        let scopes = self.scopes.iter().flat_map(StoredScope::named);
        let fields = self.fields.iter().flat_map(|fields| numbers(fields));
        fields.chain(base).chain(scopes).collect()
    }

    /// The fiber.
    ///
    /// # Errors
    /// The number of a missing run.
    pub(crate) fn read(self, runs: &mut Runs) -> Result<Fiber, u64> {
        let branch = match self.branch {
            Some((parent, base, item, sharing)) => Some(Branch {
                parent,
                base: runs.resolve(base)?,
                item,
                sharing,
            }),
            None => None,
        };
        let fields = match self.fields {
            Some(fields) => runs.resolve(fields)?,
            None => branch
                .as_ref()
                .map(|branch| branch.base.clone())
                .unwrap_or_default(),
        };
        Ok(Fiber {
            at: self.at,
            state: self.state,
            fields,
            branch,
            answered: self.answered,
            failed: self.failed,
            scopes: self
                .scopes
                .into_iter()
                .map(|scope| scope.read(runs))
                .collect::<Result<_, _>>()?,
            values: self.values,
            given: self.given,
            within: self.within,
            completed: self.completed,
        })
    }
}
