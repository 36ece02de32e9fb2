//! Which handler of a scope is for a fault: its codes decide, then its conditions.
//!
//! Conditions are evaluated before anything is stopped. What they decided is kept with the scope until the fault is there, so
//! that each is asked once.

use crate::{
    machine::{Machine, Trouble},
    ops::retry,
    pending,
    throwing::{Search, Target},
};
use bureaucrat_model::{
    Asker, ConditionIndex, Decision, Fault, FiberId, FiberState, Op, OpIndex, Phase, Scope, Wait,
    WaitKind,
};

/// A condition of a handler, whose verdict is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// The fiber that has the scope, and how many scopes of it are around that.
    pub fiber: FiberId,
    pub outer: usize,
    /// The place of the handler.
    pub handler: usize,
    pub condition: ConditionIndex,
}

/// Whether a scope handles a fault.
pub(crate) enum Handling {
    No,
    At(OpIndex),
    Asks {
        handler: usize,
        condition: ConditionIndex,
    },
}

/// What a condition about a fault says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    DoesNot,
}

impl Machine<'_> {
    /// Which handler of the scope is for the fault.
    pub(crate) fn handler(&self, scope: &Scope, fault: &Fault, after: Option<Asked>) -> Handling {
        let entered = self.program.ops.get(scope.entered.0 as usize);
        let (Phase::Body, Some(Op::EnterScope { handlers, .. })) = (&scope.phase, entered) else {
            return Handling::No;
        };
        let decision = scope.decision.as_ref();
        if let Some(decision) = decision.filter(|decision| decision.fault == *fault) {
            return decision.handler.map_or(Handling::No, Handling::At);
        }
        let first = after.map_or(0, |after| after.handler);
        for (place, handler) in handlers.iter().enumerate().skip(first) {
            if !handler.catches(fault, scope.tried_again) {
                continue;
            }
            let condition = match after.filter(|after| after.handler == place) {
                Some(after) => handler.conditions.after(after.condition),
                None if handler.conditions.count == 0 => return Handling::At(handler.at),
                None => handler.conditions.start(),
            };
            if let Some(condition) = condition {
                let handler = place;
                return Handling::Asks { handler, condition };
            }
        }
        Handling::No
    }

    /// Has the fiber wait for the verdict of a handler's condition. Nothing is stopped yet.
    pub(crate) fn ask_handler(
        &mut self,
        fiber: FiberId,
        fault: Fault,
        asked: Asked,
    ) -> Result<(), Trouble> {
        let asker = Asker::Handler {
            fiber: asked.fiber,
            outer: u32::try_from(asked.outer).unwrap_or(u32::MAX),
            handler: u32::try_from(asked.handler).unwrap_or(u32::MAX),
        };
        self.ask_about(fiber, fault, asked.condition, asker)
    }

    /// Has the fiber wait for the verdict of a condition about a fault.
    pub(crate) fn ask_about(
        &mut self,
        fiber: FiberId,
        fault: Fault,
        condition: ConditionIndex,
        asker: Asker,
    ) -> Result<(), Trouble> {
        if self.program.condition(condition).is_none() {
            return Err(Trouble::program("a condition is missing"));
        }
        match asker {
            // The pause before another attempt knows how many have failed.
            Asker::Retry { .. } => self.withdraw(fiber),
            Asker::Handler { .. } => self.settle_for(fiber)?,
        }
        let turn = self.next_turn();
        let kind = WaitKind::Fault {
            fault,
            condition,
            asker,
            evaluation: self.failed.take(),
        };
        self.wait(fiber, turn, kind)?;
        let effect = pending::about_fault(self.program, self.instance, fiber);
        let effect = effect.ok_or_else(|| Trouble::program("a scope is missing"))?;
        self.effects.push(effect);
        Ok(())
    }

    /// The verdict of a condition about a fault; one that fails does not hold.
    pub(crate) fn decide(&mut self, fiber: FiberId, verdict: Verdict) -> Result<(), Trouble> {
        let FiberState::Waiting(Wait {
            kind:
                WaitKind::Fault {
                    fault,
                    condition,
                    asker,
                    evaluation,
                },
            ..
        }) = &self.fiber(fiber)?.state
        else {
            return Err(Trouble::program("the fiber asked about no fault"));
        };
        let (fault, condition) = (fault.clone(), *condition);
        let (asker, evaluation) = (asker.clone(), evaluation.clone());
        self.failed = evaluation;
        match asker {
            Asker::Retry { after } => {
                retry::decided(self, fiber, fault, (condition, after), verdict)
            }
            Asker::Handler {
                fiber: owner,
                outer,
                handler,
            } => {
                let asked = Asked {
                    fiber: owner,
                    outer: outer as usize,
                    handler: handler as usize,
                    condition,
                };
                self.handler_decided(fiber, fault, asked, verdict)
            }
        }
    }

    fn handler_decided(
        &mut self,
        fiber: FiberId,
        fault: Fault,
        asked: Asked,
        verdict: Verdict,
    ) -> Result<(), Trouble> {
        let handler = match verdict {
            Verdict::Holds => self.handler_at(asked),
            Verdict::DoesNot => match self.target(fiber, &fault, Some(asked)) {
                Search::Asks(next) if (next.fiber, next.outer) == (asked.fiber, asked.outer) => {
                    return self.ask_handler(fiber, fault, next);
                }
                // A later handler of the same scope needs no condition.
                Search::Found(
                    Target::Handler {
                        fiber: owner,
                        outer,
                        handler,
                        ..
                    },
                    _,
                ) if (owner, outer) == (asked.fiber, asked.outer) => Some(handler),
                Search::Asks(_) | Search::Found(..) | Search::Damaged => None,
            },
        };
        let decision = Decision {
            fault: fault.clone(),
            handler,
        };
        self.change(asked.fiber, |owner| {
            if let Some(scope) = owner.scopes.get_mut(asked.outer) {
                scope.decision = Some(decision);
            }
        })?;
        self.stop_waiting(fiber)?;
        self.throw(fiber, fault);
        Ok(())
    }

    fn handler_at(&self, asked: Asked) -> Option<OpIndex> {
        let owner = self.instance.fibers.get(asked.fiber)?;
        let entered = owner.scopes.get(asked.outer)?.entered;
        let Some(Op::EnterScope { handlers, .. }) = self.program.ops.get(entered.0 as usize) else {
            return None;
        };
        Some(handlers.get(asked.handler)?.at)
    }
}
