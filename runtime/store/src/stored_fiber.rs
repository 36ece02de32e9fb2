//! The stored form of a fiber: large fields are rows of their own, to which it refers.

use crate::runs::{Part, Runs, numbers};
use bureaucrat_model::{
    Branch, Fiber, FiberId, FiberState, Items, JsonText, Locals, OpIndex, Phase, Scope, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFiber {
    pub at: OpIndex,
    pub state: FiberState,
    pub fields: Vec<Part>,
    /// The fiber that it is a branch of, the fields that it started from, and the number of its item.
    pub branch: Option<(FiberId, Vec<Part>, Option<u32>)>,
    pub answered: Option<OpIndex>,
    pub failed: u32,
    pub scopes: Vec<StoredScope>,
    pub values: Vec<JsonText>,
    pub given: Option<JsonText>,
    pub within: Option<Timestamp>,
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
            fields: runs.name(&fiber.fields),
            branch: fiber
                .branch
                .as_ref()
                .map(|branch| (branch.parent, runs.name(&branch.base), branch.item)),
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
        }
    }

    /// The runs that it refers to, as often as it does.
    pub(crate) fn named(&self) -> Arc<[u64]> {
        let base = self.branch.iter().flat_map(|(_, base, _)| numbers(base));
        let scopes = self.scopes.iter().flat_map(StoredScope::named);
        numbers(&self.fields).chain(base).chain(scopes).collect()
    }

    /// The fiber.
    ///
    /// # Errors
    /// The number of a missing run.
    pub(crate) fn read(self, runs: &mut Runs) -> Result<Fiber, u64> {
        let branch = match self.branch {
            Some((parent, base, item)) => Some(Branch {
                parent,
                base: runs.resolve(base)?,
                item,
            }),
            None => None,
        };
        Ok(Fiber {
            at: self.at,
            state: self.state,
            fields: runs.resolve(self.fields)?,
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
        })
    }
}
