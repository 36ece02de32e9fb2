//! What follows when an attempt at an action fails: another one after a pause, or the fault.

use crate::{
    choosing::Verdict,
    machine::{Machine, Trouble},
};
use bureaucrat_model::{
    Asker, ConditionIndex, Effect, Fault, FiberId, HistoryEvent, Millis, Op, Pace, ProcessId,
    Retry, Timestamp, Turn,
};

/// An attempt failed: whether another one follows, after a pause, or a condition is asked about that.
pub(crate) fn tries_again(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    fault: &Fault,
    after: Option<Millis>,
) -> Result<bool, Trouble> {
    let found = machine.fiber(fiber)?;
    let op = machine.program.ops.get(found.at.0 as usize);
    let Some(Op::Action { retry, .. }) = op else {
        return Ok(false);
    };
    let wanted = retry.as_ref().filter(|retry| retry.is_for(fault));
    let due = wanted.and_then(|retry| next_attempt(machine, fiber, retry, after));
    let (Some(retry), Some(due)) = (wanted, due) else {
        no_more(machine, fiber)?;
        return Ok(false);
    };
    if let Some(first) = retry.conditions.start() {
        machine.ask_about(fiber, fault.clone(), first, Asker::Retry { after })?;
        return Ok(true);
    }
    machine.withdraw(fiber);
    pause(machine, fiber, fault.clone(), due)?;
    Ok(true)
}

/// When another attempt would begin, if there is one.
fn next_attempt(
    machine: &Machine<'_>,
    fiber: FiberId,
    retry: &Retry,
    asked: Option<Millis>,
) -> Option<Timestamp> {
    let found = machine.instance.fibers.get(fiber)?;
    let failed = found.failed.saturating_add(1);
    let turn = Turn(machine.instance.next_turn);
    let chance = chance(machine.instance.process, turn);
    let due = machine
        .environment
        .now
        .after(retry.pause_after(failed, asked, chance));
    let in_time = found.within.is_none_or(|within| due < within);
    (failed < retry.attempts && in_time).then_some(due)
}

fn no_more(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    machine.change(fiber, |fiber| {
        fiber.failed = 0;
        fiber.within = None;
    })
}

/// Waits for the next attempt.
fn pause(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    fault: Fault,
    due: Timestamp,
) -> Result<(), Trouble> {
    let turn = machine.next_turn();
    let attempt = machine.change(fiber, |fiber| {
        fiber.failed = fiber.failed.saturating_add(1);
        fiber.failed
    })?;
    wait_for_attempt(machine, fiber, turn, due, (attempt, fault))
}

/// Waits under this turn for the attempt that follows the one that failed.
pub(crate) fn wait_for_attempt(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    due: Timestamp,
    (attempt, fault): (u32, Fault),
) -> Result<(), Trouble> {
    machine.wait_for_time(fiber, turn, (due, Pace::Clock))?;
    machine.record(HistoryEvent::AttemptFailed {
        attempt,
        fault,
        due,
    });
    Ok(())
}

/// Whether a condition of the retry holds for the fault.
pub(crate) fn decided(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    fault: Fault,
    (condition, after): (ConditionIndex, Option<Millis>),
    verdict: Verdict,
) -> Result<(), Trouble> {
    let at = machine.fiber(fiber)?.at;
    machine.go_to(fiber, at)?;
    let Some(Op::Action {
        retry: Some(retry), ..
    }) = machine.program.ops.get(at.0 as usize)
    else {
        return Err(Trouble::program("the fiber is at no action"));
    };
    match (verdict, retry.conditions.after(condition)) {
        // Without a time, that of all attempts ran out meanwhile.
        (Verdict::Holds, _) => {
            if let Some(due) = next_attempt(machine, fiber, retry, after) {
                return pause(machine, fiber, fault, due);
            }
        }
        (Verdict::DoesNot, Some(next)) => {
            return machine.ask_about(fiber, fault, next, Asker::Retry { after });
        }
        (Verdict::DoesNot, None) => {}
    }
    no_more(machine, fiber)?;
    machine.throw(fiber, fault);
    Ok(())
}

/// The pause before another attempt is over.
pub(crate) fn resume(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    due: Timestamp,
) -> Result<(), Trouble> {
    machine.effects.push(Effect::StopTimer { fiber, turn, due });
    let at = machine.fiber(fiber)?.at;
    match machine.program.op(at) {
        Some((Op::Action { attempt, .. }, _)) => machine.go_to(fiber, *attempt),
        Some(_) | None => Err(Trouble::program("the fiber is at no action")),
    }
}

/// A number that is the same for the same pause, and likely another one for others (FNV-1a).
pub(crate) fn chance(process: ProcessId, turn: Turn) -> u64 {
    let turn = turn.0.to_be_bytes();
    let bytes = process.as_bytes().iter().chain(&turn);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
