//! Puts computed values into fields.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{FiberId, FieldPath};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    targets: &[FieldPath],
) -> Result<(), Trouble> {
    let mut values = machine.values(fiber)?;
    for target in targets {
        machine.put(fiber, target, values.take()?)?;
    }
    // A store that fails is perhaps tried again, with what came back.
    machine.change(fiber, |fiber| {
        fiber.given = None;
        fiber.failed = 0;
    })?;
    machine.go_on(fiber)
}
