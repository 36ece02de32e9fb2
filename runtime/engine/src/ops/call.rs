//! `call`: starts the process whose definition is in a field, and waits for its end.
//!
//! The called process's id is derived first and is part of the wait, so that the call can be
//! started again after a restart. The host finds out what a called process may do, and whether its
//! text is a definition.

use crate::{
    machine::{Machine, Trouble},
    ops::taking,
};
use bureaucrat_model::{
    Caller, Effect, Ending, FaultCode, FiberId, FiberState, Fields, HistoryEvent, Instance, Op,
    ProcessId, Program, Taking, Wait, WaitKind,
};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    field: &str,
    inputs: Option<&[String]>,
) -> Result<(), Trouble> {
    let fields = taking::inputs(&mut machine.values(fiber)?, inputs)?.unwrap_or_default();
    machine.check_size(fields.size())?;
    let definition = definition(&machine.fields(fiber)?, field)?;
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
    let kind = WaitKind::Child {
        child,
        fields: fields.clone(),
    };
    machine.wait(fiber, turn, kind)?;
    machine.effects.push(Effect::StartChild {
        child,
        caller: Caller {
            process: machine.instance.process,
            fiber,
            turn,
            depth,
        },
        definition,
        fields,
    });
    machine.record(HistoryEvent::Called { activity, child });
    Ok(())
}

/// The called process ended: what it ended with is taken in, and its fault becomes the call's.
pub(crate) fn ended(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    child: ProcessId,
    ending: Ending,
) -> Result<(), Trouble> {
    let at = machine.fiber(fiber)?.at;
    let Some((Op::Call { taking, .. }, _)) = machine.program.op(at) else {
        return Err(Trouble::program("the fiber is at no call"));
    };
    machine.stop_waiting(fiber)?;
    match ending {
        Ending::Completed(fields) => {
            let activity = machine.path(fiber);
            machine.record(HistoryEvent::Returned { activity, child });
            match taking {
                Taking::Fields => {
                    machine.update_fields(fiber, &fields)?;
                    machine.go_on(fiber)
                }
                taking @ (Taking::Into(_) | Taking::Functions) => {
                    taking::value(machine, fiber, taking, fields.to_value_text())
                }
            }
        }
        Ending::Failed(fault) => {
            let message = format!(
                "the called process {child} failed in its activity {child}{} (line {}): {}",
                fault.activity, fault.line, fault.message
            );
            Err(Trouble {
                data: fault.data,
                ..Trouble::new(fault.code.as_str(), message)
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
        kind: WaitKind::Child { child, fields },
        ..
    }) = &found.state
    else {
        return None;
    };
    let (Op::Call { field, .. }, _) = program.op(found.at)? else {
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
        definition: definition(&instance.fibers.visible(fiber)?, field).ok()?,
        fields: fields.clone(),
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
fn definition(fields: &Fields, field: &str) -> Result<String, Trouble> {
    let value = fields.get(field).ok_or_else(|| {
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
