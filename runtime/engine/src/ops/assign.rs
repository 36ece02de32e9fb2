//! `assign`: puts the value of an expression or of a module's function into a field.

use crate::{
    machine::{Machine, Trouble},
    ops::test,
};
use bureaucrat_model::{ConditionIndex, FiberId, FieldPath, FieldPathError, JsonText};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    value: ConditionIndex,
) -> Result<(), Trouble> {
    let turn = machine.next_turn();
    test::evaluate(machine, fiber, turn, value)
}

/// The value is there; the evaluation has been matched with this fiber's wait.
pub(crate) fn take(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    target: &FieldPath,
    value: JsonText,
) -> Result<(), Trouble> {
    machine.stop_waiting(fiber)?;
    let fields = &machine.fiber(fiber)?.fields;
    let whole = target.put(fields, value).map_err(|error| {
        let code = match error {
            FieldPathError::Index { .. } => "IndexError",
            FieldPathError::Kind { .. } => "TypeError",
        };
        Trouble::new(code, error.to_string())
    })?;
    let name = target.name();
    let growth = name.len() + whole.as_str().len() + 6;
    machine.change_fields(fiber, growth, |fields| fields.set(&name, whole))?;
    machine.go_on(fiber)
}
