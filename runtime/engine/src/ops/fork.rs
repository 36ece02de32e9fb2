//! `all`, `race` and parallel `foreach`: one fiber for each branch, and the ends of branches.
//!
//! A branch starts from the fields that are visible to the forking fiber. All branches share them, and count them once;
//! one that changes a field gets a copy. When it ends, its changes are applied to the fields of the forking fiber.

use crate::{
    machine::{Machine, Trouble},
    ops::{items, listen},
};
use bureaucrat_model::{
    Branch, FaultCode, Fiber, FiberId, FiberState, HistoryEvent, Join, Op, OpIndex, Sharing, Then,
    Wait, WaitKind,
};

/// What branches are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Branches,
    /// Each for the next item of the forking fiber's innermost scope.
    Items,
}

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    branches: &[OpIndex],
    next: OpIndex,
    what: For,
) -> Result<(), Trouble> {
    if branches.is_empty() {
        return machine.go_to(fiber, next);
    }
    check_room(machine, branches.len())?;
    let fields = machine.fields(fiber)?;
    machine.check_total(fields.size())?;
    let count = u32::try_from(branches.len()).unwrap_or(u32::MAX);
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    machine.wait(fiber, turn, WaitKind::Branches { remaining: count })?;
    machine.record(HistoryEvent::Forked {
        activity,
        branches: count,
    });
    for at in branches {
        add(machine, fiber, *at, &fields, what)?;
    }
    Ok(())
}

/// Fails if so many more fibers would be too many.
pub(crate) fn check_room(machine: &Machine<'_>, count: usize) -> Result<(), Trouble> {
    let limit = machine.environment.limits.fibers as usize;
    let alive = machine.instance.fibers.len();
    if count > limit.saturating_sub(alive) {
        return Err(exceeded(format!(
            "{count} more branches would be too many: {alive} fibers are alive, and at most \
             {limit} are allowed"
        )));
    }
    Ok(())
}

fn add(
    machine: &mut Machine<'_>,
    parent: FiberId,
    at: OpIndex,
    fields: &bureaucrat_model::Fields,
    what: For,
) -> Result<(), Trouble> {
    let id = machine.new_fiber()?;
    let mut branch = Branch {
        parent,
        base: fields.clone(),
        item: None,
        sharing: Sharing::Copy,
    };
    let mut scopes = Vec::new();
    if what == For::Items {
        let place = machine.fiber(parent)?.at;
        let Some((Op::ForkItems { names, .. }, _)) = machine.program.op(place) else {
            return Err(Trouble::program("items are at no fork"));
        };
        let (item, scope) = items::begin(machine, parent, names)?;
        branch.item = Some(item);
        scopes.push(scope);
    }
    let mut fiber = Fiber::new(at, fields.clone(), Some(branch));
    fiber.scopes = scopes;
    machine.add_fiber(id, fiber);
    Ok(())
}

/// Ends a branch and applies its changes; after the last one, the forking fiber continues. In a race that is the first.
pub(crate) fn end_branch(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    // The fiber stays until nothing can fail any more, so that a fault knows where it happened.
    let ended = machine.fiber(fiber)?;
    let Some(Branch {
        parent,
        base,
        item,
        sharing,
    }) = ended.branch.clone()
    else {
        return Err(Trouble::program("a branch ends that was never forked"));
    };
    if sharing == Sharing::InPlace {
        return listen::ended(machine, fiber, parent);
    }
    let (changed, answered) = (ended.fields.clone(), ended.answered);
    let given = ended.values.last().cloned();
    if !is_forking(machine.fiber(parent)?) {
        return Err(Trouble::program("a branch ends that nobody waits for"));
    }
    machine.change_fields(parent, changed.size(), |parent| {
        parent.merge(&base, &changed);
    })?;
    if let Some(item) = item {
        items::collected(machine, parent, item, given)?;
    }
    machine.remove_branch(fiber);
    let (remaining, at) = machine.change(parent, |target| {
        target.answered = answered.or(target.answered);
        let FiberState::Waiting(Wait {
            kind: WaitKind::Branches { remaining },
            ..
        }) = &mut target.state
        else {
            return (0, target.at);
        };
        *remaining = remaining.saturating_sub(1);
        (*remaining, target.at)
    })?;
    let program = machine.program;
    let (join, next) = match program.op(at).map(|(op, _)| op) {
        Some(Op::Fork { join, next, .. }) => (*join, *next),
        Some(Op::ForkItems { end, .. }) => (Join::All, *end),
        // The next one.
        Some(Op::Compensate { .. }) => return machine.go_to(parent, at),
        Some(_) | None => return Err(Trouble::program("a branch ends below something else")),
    };
    if item.is_some() && items::has_more(machine, parent)? {
        return another(machine, parent, at.next());
    }
    if remaining > 0 && join == Join::All {
        return Ok(());
    }
    items::record_joined(machine, parent);
    match remaining {
        0 => machine.go_to(parent, next),
        _ => machine.stop_below(parent, Then::GoTo(next)),
    }
}

/// Begins the next item in the place of one that has ended.
fn another(machine: &mut Machine<'_>, parent: FiberId, at: OpIndex) -> Result<(), Trouble> {
    let fields = machine.fields(parent)?;
    machine.change(parent, |target| {
        if let FiberState::Waiting(Wait {
            kind: WaitKind::Branches { remaining },
            ..
        }) = &mut target.state
        {
            *remaining = remaining.saturating_add(1);
        }
    })?;
    add(machine, parent, at, &fields, For::Items)
}

fn is_forking(fiber: &Fiber) -> bool {
    let FiberState::Waiting(wait) = &fiber.state else {
        return false;
    };
    matches!(wait.kind, WaitKind::Branches { .. })
}

pub(crate) fn exceeded(message: String) -> Trouble {
    Trouble::new(FaultCode::LIMIT_EXCEEDED, message)
}
