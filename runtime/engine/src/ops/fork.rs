//! `all`: one fiber for each branch, and the ends of branches.
//!
//! A branch starts from a copy of the forking fiber's fields. When it ends, its changes are applied
//! to them. Branches share values, but each has its own names and order, so the total size is
//! checked before copies are made.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{
    Branch, FaultCode, Fiber, FiberId, FiberState, HistoryEvent, OpIndex, Wait, WaitKind,
};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    branches: &[OpIndex],
    next: OpIndex,
) -> Result<(), Trouble> {
    if branches.is_empty() {
        return machine.go_to(fiber, next);
    }
    let limit = machine.environment.limits.fibers as usize;
    let alive = machine.instance.fibers.len();
    if branches.len() > limit.saturating_sub(alive) {
        return Err(exceeded(format!(
            "{} branches more would be too many: {alive} fibers are alive, {limit} are allowed",
            branches.len()
        )));
    }
    let count = u32::try_from(branches.len()).unwrap_or(u32::MAX);
    let first = machine.instance.next_fiber;
    let Some(next_fiber) = first.checked_add(count) else {
        return Err(exceeded("no number is left for another fiber".to_owned()));
    };
    let fields = machine.fields(fiber)?;
    let copies = fields.size().saturating_mul(2 * branches.len());
    let held = machine.instance.fibers.held_bytes();
    check_held(machine, held.saturating_add(copies))?;
    machine.instance.next_fiber = next_fiber;
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    machine.wait(fiber, turn, WaitKind::Branches { remaining: count })?;
    machine.record(HistoryEvent::Forked {
        activity,
        branches: count,
    });
    for (id, at) in (first..).zip(branches) {
        let branch = Fiber {
            at: *at,
            state: FiberState::Ready,
            fields: fields.clone(),
            branch: Some(Branch {
                parent: fiber,
                base: fields.clone(),
            }),
            answered: None,
            scopes: Vec::new(),
            handlers: Vec::new(),
        };
        machine.add_fiber(FiberId(id), branch);
    }
    Ok(())
}

/// Ends a branch and applies its changes; after the last one, the forking fiber continues.
pub(crate) fn end_branch(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    // The fiber stays until nothing can fail any more, so that a fault knows where it happened.
    let (branch, changed, answered) = machine.change(fiber, |ended| {
        let fields = std::mem::take(&mut ended.fields);
        (ended.branch.take(), fields, ended.answered)
    })?;
    let Some(Branch { parent, base }) = branch else {
        return Err(Trouble::program("a branch ends that was never forked"));
    };
    let (joined, at) = machine.change(parent, |target| {
        let FiberState::Waiting(Wait {
            kind: WaitKind::Branches { remaining },
            ..
        }) = &mut target.state
        else {
            return Err(Trouble::program("a branch ends that nobody waits for"));
        };
        *remaining = remaining.saturating_sub(1);
        let joined = *remaining == 0;
        target.fields.merge(&base, &changed);
        target.answered = answered.or(target.answered);
        Ok((joined, target.at))
    })??;
    machine.check_fields(parent)?;
    machine.instance.fibers.remove(fiber);
    if !joined {
        return Ok(());
    }
    let activity = machine.path(parent);
    machine.record(HistoryEvent::Joined { activity });
    let fork = machine.program.op(at).and_then(|(op, _)| op.target());
    match fork {
        Some(next) => machine.go_to(parent, next),
        None => Err(Trouble::program("a branch ends below something else")),
    }
}

/// Fails if the fibers' fields together exceed the limit.
pub(crate) fn check_held(machine: &Machine<'_>, held: usize) -> Result<(), Trouble> {
    let limit = machine.environment.limits.instance_bytes;
    if held > limit {
        return Err(exceeded(format!(
            "the fields of all branches would take {held} bytes; {limit} are allowed"
        )));
    }
    Ok(())
}

fn exceeded(message: String) -> Trouble {
    Trouble::new(FaultCode::LIMIT_EXCEEDED, message)
}
