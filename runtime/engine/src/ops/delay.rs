//! `delay`: waits for some time.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{Effect, FiberId, HistoryEvent, Pace, Timestamp, Turn, When};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    when: &When,
    pace: Pace,
) -> Result<(), Trouble> {
    let now = machine.environment.now;
    let due = machine.values(fiber)?.when(when, now)?;
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    machine.wait_for_time(fiber, turn, (due, pace))?;
    machine.record(HistoryEvent::DelayStarted {
        activity,
        duration: due.since(now),
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
