//! `emit`: sends an event to all processes, like those from outside.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{Effect, FaultCode, FiberId, Fields, Millis, NameLimits, Operand, WaitKind};

/// The most events in a row, each emitted because of the one before.
const DEPTH: u32 = 32;

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    event: &Operand<String>,
    key: Option<&Operand<String>>,
    keep: Option<Millis>,
    names: &[String],
) -> Result<(), Trouble> {
    let mut values = machine.values(fiber)?;
    let event = values.name(event, "event", NameLimits::EVENT)?;
    let key = match key {
        Some(key) => Some(values.name(key, "key", NameLimits::KEY)?),
        None => None,
    };
    let mut fields = Fields::new();
    for name in names {
        fields.set(name, values.take()?);
    }
    let depth = machine.instance.cause_depth.saturating_add(1);
    if depth > DEPTH {
        return Err(Trouble::new(
            FaultCode::EVENT_LOOP,
            format!(
                "{DEPTH} events in a row were each emitted in response to the one before; the \
                     definitions seem to trigger each other without end"
            ),
        ));
    }
    let activity = machine.path(fiber);
    let turn = machine.next_turn();
    machine.wait(fiber, turn, WaitKind::Admission)?;
    machine.effects.push(Effect::Emit {
        activity,
        fiber,
        turn,
        event,
        key,
        keep,
        fields,
        depth,
    });
    Ok(())
}
