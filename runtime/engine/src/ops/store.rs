//! Puts computed values into fields.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{FiberId, FieldPath};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    targets: &[FieldPath],
) -> Result<(), Trouble> {
    let mut values = machine.values(fiber)?;
    machine.change(fiber, |fiber| {
        fiber.given = None;
        fiber.failed = 0;
    })?;
    for target in targets {
        machine.put(fiber, target, values.take()?)?;
    }
    machine.go_on(fiber)
}
