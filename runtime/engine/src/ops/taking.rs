//! What activities share that send fields out and take something in: `in`, `out` and `into`.

use crate::{
    machine::{Machine, Trouble},
    values::Values,
};
use bureaucrat_model::{Carries, FiberId, Fields, JsonText, Taking};

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

/// What a task carries; none for all fields that are visible.
pub(crate) fn carried(values: &mut Values, carries: &Carries) -> Result<Option<Fields>, Trouble> {
    let (args, kwargs) = match carries {
        Carries::All => return Ok(None),
        Carries::Fields(names) => return inputs(values, Some(names)),
        Carries::Arguments { args, kwargs } => (*args, kwargs),
    };
    let args: Vec<JsonText> = (0..args).map(|_| values.take()).collect::<Result<_, _>>()?;
    let kwargs = inputs(values, Some(kwargs))?.unwrap_or_default();
    let mut fields = Fields::new();
    fields.set(Carries::ARGS, JsonText::list(&args));
    fields.set(Carries::KWARGS, kwargs.to_value_text());
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
            machine.check_growth(value.as_str().len())?;
            machine.change(fiber, |fiber| fiber.given = Some(value))
        }
        Taking::Fields => Err(Trouble::program("a value is no fields")),
    }
}
