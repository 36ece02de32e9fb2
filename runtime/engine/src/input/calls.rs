//! Finds the calls that inputs are for.

use super::{find_wait, not_waiting};
use crate::{Rejection, machine::Machine};
use bureaucrat_model::{Called, FiberId, ProcessId, Turn, WaitKind};

/// What the fiber calls under this turn.
pub(super) fn find_child(
    machine: &Machine<'_>,
    fiber: FiberId,
    turn: Turn,
) -> Result<ProcessId, Rejection> {
    match find_wait(machine, fiber, turn)?.kind {
        WaitKind::Child { child, .. }
        | WaitKind::Stopping {
            called: Some(child),
            ..
        } => Ok(child),
        WaitKind::Answer { .. }
        | WaitKind::Timer { .. }
        | WaitKind::Event { .. }
        | WaitKind::Branches { .. }
        | WaitKind::Stopping { called: None, .. }
        | WaitKind::Operator { .. }
        | WaitKind::Admission
        | WaitKind::Fault { .. }
        | WaitKind::Listening { .. }
        | WaitKind::Compensation { .. }
        | WaitKind::Condition { .. } => Err(not_waiting(machine, fiber, turn)),
    }
}

/// Checks that the fiber waits until the version that it calls is chosen.
pub(super) fn find_sought(
    machine: &Machine<'_>,
    fiber: FiberId,
    turn: Turn,
) -> Result<(), Rejection> {
    find_child(machine, fiber, turn)?;
    let is_sought = matches!(
        find_wait(machine, fiber, turn)?.kind,
        WaitKind::Child {
            definition: Called::Sought(_),
            ..
        }
    );
    match is_sought {
        true => Ok(()),
        false => Err(not_waiting(machine, fiber, turn)),
    }
}
