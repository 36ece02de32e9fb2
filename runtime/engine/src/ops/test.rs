//! A test, used by `switch` and `while`: evaluates conditions in order until one holds.

use crate::{
    machine::{Machine, Trouble},
    ops::evaluate,
};
use bureaucrat_model::{ConditionIndex, ConditionRange, FiberId, OpIndex, Turn};

/// Requests the first condition. Without conditions, none holds.
pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    conditions: ConditionRange,
    otherwise: OpIndex,
) -> Result<(), Trouble> {
    match conditions.start() {
        None => machine.go_to(fiber, otherwise),
        Some(first) => {
            let turn = machine.next_turn();
            evaluate::request(machine, fiber, turn, first)
        }
    }
}

/// Whether the condition that was requested holds.
pub(crate) fn verdict(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    (conditions, condition): (ConditionRange, ConditionIndex),
    otherwise: OpIndex,
    holds: bool,
) -> Result<(), Trouble> {
    if holds {
        return machine.go_on(fiber);
    }
    match conditions.after(condition) {
        Some(next) => evaluate::request(machine, fiber, turn, next),
        None => machine.go_to(fiber, otherwise),
    }
}
