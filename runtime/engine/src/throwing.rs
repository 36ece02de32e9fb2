//! Faults: which scope handles one, and its way there.
//!
//! The handler is chosen from the inside out, over forks too, before anything is stopped. Then everything below the
//! fiber that has the scope is stopped at once (see `stopping`). The fault goes outward from where it was thrown: it runs
//! the `finally` of each scope that it leaves, and waits at each fork until what was stopped there has ended. The handler
//! runs in the fiber that has the scope, with the fields that this fiber has then. Without a handler the process fails.

use crate::{
    machine::{Machine, Trouble},
    ops::retry,
    pending,
};
use bureaucrat_model::{
    Asker, ConditionIndex, Decision, Fault, FiberId, FiberState, HistoryEvent, Op, OpIndex,
    Outcome, Phase, Scope, Then, Wait, WaitKind,
};
use std::collections::BTreeSet;

/// Where a fault ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// A handler of a scope.
    Handler {
        fiber: FiberId,
        /// The scopes around the one that handles it.
        outer: usize,
        scope: OpIndex,
        handler: OpIndex,
    },
    /// What a stopped fiber runs at its end: nobody hears of the fault.
    Stopped {
        fiber: FiberId,
        /// The scopes around the one that runs it.
        outer: usize,
    },
    /// What a cancelled process runs at its end: cancelling continues.
    Cancelled {
        fiber: FiberId,
        /// The scopes around the one that runs it.
        outer: usize,
    },
    /// The first fiber: the process fails.
    Process(FiberId),
}

impl Target {
    const fn fiber(self) -> FiberId {
        match self {
            Self::Handler { fiber, .. }
            | Self::Stopped { fiber, .. }
            | Self::Cancelled { fiber, .. }
            | Self::Process(fiber) => fiber,
        }
    }

    /// How many scopes of its fiber the fault does not leave.
    const fn kept(self) -> usize {
        match self {
            Self::Handler { outer, .. }
            | Self::Stopped { outer, .. }
            | Self::Cancelled { outer, .. } => outer + 1,
            Self::Process(_) => 0,
        }
    }
}

/// A condition of a handler, whose verdict is needed.
#[derive(Debug, Clone, Copy)]
struct Asked {
    /// The fiber that has the scope, and how many scopes of it are around that.
    fiber: FiberId,
    outer: usize,
    /// The place of the handler.
    handler: usize,
    condition: ConditionIndex,
}

/// Where a fault ends, as far as that is known.
enum Search {
    /// The fibers from where it is thrown to there.
    Found(Target, Vec<FiberId>),
    Asks(Asked),
    /// The fibers are no tree.
    Damaged,
}

/// Whether a scope handles a fault.
enum Handling {
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

/// What follows for a fault at a fiber.
enum Step {
    /// Something runs or is waited for first.
    Later,
    /// At the fiber that forked this one.
    Outward(FiberId),
}

impl Machine<'_> {
    /// Throws at the activity that the fiber is at, unless that is tried again.
    pub fn throw_at(&mut self, fiber: FiberId, trouble: Trouble) {
        let retry_after = trouble.retry_after;
        let mut fault = self.fault_at(fiber, trouble);
        fault.message = self.shortened(fault.message);
        match retry::tries_again(self, fiber, &fault, retry_after) {
            Ok(true) => {}
            Ok(false) => self.throw(fiber, fault),
            Err(trouble) => self.fail_at(fiber, trouble),
        }
    }

    pub fn throw(&mut self, fiber: FiberId, fault: Fault) {
        let mut at = fiber;
        loop {
            match self.throw_from(at, &fault) {
                Ok(Step::Later) => return,
                Ok(Step::Outward(parent)) => at = parent,
                Err(trouble) => return self.fail_at(at, trouble),
            }
        }
    }

    fn throw_from(&mut self, fiber: FiberId, fault: &Fault) -> Result<Step, Trouble> {
        if fault.code.is_final() {
            self.fail(fault.clone(), fiber);
            return Ok(Step::Later);
        }
        let (target, way) = match self.target(fiber, fault, None) {
            Search::Found(target, way) => (target, way),
            Search::Asks(asked) => {
                self.ask_handler(fiber, fault.clone(), asked)?;
                return Ok(Step::Later);
            }
            Search::Damaged => {
                self.fail(fault.clone(), fiber);
                return Ok(Step::Later);
            }
        };
        if matches!(target, Target::Process(_)) && self.waits_for_operator(fault) {
            self.stick(fiber, fault.clone())?;
            return Ok(Step::Later);
        }
        // What waits for a called process waits for its end first.
        if self.cancel_called(fiber, Then::Throw(fault.clone()))? {
            return Ok(Step::Later);
        }
        let top = target.fiber();
        for id in &way {
            self.settle_for(*id)?;
        }
        let left = self.stop_all(top, &way);
        let is_plain = left.is_empty()
            && way.iter().all(|id| {
                let kept = if *id == top { target.kept() } else { 0 };
                self.finally_of(*id, kept).is_none()
            });
        if is_plain {
            for id in way.iter().filter(|id| **id != top) {
                self.remove_branch(*id);
            }
            self.arrive(target, fault)?;
            return Ok(Step::Later);
        }
        // Those on the way wait for what was stopped below them, and for the one that the fault comes from.
        let mut inner = None;
        for id in &way {
            let below = left.get(id).copied().unwrap_or_default();
            let remaining = below + u32::from(inner.is_some());
            if remaining > 0 {
                self.wait_for_stopped(*id, remaining, Then::Throw(fault.clone()))?;
            }
            inner = Some(*id);
        }
        if left.contains_key(&fiber) {
            return Ok(Step::Later);
        }
        let kept = if fiber == top { target.kept() } else { 0 };
        if let Some((outer, at)) = self.finally_of(fiber, kept) {
            let outcome = Outcome::Failed(fault.clone());
            self.run_finally(fiber, outer, at, outcome)?;
            return Ok(Step::Later);
        }
        if fiber == top {
            self.arrive(target, fault)?;
            return Ok(Step::Later);
        }
        self.leave_for_parent(fiber, fault)
    }

