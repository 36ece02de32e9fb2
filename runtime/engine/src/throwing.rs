//! Faults: which scope handles one, and its way there.
//!
//! The handler is chosen from the inside out, over forks too, before anything is stopped. Then everything below the
//! fiber that has the scope is stopped at once (see `stopping`). The fault goes outward from where it was thrown: it runs
//! the `finally` of each scope that it leaves, and waits at each fork until what was stopped there has ended. The handler
//! runs in the fiber that has the scope, with the fields that this fiber has then. Without a handler the process fails.

use crate::{
    machine::{Machine, Trouble},
    ops::action::{self, Again},
};
use bureaucrat_model::{
    Fault, FiberId, FiberState, HistoryEvent, Op, OpIndex, Outcome, Phase, Then, Wait, WaitKind,
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
    /// The first fiber: the process fails.
    Process(FiberId),
}

impl Target {
    const fn fiber(self) -> FiberId {
        match self {
            Self::Handler { fiber, .. } | Self::Stopped { fiber, .. } | Self::Process(fiber) => {
                fiber
            }
        }
    }

    /// How many scopes of its fiber the fault does not leave.
    const fn kept(self) -> usize {
        match self {
            Self::Handler { outer, .. } | Self::Stopped { outer, .. } => outer + 1,
            Self::Process(_) => 0,
        }
    }
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
        let again = Again {
            source: trouble.source,
            retry_after: trouble.retry_after,
        };
        let mut fault = self.fault_at(fiber, trouble);
        fault.message = self.shortened(fault.message);
        match action::tries_again(self, fiber, &fault, again) {
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
        let Some((target, way)) = self.target(fiber, fault) else {
            self.fail(fault.clone(), fiber);
            return Ok(Step::Later);
        };
        if matches!(target, Target::Process(_)) && self.waits_for_operator(fault) {
            self.stick(fiber, fault.clone())?;
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
                self.instance.fibers.remove(*id);
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
        self.instance.fibers.remove(fiber);
        let waits = self.change(parent, |parent| match &mut parent.state {
            FiberState::Waiting(Wait {
                kind: WaitKind::Stopping { remaining, then },
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
                self.change(fiber, |fiber| fiber.scopes.truncate(outer))?;
                self.finish_stopped(fiber)?;
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
                self.record(HistoryEvent::Caught {
                    activity,
                    fault: fault.clone(),
                });
                self.change(fiber, |fiber| {
                    fiber.scopes.truncate(outer + 1);
                    if let Some(scope) = fiber.scopes.last_mut() {
                        scope.phase = Phase::Handling(fault);
                        scope.items = None;
                    }
                })?;
                self.go_to(fiber, handler)?;
            }
        }
        Ok(())
    }

    /// Where the fault ends: the innermost handler that catches it, and the fibers from where it is thrown to there. A
    /// fault in a handler is one for the scopes around it.
    fn target(&self, fiber: FiberId, fault: &Fault) -> Option<(Target, Vec<FiberId>)> {
        let mut way = Vec::new();
        let mut seen = BTreeSet::new();
        let mut fiber = fiber;
        loop {
            way.push(fiber);
            // A damaged instance may have a circle.
            if !seen.insert(fiber) {
                return None;
            }
            let found = self.instance.fibers.get(fiber)?;
            for (outer, scope) in found.scopes.iter().enumerate().rev() {
                if scope.phase == Phase::Finally(Outcome::Stopped) {
                    return Some((Target::Stopped { fiber, outer }, way));
                }
                let entered = self.program.ops.get(scope.entered.0 as usize);
                if let (Phase::Body, Some(Op::EnterScope { handlers, .. })) =
                    (&scope.phase, entered)
                    && let Some(handler) = handlers.iter().find(|one| one.catches(&fault.code))
                {
                    let (scope, handler) = (scope.entered, handler.at);
                    let target = Target::Handler {
                        fiber,
                        outer,
                        scope,
                        handler,
                    };
                    return Some((target, way));
                }
            }
            let Some(branch) = &found.branch else {
                return Some((Target::Process(fiber), way));
            };
            fiber = branch.parent;
        }
    }
}
