//! `action`: sends a task to a participant and waits for the answer.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{
    Answer, Effect, FaultCode, FiberId, FiberState, Fields, HistoryEvent, Instance, Turn, WaitKind,
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
            machine.change(fiber, |fiber| fiber.fields.update(&update))?;
            machine.check_fields(fiber)?;
            machine.go_on(fiber)
        }
        // The failure withdraws the task together with everything else that is open.
        Answer::Fault { code, message } => Err(Trouble { code, message }),
        Answer::Unreadable(reason) => Err(Trouble::new(FaultCode::BAD_ANSWER, reason)),
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

/// The broker never accepts the task.
pub(crate) fn refused(reason: String) -> Trouble {
    Trouble::new(FaultCode::TASK_REFUSED, reason)
}

/// The answer counts: its task need not be sent any more, and another answer like it is late.
fn taken(machine: &mut Machine<'_>, fiber: FiberId, turn: Turn) -> Result<(), Trouble> {
    let activity = machine.path(fiber);
    machine.stop_waiting(fiber)?;
    machine.change(fiber, |fiber| fiber.answered = Some(fiber.at))?;
    machine.effects.push(Effect::WithdrawTask { turn });
    machine.record(HistoryEvent::Answered { activity, turn });
    Ok(())
}
