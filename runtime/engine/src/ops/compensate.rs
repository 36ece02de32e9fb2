//! `compensate`: undoes scopes that have completed, the last one first.
//!
//! A completed scope that can be compensated is a fiber of its own, which waits at the beginning of the compensation with
//! the fields that the scope saw last. Fibers and their scopes keep lists of them; a fiber that ends passes its list to what is
//! around it. To run one it becomes a branch of the compensating fiber, which gets its changes.

use crate::{
    machine::{Machine, Trouble},
    ops::fork::exceeded,
};
use bureaucrat_model::{
    Branch, Fiber, FiberId, FiberState, HistoryEvent, OpIndex, Outcome, Phase, Scope, Sharing,
    Turn, Wait, WaitKind,
};

/// The most scopes of a process that can be compensated at one time.
const COMPENSATIONS: usize = 1_000;

/// Fails if no further scope with a compensation may be entered.
pub(crate) fn check_room(machine: &Machine<'_>) -> Result<(), Trouble> {
    if machine.instance.fibers.compensable() < COMPENSATIONS {
        return Ok(());
    }
    Err(exceeded(format!(
        "{COMPENSATIONS} scopes can already be compensated; no more are kept"
    )))
}

/// Runs the compensation of the scope that completed last, or continues.
pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    scope: Option<OpIndex>,
) -> Result<(), Trouble> {
    let Some((owner, outer)) = ending(machine, fiber) else {
        return Err(Trouble::program("no scope has failed or ends"));
    };
    let Some(chosen) = last_completed(machine, (owner, outer), scope) else {
        return machine.go_on(fiber);
    };
    let id = machine.new_fiber()?;
    machine.change(owner, |owner| {
        if let Some(scope) = owner.scopes.get_mut(outer) {
            scope.completed.retain(|one| *one != chosen);
        }
    })?;
    let Some(kept) = machine.instance.fibers.remove(chosen) else {
        return Err(Trouble::program("a compensation is missing"));
    };
    let turn = machine.next_turn();
    machine.wait(fiber, turn, WaitKind::Branches { remaining: 1 })?;
    let site = machine.program.op(kept.at).map(|(_, site)| site);
    let activity = site.map(|site| site.path.clone()).unwrap_or_default();
    machine.record(HistoryEvent::Compensating { activity });
    let branch = Branch {
        parent: fiber,
        base: kept.fields.clone(),
        item: None,
        sharing: Sharing::Copy,
    };
    machine.add_fiber(id, Fiber::new(kept.at, kept.fields, Some(branch)));
    Ok(())
}

/// The innermost scope around the fiber that has failed or ends: the fiber that has it, and its place there.
fn ending(machine: &Machine<'_>, fiber: FiberId) -> Option<(FiberId, usize)> {
    let mut at = fiber;
    // A damaged instance may have a circle.
    for _ in 0..=machine.instance.fibers.len() {
        let found = machine.instance.fibers.get(at)?;
        let ends = |scope: &Scope| scope.phase != Phase::Body;
        if let Some(outer) = found.scopes.iter().rposition(ends) {
            return Some((at, outer));
        }
        at = found.branch.as_ref()?.parent;
    }
    None
}

fn last_completed(
    machine: &Machine<'_>,
    (owner, outer): (FiberId, usize),
    wanted: Option<OpIndex>,
) -> Option<FiberId> {
    let completed = &machine
        .instance
        .fibers
        .get(owner)?
        .scopes
        .get(outer)?
        .completed;
    let found = completed.iter().filter_map(|id| {
        let (turn, scope) = compensation(machine, *id)?;
        wanted
            .is_none_or(|wanted| wanted == scope)
            .then_some((turn, *id))
    });
    found.max().map(|(_, id)| id)
}

/// When a scope completed, relative to others, and which one it was.
fn compensation(machine: &Machine<'_>, id: FiberId) -> Option<(Turn, OpIndex)> {
    let FiberState::Waiting(Wait {
        turn,
        kind: WaitKind::Compensation { scope },
        ..
    }) = &machine.instance.fibers.get(id)?.state
    else {
        return None;
    };
    Some((*turn, *scope))
}

/// Leaves the innermost scope, which has completed. With a compensation, that stands for all that completed inside it.
pub(crate) fn complete(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    let scope = found.scopes.last();
    let Some((at, entered)) = scope.and_then(|scope| Some((scope.compensation?, scope.entered)))
    else {
        let count = found.scopes.len().saturating_sub(1);
        return machine.change(fiber, |fiber| fiber.leave_scopes(count));
    };
    let fields = machine.fields(fiber)?;
    machine.check_total(fields.size())?;
    let kept = machine.new_fiber()?;
    forget(machine, fiber)?;
    machine.add_fiber(kept, Fiber::new(at, fields, None));
    let turn = machine.next_turn();
    machine.wait(kept, turn, WaitKind::Compensation { scope: entered })?;
    machine.change(fiber, |fiber| {
        fiber.scopes.pop();
        fiber.completed_here().push(kept);
    })
}

/// Nothing that completed in the innermost scope can be compensated any more.
pub(crate) fn forget(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let completed = machine.change(fiber, |fiber| {
        let scope = fiber.scopes.last_mut();
        scope.map(|scope| {
            scope.compensation = None;
            std::mem::take(&mut scope.completed)
        })
    })?;
    for id in completed.into_iter().flatten() {
        machine.instance.fibers.remove(id);
    }
    Ok(())
}

impl Machine<'_> {
    /// Removes a branch that has ended. What completed in it is kept by the fiber that forked it.
    pub(crate) fn remove_branch(&mut self, id: FiberId) {
        let Some(mut ended) = self.instance.fibers.remove(id) else {
            return;
        };
        ended.leave_scopes(0);
        let parent = ended.branch.map(|branch| branch.parent);
        let Some(parent) = parent.filter(|_| !ended.completed.is_empty()) else {
            return;
        };
        let kept = self.instance.fibers.change(parent, |parent| {
            parent.completed_here().extend(&ended.completed);
        });
        if kept.is_none() {
            for id in ended.completed {
                self.instance.fibers.remove(id);
            }
        }
    }

    /// Keeps the outermost `count` scopes of the fiber; the last of them has an end like this.
    pub(crate) fn end_in_scope(
        &mut self,
        fiber: FiberId,
        count: usize,
        phase: Phase,
    ) -> Result<Option<OpIndex>, Trouble> {
        self.change(fiber, |fiber| {
            fiber.leave_scopes(count);
            let scope = fiber.scopes.last_mut()?;
            if phase != Phase::Finally(Outcome::Completed) {
                scope.compensation = None;
            }
            scope.phase = phase;
            scope.items = None;
            scope.decision = None;
            Some(scope.entered)
        })
    }
}
