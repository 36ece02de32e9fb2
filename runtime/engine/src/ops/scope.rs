//! Scopes: entering and leaving. What happens to a fault inside of one is in `throwing`.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{FiberId, Op, Scope};

pub(crate) fn enter(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    machine.change(fiber, |fiber| {
        fiber.scopes.push(Scope {
            entered: fiber.at,
            handling: None,
        });
    })?;
    machine.go_on(fiber)
}

/// The body of the innermost scope has ended, or a handler of it: the fiber continues after the scope.
pub(crate) fn leave(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let left = machine.change(fiber, |fiber| fiber.scopes.pop())?;
    let entered = left.and_then(|scope| machine.program.ops.get(scope.entered.0 as usize));
    match entered {
        Some(Op::EnterScope { next, .. }) => machine.go_to(fiber, *next),
        Some(_) | None => Err(Trouble::program("a scope is left that was never entered")),
    }
}
