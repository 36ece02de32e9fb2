//! Scopes: what a fiber is in, with the fields that are declared there.
//!
//! A field is looked up from the innermost scope to the process's own fields. It is set where it is declared; what is
//! declared nowhere is set in the process's own fields.

use crate::{
    fault::Fault,
    fields::{Fields, JsonText},
    ids::FiberId,
    indexes::OpIndex,
    instance::Fiber,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What happens in a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    #[serde(rename = "1")]
    Body,
    /// A handler deals with this fault.
    #[serde(rename = "2")]
    Handling(Fault),
    /// An event stopped it, and what belongs to the event runs.
    #[serde(rename = "4")]
    Interrupted,
    /// What runs at the end of the scope.
    #[serde(rename = "3")]
    Finally(Outcome),
}

/// How a scope came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    #[serde(rename = "1")]
    Completed,
    /// It failed, and the fault continues to the scopes around it.
    #[serde(rename = "2")]
    Failed(Fault),
    /// It was stopped: nothing outside it hears of it any more.
    #[serde(rename = "3")]
    Stopped,
}

/// Declared fields. A declared name hides the same name outside, also while it has no value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locals {
    pub names: BTreeSet<String>,
    pub fields: Fields,
}

/// The items that a scope goes through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Items {
    /// By their numbers, so that they are stored like fields: once.
    pub items: Fields,
    pub next: u32,
    /// What those that have ended gave, by their numbers.
    pub collected: Fields,
}

impl Items {
    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn get(&self, number: u32) -> Option<&JsonText> {
        self.items.get(&number.to_string())
    }
}

/// What the conditions of a scope's handlers decided about a fault that is still on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub fault: Fault,
    /// Where the handler begins that is for it; none when no handler of the scope is.
    pub handler: Option<OpIndex>,
}

/// A scope that a fiber is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The instruction that entered it.
    pub entered: OpIndex,
    pub phase: Phase,
    pub locals: Locals,
    pub items: Option<Items>,
    /// Where its compensation begins, if it has one and may still complete.
    pub compensation: Option<OpIndex>,
    /// The compensations of the scopes that completed inside it.
    pub completed: Vec<FiberId>,
    pub decision: Option<Decision>,
    /// How often it was tried again.
    pub tried_again: u32,
}

impl Scope {
    pub fn new(entered: OpIndex) -> Self {
        Self {
            entered,
            phase: Phase::Body,
            locals: Locals::default(),
            items: None,
            compensation: None,
            completed: Vec::new(),
            decision: None,
            tried_again: 0,
        }
    }

    pub fn declare(&mut self, name: &str, value: JsonText) {
        self.locals.names.insert(name.to_owned());
        self.locals.fields.set(name, value);
    }

    /// Bytes of its fields and items.
    pub fn size(&self) -> usize {
        let items = self.items.as_ref().map_or(0, |found| {
            found.items.size().saturating_add(found.collected.size())
        });
        self.locals.fields.size().saturating_add(items)
    }
}

impl Fiber {
    /// The fields that are visible where the fiber is.
    pub fn visible(&self) -> Fields {
        self.visible_in(self.scopes.len())
    }

    /// The fields that are visible in the outermost `count` of its scopes.
    pub fn visible_in(&self, count: usize) -> Fields {
        let mut visible = self.fields.clone();
        for scope in self.scopes.iter().take(count) {
            for name in &scope.locals.names {
                match scope.locals.fields.get(name) {
                    Some(value) => visible.set(name, value.clone()),
                    None => drop(visible.remove(name)),
                }
            }
        }
        visible
    }

    /// The value of a field that is visible where the fiber is.
    pub fn field(&self, name: &str) -> Option<&JsonText> {
        let mut scopes = self.scopes.iter().rev();
        match scopes.find(|scope| scope.locals.names.contains(name)) {
            Some(scope) => scope.locals.fields.get(name),
            None => self.fields.get(name),
        }
    }

    /// Sets a field where it is declared.
    pub fn set(&mut self, name: &str, value: JsonText) {
        self.home(name).set(name, value);
    }

    /// Removes a field where it is declared.
    pub fn remove(&mut self, name: &str) {
        self.home(name).remove(name);
    }

    /// Sets all of these fields.
    pub fn update(&mut self, update: &Fields) {
        if !self.has_locals() {
            return self.fields.update(update);
        }
        for (name, value) in update.iter() {
            self.set(name, value.clone());
        }
    }

    /// Applies what changed from `base` to `changed`: sets added and changed values, removes removed ones.
    pub fn merge(&mut self, base: &Fields, changed: &Fields) {
        if !self.has_locals() {
            return self.fields.merge(base, changed);
        }
        for (name, _) in base.iter() {
            if changed.get(name).is_none() {
                self.remove(name);
            }
        }
        for (name, value) in changed.iter() {
            if base.get(name) != Some(value) {
                self.set(name, value.clone());
            }
        }
    }

    pub fn has_locals(&self) -> bool {
        let mut scopes = self.scopes.iter();
        scopes.any(|scope| !scope.locals.names.is_empty())
    }

    /// Bytes of what it holds for itself: its own fields and those of its scopes.
    pub fn size(&self) -> usize {
        let scopes = self.scopes.iter().map(Scope::size);
        scopes.fold(self.fields.size(), usize::saturating_add)
    }

    /// Leaves all scopes but the outermost `count`. What completed in those that it leaves is kept in what is around them.
    pub fn leave_scopes(&mut self, count: usize) {
        while self.scopes.len() > count {
            let left = self.scopes.pop();
            let completed = left.map(|scope| scope.completed).unwrap_or_default();
            self.completed_here().extend(completed);
        }
    }

    /// The compensations of what completed in its innermost scope, or outside all of its scopes.
    pub fn completed_here(&mut self) -> &mut Vec<FiberId> {
        match self.scopes.last_mut() {
            Some(scope) => &mut scope.completed,
            None => &mut self.completed,
        }
    }

    fn home(&mut self, name: &str) -> &mut Fields {
        let mut scopes = self.scopes.iter_mut().rev();
        match scopes.find(|scope| scope.locals.names.contains(name)) {
            Some(scope) => &mut scope.locals.fields,
            None => &mut self.fields,
        }
    }
}
