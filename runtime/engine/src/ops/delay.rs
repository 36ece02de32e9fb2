//! `delay`: waits for some time.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{Effect, FiberId, HistoryEvent, Millis, Timestamp, Turn, WaitKind};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    duration: Millis,
) -> Result<(), Trouble> {
    let due = machine.environment.now.after(duration);
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    machine.wait(fiber, turn, WaitKind::Timer { due })?;
    machine
        .effects
        .push(Effect::StartTimer { fiber, turn, due });
    machine.record(HistoryEvent::DelayStarted {
        activity,
        duration,
        due,
    });
    Ok(())
}

pub(crate) fn fire(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    due: Timestamp,
) -> Result<(), Trouble> {
    let activity = machine.path(fiber);
    machine.effects.push(Effect::StopTimer { fiber, turn, due });
    machine.record(HistoryEvent::DelayEnded { activity });
    machine.go_on(fiber)
}
