//! Faults: which scope handles one, and its way there.
//!
//! The handler is chosen from the inside out, over forks too, before anything is stopped. Then everything below the
//! fiber that has the scope is stopped at once (see `stopping`). The fault goes outward from where it was thrown: it runs
//! the `finally` of each scope that it leaves, and waits at each fork until what was stopped there has ended. The handler
//! runs in the fiber that has the scope, with the fields that this fiber has then. Without a handler the process fails.

use crate::{
    choosing::{Asked, Handling},
    machine::{Machine, Trouble},
    ops::retry,
};
use bureaucrat_model::{
    Fault, FiberId, FiberState, HistoryEvent, Op, OpIndex, Outcome, Phase, Then, Wait, WaitKind,
};
use std::collections::BTreeSet;

/// Where a fault ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
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

/// Where a fault ends, as far as that is known.
pub(crate) enum Search {
    /// The fibers from where it is thrown to there.
    Found(Target, Vec<FiberId>),
    Asks(Asked),
    /// The fibers are no tree.
    Damaged,
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
    pub(crate) fn target(&self, fiber: FiberId, fault: &Fault, after: Option<Asked>) -> Search {
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
}
