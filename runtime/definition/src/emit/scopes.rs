//! Emits scopes: their fields, handlers, ends and compensations.

use super::{Emitter, Needed, Rounds, index_of, plain_scope};
use crate::checked::{Finally, Local, Scope, Written};
use bureaucrat_model::{Fields, Op, OpIndex, Site};

impl Emitter {
    /// Emits what `inner` does, in a scope if one is needed. What repeats it declares the fields in each round.
    pub(super) fn scope(
        &mut self,
        scope: &Scope,
        needed: Needed,
        rounds: Rounds,
        site: &Site,
        inner: impl FnOnce(&mut Self),
    ) {
        if scope.is_empty() && needed == Needed::No {
            return inner(self);
        }
        let enter = self.push(plain_scope(), site);
        if rounds == Rounds::No {
            self.declare(&scope.locals, site);
        }
        self.listened(&scope.events, rounds, site, inner);
        self.push(Op::LeaveScope, site);
        let mut entries = Vec::with_capacity(scope.handlers.len());
        for handler in &scope.handlers {
            entries.push(bureaucrat_model::Handler {
                codes: handler.codes.clone(),
                conditions: handler.conditions,
                at: self.here(),
                retry: None,
            });
            self.body(&handler.body, &handler.site);
            self.push(Op::LeaveScope, &handler.site);
        }
        let end = self.part(scope.finally.as_deref(), Op::LeaveScope);
        let undo = self.part(scope.compensation.as_deref(), Op::EndBranch);
        if undo.is_some() {
            self.compensable.insert(site.path.clone(), index_of(enter));
        }
        if let Some(Op::EnterScope {
            handlers,
            finally,
            compensation,
            ..
        }) = self.ops.get_mut(enter)
        {
            *handlers = entries;
            *finally = end;
            *compensation = undo;
        }
        self.land(enter);
    }

    /// Emits a part of a scope that something else leads to.
    fn part(&mut self, part: Option<&Finally>, last: Op) -> Option<OpIndex> {
        let part = part?;
        let at = self.here();
        self.body(&part.body, &part.site);
        self.push(last, &part.site);
        Some(at)
    }

    /// Declares the fields of an element; in a loop in each round.
    pub(super) fn declare(&mut self, locals: &[Local], site: &Site) {
        let mut fixed = Fields::new();
        for local in locals {
            match &local.value {
                Written::Fixed(value) => fixed.set(&local.name, value.clone()),
                Written::Computed(function) => {
                    // What is declared before may be read.
                    if !fixed.is_empty() {
                        let fixed = std::mem::take(&mut fixed);
                        let computed = None;
                        self.push(Op::Declare { fixed, computed }, site);
                    }
                    self.evaluate(*function, site);
                    let computed = Some(local.name.clone());
                    let fixed = Fields::new();
                    self.push(Op::Declare { fixed, computed }, site);
                }
            }
        }
        if !fixed.is_empty() {
            let computed = None;
            self.push(Op::Declare { fixed, computed }, site);
        }
    }
}
