//! `call`: starts the process whose definition is in a field, and waits for its end.
//!
//! The called process's id is derived first and is part of the wait, so that the call can be
//! started again after a restart. The host finds out what a called process may do, and whether its
//! text is a definition.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{
    Caller, Effect, Ending, FaultCode, Fiber, FiberId, FiberState, HistoryEvent, Instance, Op,
    ProcessId, Program, Wait, WaitKind,
};

pub(crate) fn start(machine: &mut Machine<'_>, fiber: FiberId, field: &str) -> Result<(), Trouble> {
    let definition = definition(machine.fiber(fiber)?, field)?;
    let (depth, limit) = (
        depth_below(machine.instance),
        machine.environment.limits.call_depth,
    );
    if depth > limit {
        return Err(trouble(format!("calls are nested more than {limit} deep")));
    }
    let count = machine.instance.next_call;
    let child = machine
        .instance
        .process
        .child(machine.environment.secret, count);
    machine.instance.next_call = count.saturating_add(1);
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    machine.wait(fiber, turn, WaitKind::Child { child })?;
    machine.effects.push(Effect::StartChild {
        child,
        caller: Caller {
            process: machine.instance.process,
            fiber,
            turn,
            depth,
        },
        definition,
    });
    machine.record(HistoryEvent::Called { activity, child });
    Ok(())
}

/// The called process ended: its final fields update the caller's, and its fault becomes the
/// call's.
pub(crate) fn ended(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    child: ProcessId,
    ending: Ending,
) -> Result<(), Trouble> {
    match ending {
        Ending::Completed(fields) => {
            let activity = machine.path(fiber);
            machine.record(HistoryEvent::Returned { activity, child });
            machine.stop_waiting(fiber)?;
            machine.change(fiber, |fiber| fiber.fields.update(&fields))?;
            machine.check_fields(fiber)?;
            machine.go_on(fiber)
        }
        Ending::Failed(fault) => {
            machine.stop_waiting(fiber)?;
            Err(Trouble {
                code: fault.code,
                message: format!(
                    "the called process {child} failed in its activity {child}{} (line {}): {}",
                    fault.activity, fault.line, fault.message
                ),
            })
        }
    }
}

/// The called process could not be started.
pub(crate) fn refused(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    reason: &str,
) -> Result<(), Trouble> {
    machine.stop_waiting(fiber)?;
    Err(trouble(format!(
        "the called definition is refused: {reason}"
    )))
}

/// The effect that starts the process which the fiber waits for.
pub(crate) fn again(program: &Program, instance: &Instance, fiber: FiberId) -> Option<Effect> {
    let found = instance.fibers.get(fiber)?;
    let FiberState::Waiting(Wait {
        turn,
        kind: WaitKind::Child { child },
        ..
    }) = &found.state
    else {
        return None;
    };
    let (Op::Call { field }, _) = program.op(found.at)? else {
        return None;
    };
    Some(Effect::StartChild {
        child: *child,
        caller: Caller {
            process: instance.process,
            fiber,
            turn: *turn,
            depth: depth_below(instance),
        },
        definition: definition(found, field).ok()?,
    })
}

fn trouble(message: String) -> Trouble {
    Trouble::new(FaultCode::CALL_ERROR, message)
}

/// The depth of a process that this one calls.
fn depth_below(instance: &Instance) -> u32 {
    let depth = instance.caller.as_ref().map_or(0, |caller| caller.depth);
    depth.saturating_add(1)
}

/// The definition's text, from its field.
fn definition(fiber: &Fiber, field: &str) -> Result<String, Trouble> {
    let value = fiber.fields.get(field).ok_or_else(|| {
        trouble(format!(
            "there is no field `{field}` to take the definition from"
        ))
    })?;
    value.as_text().ok_or_else(|| {
        trouble(format!(
            "the field `{field}` holds no text, so no definition"
        ))
    })
}
