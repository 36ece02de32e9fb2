//! Stopping: what is below a fiber ends, because of a fault, a lost race, or because the process is cancelled.
//!
//! What the stopped fibers wait for is withdrawn at once, in one step; late answers are stale. Then each runs the `finally`
//! of the scopes that it is in, from the inside out, over its own fields, which nobody sees any more. What stopped them waits
//! for that, at most for [`PATIENCE`].

use crate::{
    ending::withdrawal,
    machine::{Machine, Trouble},
};
use bureaucrat_model::{
    Bond, Called, Effect, FaultCode, Fiber, FiberId, FiberState, HistoryEvent, Millis, Op, OpIndex,
    Outcome, Phase, ProcessId, Sharing, Then, Turn, Wait, WaitKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// How long what was stopped may take for its end.
const PATIENCE: Millis = Millis(60_000);

impl Machine<'_> {
    /// Takes back what the fiber waits for.
    pub fn withdraw(&mut self, fiber: FiberId) {
        if let Some(found) = self.instance.fibers.get(fiber) {
            self.effects.extend(withdrawal(self.program, fiber, found));
        }
    }

    /// Stops everything below the fiber, then continues it.
    pub fn stop_below(&mut self, fiber: FiberId, then: Then) -> Result<(), Trouble> {
        let left = self.stop_all(fiber, &[fiber]);
        self.settle_for(fiber)?;
        match left.get(&fiber) {
            Some(remaining) => self.wait_for_stopped(fiber, *remaining, then),
            None => self.proceed(fiber, then),
        }
    }

    /// Takes back what the fiber waits for, and forgets what was computed for its instruction.
    pub(crate) fn settle_for(&mut self, fiber: FiberId) -> Result<(), Trouble> {
        self.withdraw(fiber);
        self.change(fiber, |fiber| {
            fiber.values.clear();
            fiber.given = None;
            fiber.failed = 0;
            fiber.within = None;
        })?;
        self.stop_waiting(fiber)
    }

    /// Stops all fibers below `top`, except those in `way`. Returns how many are left for their ends, by whom they wait for.
    pub(crate) fn stop_all(&mut self, top: FiberId, way: &[FiberId]) -> BTreeMap<FiberId, u32> {
        let way: BTreeSet<FiberId> = way.iter().copied().collect();
        let (mut below, mut alone) = (BTreeSet::from([top]), BTreeSet::new());
        let mut found = Vec::new();
        // A branch has a higher number than the fiber that forked it.
        for (id, fiber) in self.instance.fibers.iter() {
            let Some(parent) = fiber.branch.as_ref().map(|branch| branch.parent) else {
                continue;
            };
            if id == top || !below.contains(&parent) {
                continue;
            }
            below.insert(id);
            if alone.contains(&parent) {
                alone.insert(id);
            } else {
                found.push((id, parent));
                if is_stopped(fiber) && !way.contains(&id) {
                    alone.insert(id);
                }
            }
        }
        let mut withdrawn = Vec::new();
        for (id, _) in &found {
            let stays = alone.contains(id) || way.contains(id);
            // A called process that is cancelled is waited for.
            if let Some(fiber) = self.instance.fibers.get(*id).filter(|_| !stays)
                && self.called_by(fiber).is_none()
            {
                withdrawn.extend(withdrawal(self.program, *id, fiber));
            }
        }
        self.effects.append(&mut withdrawn);
        let mut left = BTreeMap::new();
        for (id, parent) in found.into_iter().rev() {
            if way.contains(&id) {
                continue;
            }
            let remaining = left.remove(&id);
            let is_left = alone.contains(&id) || self.stop_one(id, remaining);
            if is_left {
                *left.entry(parent).or_insert(0) += 1;
            }
        }
        left
    }

    /// Stops a fiber, below which so many are left. Returns whether it is left, too.
    fn stop_one(&mut self, id: FiberId, remaining: Option<u32>) -> bool {
        self.unshare(id);
        if let Ok(true) = self.cancel_called(id, Then::Stop) {
            return true;
        }
        if let Some(remaining) = remaining {
            let waits = self.wait_for_stopped(id, remaining, Then::Stop);
            return waits.is_ok();
        }
        let begun = match self.finally_of(id, 0) {
            Some((outer, at)) => self.run_finally(id, outer, at, Outcome::Stopped),
            None => Err(Trouble::program("nothing runs at its end")),
        };
        if begun.is_err() {
            self.remove_branch(id);
        }
        begun.is_ok()
    }

    /// What a stopped fiber does at its end changes no fields of others, and each `finally` begins with the fields that
    /// it had when it was stopped.
    fn unshare(&mut self, id: FiberId) {
        let fibers = &mut self.instance.fibers;
        let found = fibers.get(id).filter(|found| found.shares_in_place());
        let parent = found.and_then(|found| Some(found.branch.as_ref()?.parent));
        let shared = parent.and_then(|parent| fibers.visible(parent));
        fibers.change(id, |fiber| {
            fiber.fields = shared.unwrap_or_else(|| fiber.fields.clone());
            if let Some(branch) = &mut fiber.branch {
                branch.sharing = Sharing::Copy;
                branch.base = fiber.fields.clone();
            }
        });
    }

    /// The innermost scope of the fiber, of those after the first `kept`, that has something to run at its end and has not
    /// begun with it.
    pub(crate) fn finally_of(&self, fiber: FiberId, kept: usize) -> Option<(usize, OpIndex)> {
        let found = self.instance.fibers.get(fiber)?;
        let mut scopes = found.scopes.iter().enumerate().skip(kept).rev();
        scopes.find_map(|(outer, scope)| {
            let op = self.program.ops.get(scope.entered.0 as usize)?;
            match (op, &scope.phase) {
                (_, Phase::Finally(_)) => None,
                (
                    Op::EnterScope { finally, .. },
                    Phase::Body | Phase::Handling(_) | Phase::Interrupted,
                ) => finally.map(|at| (outer, at)),
                (_, Phase::Body | Phase::Handling(_) | Phase::Interrupted) => None,
            }
        })
    }

    pub(crate) fn run_finally(
        &mut self,
        fiber: FiberId,
        outer: usize,
        at: OpIndex,
        outcome: Outcome,
    ) -> Result<(), Trouble> {
        self.change(fiber, |fiber| {
            fiber.values.clear();
            fiber.given = None;
            fiber.failed = 0;
            fiber.within = None;
            if let (Outcome::Stopped, Some(branch)) = (&outcome, &fiber.branch) {
                fiber.fields = branch.base.clone();
            }
        })?;
        let entered = self.end_in_scope(fiber, outer + 1, Phase::Finally(outcome))?;
        let site = entered.and_then(|entered| self.program.op(entered));
        let activity = site.map(|(_, site)| site.path.clone()).unwrap_or_default();
        self.record(HistoryEvent::Finishing { activity });
        self.go_to(fiber, at)
    }

    pub(crate) fn wait_for_stopped(
        &mut self,
        fiber: FiberId,
        remaining: u32,
        then: Then,
    ) -> Result<(), Trouble> {
        let turn = self.next_turn();
        let due = self.environment.now.after(PATIENCE);
        self.wait_until(
            fiber,
            turn,
            WaitKind::Stopping {
                remaining,
                then,
                called: None,
            },
            Some(due),
        )
    }

    /// The process that the fiber has called and waits for.
    fn called_by(&self, fiber: &Fiber) -> Option<(ProcessId, Turn)> {
        let FiberState::Waiting(Wait {
            turn,
            kind: WaitKind::Child {
                child, definition, ..
            },
            ..
        }) = &fiber.state
        else {
            return None;
        };
        let is_started = !matches!(definition, Called::Sought(_));
        let op = self.program.ops.get(fiber.at.0 as usize);
        let is_awaited = matches!(
            op,
            Some(Op::Call {
                bond: Bond::Awaited,
                ..
            })
        );
        (is_started && is_awaited).then_some((*child, *turn))
    }

    /// Cancels the process that the fiber has called, and waits for its end. Returns whether there is one.
    pub(crate) fn cancel_called(&mut self, id: FiberId, then: Then) -> Result<bool, Trouble> {
        let Some((child, turn)) = self.called_by(self.fiber(id)?) else {
            return Ok(false);
        };
        self.effects.push(Effect::CancelChild {
            child,
            turn,
            awaited_by: Some(id),
        });
        let due = self.environment.now.after(PATIENCE);
        let kind = WaitKind::Stopping {
            remaining: 1,
            then,
            called: Some(child),
        };
        // The end of the called process comes under the turn of its call.
        self.wait_until(id, turn, kind, Some(due))?;
        Ok(true)
    }

    /// The called process that was stopped has ended.
    pub(crate) fn called_has_ended(&mut self, fiber: FiberId) -> Result<(), Trouble> {
        let then = self.change(fiber, |fiber| match &mut fiber.state {
            FiberState::Waiting(Wait {
                kind:
                    WaitKind::Stopping {
                        remaining,
                        then,
                        called,
                    },
                ..
            }) => {
                *called = None;
                *remaining = remaining.saturating_sub(1);
                (*remaining == 0).then(|| then.clone())
            }
            FiberState::Waiting(_) | FiberState::Ready => None,
        })?;
        let Some(then) = then else {
            return Ok(());
        };
        self.withdraw(fiber);
        self.stop_waiting(fiber)?;
        self.proceed(fiber, then)
    }

    /// A stopped fiber has run what it ran at its end: runs that of the next scope around, or ends the fiber.
    pub fn finish_stopped(&mut self, fiber: FiberId) -> Result<(), Trouble> {
        if let Some((outer, at)) = self.finally_of(fiber, 0) {
            return self.run_finally(fiber, outer, at, Outcome::Stopped);
        }
        let mut ended = fiber;
        loop {
            let branch = self.fiber(ended)?.branch.clone();
            let Some(branch) = branch else {
                return Err(Trouble::program("the first fiber was stopped"));
            };
            self.remove_branch(ended);
            let parent = branch.parent;
            let then = self.change(parent, |parent| match &mut parent.state {
                FiberState::Waiting(Wait {
                    kind:
                        WaitKind::Stopping {
                            remaining, then, ..
                        },
                    ..
                }) => {
                    *remaining = remaining.saturating_sub(1);
                    (*remaining == 0).then(|| then.clone())
                }
                FiberState::Waiting(_) | FiberState::Ready => None,
            })?;
            match then {
                None => return Ok(()),
                Some(Then::Stop) if self.finally_of(parent, 0).is_none() => {
                    self.withdraw(parent);
                    ended = parent;
                }
                Some(then) => {
                    self.withdraw(parent);
                    self.stop_waiting(parent)?;
                    return self.proceed(parent, then);
                }
            }
        }
    }

    /// What was stopped took too long: it ends without what it would have run.
    pub fn cut_stopped(&mut self, fiber: FiberId) -> Result<(), Trouble> {
        let then = match &self.fiber(fiber)?.state {
            FiberState::Waiting(Wait {
                kind: WaitKind::Stopping { then, .. },
                ..
            }) => then.clone(),
            FiberState::Waiting(_) | FiberState::Ready => {
                return Err(Trouble::program("the fiber stops nothing"));
            }
        };
        let what = "the stopped branches took longer than a minute to end, and were cut off";
        let fault = self.fault_at(fiber, Trouble::new(FaultCode::TIMEOUT, what));
        self.record(HistoryEvent::FailedAtEnd { fault });
        let mut below = BTreeSet::from([fiber]);
        let mut withdrawn = Vec::new();
        for (id, found) in self.instance.fibers.iter() {
            let parent = found.branch.as_ref().map(|branch| branch.parent);
            if parent.is_some_and(|parent| below.contains(&parent)) && id != fiber {
                below.insert(id);
                withdrawn.extend(withdrawal(self.program, id, found));
            }
        }
        self.effects.append(&mut withdrawn);
        below.remove(&fiber);
        // The innermost first, so that each passes on what completed in it.
        for id in below.into_iter().rev() {
            self.remove_branch(id);
        }
        self.withdraw(fiber);
        self.stop_waiting(fiber)?;
        self.proceed(fiber, then)
    }

    fn proceed(&mut self, fiber: FiberId, then: Then) -> Result<(), Trouble> {
        match then {
            Then::GoTo(at) => self.go_to(fiber, at),
            Then::Stop => self.finish_stopped(fiber),
            Then::Throw(fault) => {
                self.throw(fiber, fault);
                Ok(())
            }
        }
    }
}

/// Whether the fiber was stopped before, and is at its end.
fn is_stopped(fiber: &Fiber) -> bool {
    if let FiberState::Waiting(Wait {
        kind: WaitKind::Stopping {
            then: Then::Stop, ..
        },
        ..
    }) = &fiber.state
    {
        return true;
    }
    let mut scopes = fiber.scopes.iter();
    scopes.any(|scope| scope.phase == Phase::Finally(Outcome::Stopped))
}