    /// The fiber has nothing more to do for the fault, which continues at the fiber that forked it.
    fn leave_for_parent(&mut self, fiber: FiberId, fault: &Fault) -> Result<Step, Trouble> {
        let branch = self.fiber(fiber)?.branch.clone();
        let parent = branch.map(|branch| branch.parent);
        let parent = parent.ok_or_else(|| Trouble::program("a branch has no fork"))?;
        self.remove_branch(fiber);
        let waits = self.change(parent, |parent| match &mut parent.state {
            FiberState::Waiting(Wait {
                kind: WaitKind::Stopping {
                    remaining, then, ..
                },
                ..
            }) => {
                *then = Then::Throw(fault.clone());
                *remaining = remaining.saturating_sub(1);
                *remaining > 0
            }
            FiberState::Waiting(_) | FiberState::Ready => false,
        })?;
        Ok(match waits {
            true => Step::Later,
            false => Step::Outward(parent),
        })
    }

    /// The fault is where it ends.
    fn arrive(&mut self, target: Target, fault: &Fault) -> Result<(), Trouble> {
        match target {
            Target::Process(fiber) => self.fail(fault.clone(), fiber),
            Target::Stopped { fiber, outer } => {
                let fault = fault.clone();
                self.record(HistoryEvent::FailedAtEnd { fault });
                self.change(fiber, |fiber| fiber.leave_scopes(outer))?;
                self.finish_stopped(fiber)?;
            }
            Target::Cancelled { fiber, outer } => {
                let fault = fault.clone();
                self.record(HistoryEvent::FailedAtEnd { fault });
                self.change(fiber, |fiber| fiber.leave_scopes(outer))?;
                let cancelled = self.instance.cancelled.clone();
                let cancelled =
                    cancelled.ok_or_else(|| Trouble::program("nothing was cancelled"))?;
                self.throw(fiber, cancelled);
            }
            Target::Handler {
                fiber,
                outer,
                scope,
                handler,
            } => {
                let site = self.program.op(scope).map(|(_, site)| site);
                let activity = site.map(|site| site.path.clone()).unwrap_or_default();
                let fault = fault.clone();
                let is_tried_again =
                    matches!(self.program.op(handler), Some((Op::TryAgain { .. }, _)));
                // Another attempt has an entry of its own.
                if !is_tried_again {
                    self.record(HistoryEvent::Caught {
                        activity,
                        fault: fault.clone(),
                    });
                }
                self.end_in_scope(fiber, outer + 1, Phase::Handling(fault))?;
                self.go_to(fiber, handler)?;
            }
        }
        Ok(())
    }

    /// Where the fault ends: the innermost handler that catches it, and the fibers from where it is thrown to there. A
    /// fault in a handler is one for the scopes around it. The search continues after the condition that was asked last.
    fn target(&self, fiber: FiberId, fault: &Fault, after: Option<Asked>) -> Search {
        let mut way = Vec::new();
        let mut seen = BTreeSet::new();
        let mut fiber = fiber;
        loop {
            way.push(fiber);
            let found = self.instance.fibers.get(fiber);
            // A damaged instance may have a circle.
            let Some(found) = found.filter(|_| seen.insert(fiber)) else {
                return Search::Damaged;
            };
            for (outer, scope) in found.scopes.iter().enumerate().rev() {
                if scope.phase == Phase::Finally(Outcome::Stopped) {
                    return Search::Found(Target::Stopped { fiber, outer }, way);
                }
                if let (Phase::Finally(Outcome::Failed(led)), Some(cancelled)) =
                    (&scope.phase, &self.instance.cancelled)
                    && led == cancelled
                    && fault != cancelled
                {
                    return Search::Found(Target::Cancelled { fiber, outer }, way);
                }
                let after = after.filter(|after| (after.fiber, after.outer) == (fiber, outer));
                match self.handler(scope, fault, after) {
                    Handling::No => {}
                    Handling::At(handler) => {
                        let scope = scope.entered;
                        let target = Target::Handler {
                            fiber,
                            outer,
                            scope,
                            handler,
                        };
                        return Search::Found(target, way);
                    }
                    Handling::Asks { handler, condition } => {
                        return Search::Asks(Asked {
                            fiber,
                            outer,
                            handler,
                            condition,
                        });
                    }
                }
            }
            let Some(branch) = &found.branch else {
                return Search::Found(Target::Process(fiber), way);
            };
            fiber = branch.parent;
        }
    }

    /// Which handler of the scope is for the fault.
    fn handler(&self, scope: &Scope, fault: &Fault, after: Option<Asked>) -> Handling {
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
    fn ask_handler(&mut self, fiber: FiberId, fault: Fault, asked: Asked) -> Result<(), Trouble> {
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
                },
            ..
        }) = &self.fiber(fiber)?.state
        else {
            return Err(Trouble::program("the fiber asked about no fault"));
        };
        let (fault, condition) = (fault.clone(), *condition);
        match *asker {
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
