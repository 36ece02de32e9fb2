//! The time of an attempt begins again: its task could be sent only now, or is sent once more because an operator says
//! so, such as one that its queue lost.

use super::{change_limits, turn_of};
use crate::machine::{Machine, Trouble};
use bureaucrat_model::{
    Effect, Expiry, FiberId, FiberState, HistoryEvent, Instance, Op, Timestamp, Turn, Wait,
    WaitKind,
};

/// Sends the task once more, under its turn: its time begins again.
pub(crate) fn send_again(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    let op = machine.program.ops.get(found.at.0 as usize);
    let Some(Op::Action { carries, way, .. }) = op else {
        return Err(Trouble::program("the fiber is at no action"));
    };
    let FiberState::Waiting(wait) = &found.state else {
        return Err(Trouble::program("the fiber does not wait"));
    };
    let WaitKind::Answer {
        participant,
        way: computed,
        fields,
        ..
    } = &wait.kind
    else {
        return Err(Trouble::program("the fiber does not wait for an answer"));
    };
    let activity = wait.task_activity(&machine.path(fiber)).clone();
    let (turn, participant) = (wait.turn, participant.clone());
    let written = way.as_ref().and_then(|way| way.fixed());
    let way = computed.as_deref().cloned().or(written);
    let fields = fields.clone();
    machine.send_fields(fiber, fields.as_ref())?;
    let now = machine.environment.now;
    let mut ends = None;
    let due = change_limits(machine, fiber, |expiry, progress| {
        expiry.begun = now;
        *progress = None;
        ends = [expiry.timeout_ends(), expiry.within]
            .into_iter()
            .flatten()
            .min();
    })?;
    machine.set_timer(fiber, due)?;
    machine.effects.push(Effect::SendTask {
        activity,
        turn,
        participant,
        way: way.unwrap_or_default(),
        cargo: carries.cargo(),
        expires: ends,
    });
    Ok(())
}

/// See [`crate::is_shortened`].
pub(crate) fn is_shortened(instance: &Instance, turn: Turn, until: Timestamp) -> bool {
    let waiting = instance.fibers.waiting(turn);
    matches!(
        waiting.map(|(_, fiber)| &fiber.state),
        Some(FiberState::Waiting(Wait {
            kind: WaitKind::Answer {
                expiry: Expiry {
                    timeout: Some(_),
                    begun,
                    ..
                },
                progress: None,
                ..
            },
            ..
        })) if *begun < until
    )
}

/// The time of the attempt begins now that its task could be sent.
pub(crate) fn delayed(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    until: Timestamp,
) -> Result<(), Trouble> {
    let due = change_limits(machine, fiber, |expiry, _| expiry.begun = until)?;
    let turn = turn_of(machine, fiber)?;
    let activity = machine.path(fiber);
    machine.record(HistoryEvent::TimeRestarted {
        activity,
        turn,
        begun: until,
    });
    machine.set_timer(fiber, due)
}
