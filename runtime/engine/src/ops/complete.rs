//! The end of the process.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::FiberId;

/// Completes the process with this fiber's fields.
pub(crate) fn start(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let fields = machine.fields(fiber)?;
    machine.complete(fields);
    Ok(())
}
