//! What activities share that send fields out and take something in: `in`, `out` and `into`.

use crate::{
    machine::{Machine, Trouble},
    values::Values,
};
use bureaucrat_model::{FiberId, Fields, JsonText, Taking};

/// The fields of these names with the next computed values; none for all that are visible.
pub(crate) fn inputs(
    values: &mut Values,
    names: Option<&[String]>,
) -> Result<Option<Fields>, Trouble> {
    let Some(names) = names else {
        return Ok(None);
    };
    let mut fields = Fields::new();
    for name in names {
        fields.set(name, values.take()?);
    }
    Ok(Some(fields))
}

/// Takes a value in, and continues after the fiber's instruction.
pub(crate) fn value(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    taking: &Taking,
    value: JsonText,
) -> Result<(), Trouble> {
    keep(machine, fiber, taking, value)?;
    machine.go_on(fiber)
}

/// Takes a value in.
pub(crate) fn keep(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    taking: &Taking,
    value: JsonText,
) -> Result<(), Trouble> {
    match taking {
        Taking::Into(target) => machine.put(fiber, target, value),
        Taking::Functions => {
            machine.check_size(value.as_str().len())?;
            machine.change(fiber, |fiber| fiber.given = Some(value))
        }
        Taking::Fields => Err(Trouble::program("a value is no fields")),
    }
}
