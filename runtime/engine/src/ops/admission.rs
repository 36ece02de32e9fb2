//! What `send` and `emit` share: the host says whether it does what they want, in the same commit.
//!
//! Nothing came from outside then, so the budget of the process is not reset.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{FaultCode, FiberId};

pub(crate) fn admitted(machine: &mut Machine<'_>, fiber: FiberId) {
    let done = spend(machine).and_then(|()| machine.go_on(fiber));
    proceed(machine, fiber, done);
}

/// The fiber fails, whatever it waits for.
pub(crate) fn refused(machine: &mut Machine<'_>, fiber: FiberId, code: FaultCode, reason: &str) {
    proceed(machine, fiber, Err(Trouble::new(code.as_str(), reason)));
}

fn spend(machine: &mut Machine<'_>) -> Result<(), Trouble> {
    match machine.share_is_spent() {
        true => Ok(()),
        false => machine.spend(),
    }
}

fn proceed(machine: &mut Machine<'_>, fiber: FiberId, done: Result<(), Trouble>) {
    if let Err(trouble) = done {
        machine.throw_at(fiber, trouble);
    }
    if machine.share_is_spent() {
        machine.yield_if_ready();
    } else {
        machine.run();
    }
}
