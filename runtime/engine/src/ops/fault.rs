//! `fault`: throws a fault of the definition's own, or again the one that is being handled.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{Fault, FaultCode, FiberId};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    code: Option<&FaultCode>,
    message: &str,
) -> Result<(), Trouble> {
    if let Some(code) = code {
        return Err(Trouble::new(code.as_str(), message));
    }
    let fault = handled(machine, fiber)?;
    machine.throw(fiber, fault);
    Ok(())
}

/// The fault that the innermost handler around the fiber deals with.
fn handled(machine: &Machine<'_>, fiber: FiberId) -> Result<Fault, Trouble> {
    let mut found = machine.fiber(fiber)?;
    loop {
        let handling = found.scopes.iter().rev();
        if let Some(fault) = handling.filter_map(|scope| scope.handling.as_ref()).next() {
            return Ok(fault.clone());
        }
        let Some(branch) = &found.branch else {
            return Err(Trouble::program("no fault is being handled"));
        };
        found = machine.fiber(branch.parent)?;
    }
}
