//! A jump: continues at another instruction.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{FiberId, OpIndex};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    target: OpIndex,
) -> Result<(), Trouble> {
    machine.go_to(fiber, target)
}
