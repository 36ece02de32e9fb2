//! What of an activity has begun once something is inside it, and so must be the same in another version.

use bureaucrat_model::{ActivityPath, Join, Op, OpIndex, Program};
use std::mem::{Discriminant, discriminant};

/// A part of an activity's own structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Structure {
    Scope,
    Fork { branches: usize, join: Join },
    Items,
    Rounds,
    Parallel,
    Events { listeners: usize },
    Tries,
    Listener,
}

/// The structure of the activity itself.
pub(super) fn of(program: &Program, path: &ActivityPath) -> Vec<Structure> {
    let ops = own(program, path).map(|(_, op)| op);
    ops.filter_map(|op| {
        Some(match op {
            Op::EnterScope { .. } => Structure::Scope,
            Op::Fork { branches, join, .. } => Structure::Fork {
                branches: branches.len(),
                join: *join,
            },
            Op::EnterItems => Structure::Items,
            Op::NextItem { .. } => Structure::Rounds,
            Op::ForkItems { .. } => Structure::Parallel,
            Op::Listen { listeners, .. } => Structure::Events {
                listeners: listeners.len(),
            },
            Op::TryAgain { .. } => Structure::Tries,
            Op::Receive { .. } | Op::Alarm { .. } => Structure::Listener,
            Op::Action { .. }
            | Op::Delay { .. }
            | Op::Await { .. }
            | Op::Call { .. }
            | Op::Fault { .. }
            | Op::Evaluate { .. }
            | Op::Constant { .. }
            | Op::Store { .. }
            | Op::Emit { .. }
            | Op::Send { .. }
            | Op::Within { .. }
            | Op::Deadline { .. }
            | Op::Jump { .. }
            | Op::Test { .. }
            | Op::EndBranch
            | Op::Complete
            | Op::LeaveScope
            | Op::Declare { .. }
            | Op::Collect
            | Op::StoreCollected { .. }
            | Op::Forget
            | Op::Compensate { .. } => return None,
        })
    })
    .collect()
}

/// The instructions of the activity itself.
pub(super) fn own<'a>(
    program: &'a Program,
    path: &'a ActivityPath,
) -> impl Iterator<Item = (OpIndex, &'a Op)> {
    let all = (0..)
        .map(OpIndex)
        .zip(program.ops.iter().zip(&program.sites));
    all.filter_map(move |(at, (op, site))| (site.path == *path).then_some((at, op)))
}

/// Whether an instruction only computes something for the one that follows.
pub(super) const fn computes(op: &Op) -> bool {
    matches!(
        op,
        Op::Evaluate { .. } | Op::Constant { .. } | Op::Within { .. }
    )
}

/// The instructions of the activity that do more than compute something for the next one.
pub(super) fn steps<'a>(program: &'a Program, path: &'a ActivityPath) -> Vec<(OpIndex, &'a Op)> {
    own(program, path).filter(|(_, op)| !computes(op)).collect()
}

pub(super) fn kind(op: &Op) -> Discriminant<Op> {
    discriminant(op)
}

/// The instruction that enters a scope, in the other version: the one at the same place among those of its kind and
/// activity. A parallel `foreach` enters one for each item by itself.
pub(super) fn scope_like(
    old: (&Program, OpIndex, &ActivityPath),
    new: (&Program, &ActivityPath),
) -> Option<OpIndex> {
    let (entering, _) = old.0.op(old.1)?;
    let enters = |(_, op): &(OpIndex, &Op)| kind(op) == kind(entering);
    let place = own(old.0, old.2)
        .filter(enters)
        .position(|(at, _)| at == old.1)?;
    own(new.0, new.1)
        .filter(enters)
        .nth(place)
        .map(|(at, _)| at)
}
