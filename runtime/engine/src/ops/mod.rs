//! The instructions, one file each: how it starts, and how an input resumes it.

pub(crate) mod action;
pub(crate) mod admission;
pub(crate) mod await_event;
pub(crate) mod call;
pub(crate) mod compensate;
pub(crate) mod complete;
pub(crate) mod deadline;
pub(crate) mod delay;
pub(crate) mod emit;
pub(crate) mod evaluate;
pub(crate) mod fault;
pub(crate) mod fork;
pub(crate) mod items;
pub(crate) mod jump;
pub(crate) mod listen;
pub(crate) mod retry;
pub(crate) mod scope;
pub(crate) mod send;
pub(crate) mod store;
pub(crate) mod taking;
pub(crate) mod test;
pub(crate) mod try_again;
pub(crate) mod untaken;
pub(crate) mod within;

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{FiberId, Op, Pace};

/// Runs one instruction of a fiber that is ready.
pub(crate) fn run(machine: &mut Machine<'_>, fiber: FiberId, op: &Op) -> Result<(), Trouble> {
    match op {
        Op::Action { .. } => action::start(machine, fiber, op),
        Op::Delay { when } => delay::start(machine, fiber, when, Pace::Clock),
        Op::Await {
            alternatives,
            timeout,
        } => await_event::start(machine, fiber, alternatives, timeout.as_ref()),
        Op::Call {
            target,
            bond,
            inputs,
            ..
        } => call::start(machine, fiber, target, *bond, inputs.as_deref()),
        Op::Deadline { span } => deadline::start(machine, fiber, span),
        Op::Emit {
            event,
            key,
            keep,
            fields,
        } => emit::start(machine, fiber, event, key.as_ref(), *keep, fields),
        Op::Send { .. } => send::start(machine, fiber, op),
        Op::Within { span } => within::start(machine, fiber, span),
        Op::Evaluate { function } => evaluate::start(machine, fiber, *function),
        Op::Constant { value } => evaluate::constant(machine, fiber, value),
        Op::Store { targets } => store::start(machine, fiber, targets),
        Op::Jump { target } => jump::start(machine, fiber, *target),
        Op::Test {
            conditions,
            otherwise,
        } => test::start(machine, fiber, *conditions, *otherwise),
        Op::Fork { branches, next, .. } => {
            fork::start(machine, fiber, branches, *next, fork::For::Branches)
        }
        Op::EndBranch => fork::end_branch(machine, fiber),
        Op::Complete => complete::start(machine, fiber),
        Op::Fault {
            code,
            message,
            data,
        } => fault::start(machine, fiber, code.as_ref(), message, data.as_ref()),
        Op::EnterScope { .. } => scope::enter(machine, fiber),
        Op::LeaveScope => scope::leave(machine, fiber),
        Op::Declare { fixed, computed } => {
            scope::declare(machine, fiber, fixed, computed.as_deref())
        }
        Op::EnterItems => items::enter(machine, fiber),
        Op::NextItem { names, end } => items::next(machine, fiber, names, *end),
        Op::ForkItems { parallel, end, .. } => items::fork(machine, fiber, *parallel, *end),
        Op::Collect => items::collect(machine, fiber),
        Op::StoreCollected { target } => items::store(machine, fiber, target),
        Op::Listen { listeners, .. } => listen::start(machine, fiber, listeners),
        Op::Receive { .. } => listen::receive(machine, fiber, op),
        Op::Alarm { when, .. } => delay::start(machine, fiber, when, Pace::Messages),
        Op::Forget => scope::forget(machine, fiber),
        Op::TryAgain { retry, .. } => try_again::start(machine, fiber, retry),
        Op::Compensate { scope } => compensate::start(machine, fiber, *scope),
    }
}
