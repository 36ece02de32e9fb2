//! Tries a scope again after a pause, as its retry says. An attempt is a branch: what it changed is merged when it
//! succeeds, and discarded otherwise.

use crate::{
    machine::{Machine, Trouble},
    ops::retry as attempts,
};
use bureaucrat_model::{Effect, FiberId, Op, Phase, Retry, Timestamp, Turn};

/// Begins the pause before the next attempt. The handler of the scope was chosen, so there is one.
pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    retry: &Retry,
) -> Result<(), Trouble> {
    let turn = machine.next_turn();
    let chance = attempts::chance(machine.instance.process, turn);
    let tried = machine.change(fiber, |fiber| {
        let scope = fiber.scopes.last_mut()?;
        let Phase::Handling(fault) = &scope.phase else {
            return None;
        };
        let fault = fault.clone();
        scope.tried_again = scope.tried_again.saturating_add(1);
        Some((scope.tried_again, fault))
    })?;
    let failed = tried.ok_or_else(|| Trouble::program("nothing is tried again"))?;
    let due = machine
        .environment
        .now
        .after(retry.pause_after(failed.0, None, chance));
    attempts::wait_for_attempt(machine, fiber, turn, due, failed)
}

/// The pause is over.
pub(crate) fn fire(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    due: Timestamp,
) -> Result<(), Trouble> {
    machine.effects.push(Effect::StopTimer { fiber, turn, due });
    let at = machine.fiber(fiber)?.at;
    let Some((Op::TryAgain { start, .. }, _)) = machine.program.op(at) else {
        return Err(Trouble::program("nothing is tried again"));
    };
    machine.change(fiber, |fiber| {
        if let Some(scope) = fiber.scopes.last_mut() {
            scope.phase = Phase::Body;
        }
    })?;
    machine.go_to(fiber, *start)
}
