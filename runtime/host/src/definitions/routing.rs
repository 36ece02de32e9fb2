//! Whether the tasks of a definition can be sent as the settings say: refused when it is compiled, at the place of the
//! action, not when the first task is sent.

use super::LoadFailure;
use bureaucrat_model::{Op, Operand, Program};
use bureaucrat_wire::{Routes, can_carry, routing_key_fits};

/// Checks the actions whose participants are written in the definition.
pub(super) fn check(routes: &Routes, program: &Program) -> Result<(), LoadFailure> {
    let mut reasons = Vec::new();
    for (op, site) in program.ops.iter().zip(&program.sites) {
        let Op::Action {
            participant: Operand::Fixed(participant),
            way,
            carries,
            ..
        } = op
        else {
            continue;
        };
        let place = |error: &dyn std::error::Error| {
            format!("{}:{}: {error}", site.span.line, site.span.column)
        };
        let told = way.as_ref().and_then(|way| way.via);
        let via = routes.via(participant, told);
        if let Err(error) = can_carry(via, carries.cargo()) {
            reasons.push(place(&error));
        }
        if !way.as_ref().is_some_and(|way| way.has_destination())
            && let Err(error) = routing_key_fits(routes, participant, told)
        {
            reasons.push(place(&error));
        }
    }
    match reasons.is_empty() {
        true => Ok(()),
        false => Err(LoadFailure::definition(reasons)),
    }
}
