//! Faults: which scope handles one, and what is stopped for that.
//!
//! The handler is chosen from the inside out, over forks too, before anything is stopped. Then everything below the
//! scope is stopped at once: its branches are gone, what they waited for is withdrawn, and answers to it are late. The
//! handler runs in the fiber that has the scope, with the fields that this fiber has then. Without a handler the process
//! fails.

use crate::{
    ending::withdrawal,
    machine::{Machine, Trouble},
    ops::action,
};
use bureaucrat_model::{Fault, FiberId, HistoryEvent, Op, OpIndex, Scope};
use std::collections::BTreeSet;

/// Where a fault is handled.
struct Place {
    fiber: FiberId,
    /// The scopes around the one that handles it.
    outer: usize,
    scope: OpIndex,
    handler: OpIndex,
}

impl Machine<'_> {
    /// Throws at the activity that the fiber is at, unless that is tried again.
    pub fn throw_at(&mut self, fiber: FiberId, trouble: Trouble) {
        let source = trouble.source;
        let mut fault = self.fault_at(fiber, trouble);
        fault.message = self.shortened(fault.message);
        match action::tries_again(self, fiber, &fault, source) {
            Ok(true) => {}
            Ok(false) => self.throw(fiber, fault),
            Err(trouble) => self.fail_at(fiber, trouble),
        }
    }

    pub fn throw(&mut self, fiber: FiberId, fault: Fault) {
        let Some(place) = self.handler(fiber, &fault) else {
            self.fail(fault, fiber);
            return;
        };
        self.stop_below(place.fiber);
        let site = self.program.op(place.scope).map(|(_, site)| site);
        let activity = site.map(|site| site.path.clone()).unwrap_or_default();
        let handling = Scope {
            entered: place.scope,
            handling: Some(fault.clone()),
        };
        self.record(HistoryEvent::Caught { activity, fault });
        let moved = self.change(place.fiber, |fiber| {
            fiber.failed = 0;
            fiber.scopes.truncate(place.outer);
            fiber.scopes.push(handling);
        });
        if let Err(trouble) = moved.and_then(|()| self.go_to(place.fiber, place.handler)) {
            self.fail_at(place.fiber, trouble);
        }
    }

    /// The innermost handler around the fiber that catches the fault. A fault in a handler is one for the scopes around
    /// it.
    fn handler(&self, fiber: FiberId, fault: &Fault) -> Option<Place> {
        if fault.code.is_final() {
            return None;
        }
        let mut fiber = fiber;
        loop {
            let found = self.instance.fibers.get(fiber)?;
            for (outer, scope) in found.scopes.iter().enumerate().rev() {
                let entered = self.program.ops.get(scope.entered.0 as usize);
                if let (None, Some(Op::EnterScope { handlers, .. })) = (&scope.handling, entered)
                    && let Some(handler) = handlers.iter().find(|one| one.catches(&fault.code))
                {
                    return Some(Place {
                        fiber,
                        outer,
                        scope: scope.entered,
                        handler: handler.at,
                    });
                }
            }
            fiber = found.branch.as_ref()?.parent;
        }
    }

    /// Takes back what the fiber waits for, and ends all branches below it.
    fn stop_below(&mut self, fiber: FiberId) {
        let mut below = BTreeSet::from([fiber]);
        let mut withdrawn = Vec::new();
        // A branch has a higher number than the fiber that forked it.
        for (id, found) in self.instance.fibers.iter() {
            let parent = found.branch.as_ref().map(|branch| branch.parent);
            if id == fiber || parent.is_some_and(|parent| below.contains(&parent)) {
                below.insert(id);
                withdrawn.extend(withdrawal(id, found));
            }
        }
        self.effects.append(&mut withdrawn);
        below.remove(&fiber);
        for id in below {
            self.instance.fibers.remove(id);
        }
    }
}
