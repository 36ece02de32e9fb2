//! `within`: how long all attempts at the action that follows may take together.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{FiberId, Millis, Operand};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    span: &Operand<Millis>,
) -> Result<(), Trouble> {
    let span = machine.values(fiber)?.span(span)?;
    let until = machine.environment.now.after(span);
    machine.change(fiber, |fiber| fiber.within = Some(until))?;
    machine.go_on(fiber)
}
