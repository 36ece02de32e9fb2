//! `await`: waits for an event for which a condition holds, or without conditions for any event
//! with the name.
//!
//! While conditions are evaluated, the field `event` holds the event's whole object. The fiber's
//! own fields change only when the event is taken; otherwise the fiber keeps waiting under the same
//! turn. A condition that fails does not hold.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{
    ConditionIndex, ConditionRange, Effect, FiberId, FiberState, Fields, HistoryEvent, JsonText,
    Op, Taken, Turn, Wait, WaitKind,
};

/// The field that holds the event.
const FIELD: &str = "event";

pub(crate) fn start(machine: &mut Machine<'_>, fiber: FiberId, event: &str) -> Result<(), Trouble> {
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    let kind = WaitKind::Event {
        event: event.to_owned(),
        check: None,
    };
    machine.wait(fiber, turn, kind)?;
    machine.effects.push(Effect::Subscribe {
        event: event.to_owned(),
        fiber,
        turn,
    });
    machine.record(HistoryEvent::AwaitStarted {
        activity,
        event: event.to_owned(),
    });
    Ok(())
}

pub(crate) fn event(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    event: JsonText,
) -> Result<(), Trouble> {
    let fields = candidate(machine, fiber, &event)?;
    match conditions(machine, fiber)?.1.start() {
        None => take(machine, fiber, turn, fields),
        Some(first) => evaluate(machine, fiber, turn, event, first, fields),
    }
}

/// Takes the verdict of a condition on the current event.
pub(crate) fn verdict(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    condition: ConditionIndex,
    holds: bool,
) -> Result<(), Trouble> {
    let (name, range) = conditions(machine, fiber)?;
    let Some(event) = swap_check(machine, fiber, None)? else {
        return Err(Trouble::program("no event is being checked"));
    };
    let fields = candidate(machine, fiber, &event.0)?;
    if holds {
        return take(machine, fiber, turn, fields);
    }
    if let Some(next) = range.after(condition) {
        return evaluate(machine, fiber, turn, event.0, next, fields);
    }
    let activity = machine.path(fiber);
    machine.record(HistoryEvent::EventReceived {
        activity,
        event: name,
        taken: Taken::No,
    });
    Ok(())
}

/// The fiber's fields with the event added.
fn candidate(machine: &Machine<'_>, fiber: FiberId, event: &JsonText) -> Result<Fields, Trouble> {
    Ok(candidate_fields(&machine.fields(fiber)?, event))
}

/// A fiber's fields as conditions see them while an event is checked.
pub(crate) fn candidate_fields(fields: &Fields, event: &JsonText) -> Fields {
    let mut fields = fields.clone();
    fields.set(FIELD, event.clone());
    fields
}

fn take(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    fields: Fields,
) -> Result<(), Trouble> {
    let (event, _) = conditions(machine, fiber)?;
    let activity = machine.path(fiber);
    machine.stop_waiting(fiber)?;
    machine.effects.push(Effect::Unsubscribe {
        event: event.clone(),
        fiber,
        turn,
    });
    machine.record(HistoryEvent::EventReceived {
        activity,
        event,
        taken: Taken::Yes,
    });
    machine.set_fields(fiber, fields)?;
    machine.go_on(fiber)
}

fn evaluate(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    event: JsonText,
    condition: ConditionIndex,
    fields: Fields,
) -> Result<(), Trouble> {
    swap_check(machine, fiber, Some((event, condition)))?;
    machine.ask(fiber, turn, condition, fields)
}

/// Sets which event is being checked; returns the previous one.
fn swap_check(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    next: Option<(JsonText, ConditionIndex)>,
) -> Result<Option<(JsonText, ConditionIndex)>, Trouble> {
    machine.change(fiber, |fiber| match &mut fiber.state {
        FiberState::Waiting(Wait {
            kind: WaitKind::Event { check, .. },
            ..
        }) => Ok(std::mem::replace(check, next)),
        FiberState::Waiting(_) | FiberState::Ready => {
            Err(Trouble::program("the fiber does not wait for an event"))
        }
    })?
}

/// The name and the conditions of the fiber's current await.
fn conditions(machine: &Machine<'_>, fiber: FiberId) -> Result<(String, ConditionRange), Trouble> {
    let at = machine.fiber(fiber)?.at;
    match machine.program.op(at) {
        Some((Op::Await { event, conditions }, _)) => Ok((event.clone(), *conditions)),
        Some(_) | None => Err(Trouble::program("the fiber is at no await")),
    }
}
