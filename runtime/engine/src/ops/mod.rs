//! The instructions, one file each: how it starts, and how an input resumes it.

pub(crate) mod action;
pub(crate) mod await_event;
pub(crate) mod call;
pub(crate) mod complete;
pub(crate) mod delay;
pub(crate) mod fork;
pub(crate) mod jump;
pub(crate) mod test;

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{FiberId, Op};

/// Runs one instruction of a fiber that is ready.
pub(crate) fn run(machine: &mut Machine<'_>, fiber: FiberId, op: &Op) -> Result<(), Trouble> {
    match op {
        Op::Action { participant } => action::start(machine, fiber, participant),
        Op::Delay { duration } => delay::start(machine, fiber, *duration),
        Op::Await { event, .. } => await_event::start(machine, fiber, event),
        Op::Call { field } => call::start(machine, fiber, field),
        Op::Jump { target } => jump::start(machine, fiber, *target),
        Op::Test {
            conditions,
            otherwise,
        } => test::start(machine, fiber, *conditions, *otherwise),
        Op::Fork { branches, next } => fork::start(machine, fiber, branches, *next),
        Op::EndBranch => fork::end_branch(machine, fiber),
        Op::Complete => complete::start(machine, fiber),
    }
}
