//! `action`: sends a task to a participant and waits for the answer.

use crate::{
    ending::withdrawal,
    machine::{Machine, Source, Trouble},
};
use bureaucrat_model::{
    Answer, Effect, Fault, FaultCode, FiberId, FiberState, Fields, HistoryEvent, Instance, Op,
    ProcessId, Timestamp, Turn, WaitKind,
};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    participant: &str,
) -> Result<(), Trouble> {
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    let kind = WaitKind::Answer {
        participant: participant.to_owned(),
    };
    machine.wait(fiber, turn, kind)?;
    machine.effects.push(Effect::SendTask {
        activity: activity.clone(),
        turn,
        participant: participant.to_owned(),
    });
    machine.record(HistoryEvent::TaskSent {
        activity,
        turn,
        participant: participant.to_owned(),
    });
    Ok(())
}

/// The fields of the task that was sent under this turn, while its answer is awaited.
pub(crate) fn task_fields(instance: &Instance, turn: Turn) -> Option<&Fields> {
    let (_, fiber) = instance.fibers.waiting(turn)?;
    let FiberState::Waiting(wait) = &fiber.state else {
        return None;
    };
    matches!(wait.kind, WaitKind::Answer { .. }).then_some(&fiber.fields)
}

/// Takes an answer that was already matched with this fiber's wait.
pub(crate) fn answer(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    answer: Answer,
) -> Result<(), Trouble> {
    let FiberState::Waiting(wait) = &machine.fiber(fiber)?.state else {
        return Err(Trouble::program("the fiber does not wait"));
    };
    let turn = wait.turn;
    match answer {
        Answer::Replace(fields) => {
            taken(machine, fiber, turn)?;
            let fields = fields.sharing(&machine.fiber(fiber)?.fields);
            machine.set_fields(fiber, fields)?;
            machine.go_on(fiber)
        }
        Answer::Update(update) => {
            taken(machine, fiber, turn)?;
            machine.update_fields(fiber, &update)?;
            machine.go_on(fiber)
        }
        // The failure withdraws the task together with everything else that is open.
        Answer::Fault { code, message } => Err(Trouble::of_participant(code, message)),
        Answer::Unreadable(reason) => {
            let code = FaultCode::new(FaultCode::BAD_ANSWER);
            Err(Trouble::of_participant(code, reason))
        }
        Answer::Suspended(reason) => {
            let activity = machine.path(fiber);
            machine.record(HistoryEvent::Suspended {
                activity,
                turn,
                reason,
            });
            Ok(())
        }
    }
}

/// An attempt failed: whether another one follows, after a pause.
pub(crate) fn tries_again(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    fault: &Fault,
    source: Source,
) -> Result<bool, Trouble> {
    let found = machine.fiber(fiber)?;
    let op = machine.program.ops.get(found.at.0 as usize);
    let Some(Op::Action {
        retry: Some(retry), ..
    }) = op
    else {
        return Ok(false);
    };
    let failed = found.failed.saturating_add(1);
    let is_for = match (retry.on.as_slice(), source) {
        ([], Source::Participant) => true,
        ([], Source::Other) => false,
        _ => retry.is_for(&fault.code),
    };
    if failed >= retry.attempts || !is_for {
        machine.change(fiber, |fiber| fiber.failed = 0)?;
        return Ok(false);
    }
    let withdrawn = withdrawal(fiber, found);
    machine.effects.extend(withdrawn);
    let turn = machine.next_turn();
    let pause = retry.pause(failed, chance(machine.instance.process, turn));
    let due = machine.environment.now.after(pause);
    machine.change(fiber, |fiber| fiber.failed = failed)?;
    machine.wait(fiber, turn, WaitKind::Timer { due })?;
    let effect = Effect::StartTimer { fiber, turn, due };
    machine.effects.push(effect);
    machine.record(HistoryEvent::AttemptFailed {
        attempt: failed,
        fault: fault.clone(),
        due,
    });
    Ok(true)
}

/// The pause before another attempt is over.
pub(crate) fn resume(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    due: Timestamp,
) -> Result<(), Trouble> {
    machine.effects.push(Effect::StopTimer { fiber, turn, due });
    machine.stop_waiting(fiber)
}

/// A number that is the same for the same pause, and likely another one for others (FNV-1a).
fn chance(process: ProcessId, turn: Turn) -> u64 {
    let turn = turn.0.to_be_bytes();
    let bytes = process.as_bytes().iter().chain(&turn);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The broker never accepts the task.
pub(crate) fn refused(reason: String) -> Trouble {
    Trouble::new(FaultCode::TASK_REFUSED, reason)
}

/// The answer counts: its task need not be sent any more, and another answer like it is late.
fn taken(machine: &mut Machine<'_>, fiber: FiberId, turn: Turn) -> Result<(), Trouble> {
    let activity = machine.path(fiber);
    machine.stop_waiting(fiber)?;
    machine.change(fiber, |fiber| {
        fiber.answered = Some(fiber.at);
        fiber.failed = 0;
    })?;
    machine.effects.push(Effect::WithdrawTask { turn });
    machine.record(HistoryEvent::Answered { activity, turn });
    Ok(())
}
