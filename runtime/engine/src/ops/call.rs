//! `call`: starts the process whose definition is in a field, or a deployed one, and waits for its end or, when it is
//! detached, until it is certain to start.
//!
//! The called process's id is derived first and is part of the wait, so that the call can be
//! started again after a restart. The host finds out what a called process may do, and whether its
//! text is a definition.

use crate::{
    machine::{Machine, Trouble},
    ops::taking,
};
use bureaucrat_model::{
    Bond, CallTarget, Called, Caller, ChildDefinition, DefinitionRef, DeployedProgram, Effect,
    Ending, FaultCode, FiberId, FiberState, Fields, HistoryEvent, Instance, JsonText, Op,
    ProcessId, Program, Taking, Turn, Wait, WaitKind,
};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    target: &CallTarget,
    bond: Bond,
    inputs: Option<&[String]>,
) -> Result<(), Trouble> {
    let mut values = machine.values(fiber)?;
    let sought = match target {
        CallTarget::Field(_) => None,
        CallTarget::Named(name) => Some(reference(&values.text(name)?)?),
    };
    let fields = taking::inputs(&mut values, inputs)?.unwrap_or_default();
    machine.check_size(fields.size())?;
    machine.send_fields(fiber, Some(&fields))?;
    let text = match target {
        CallTarget::Field(field) => Some(definition(&machine.fields(fiber)?, field)?),
        CallTarget::Named(_) => None,
    };
    check_depth(machine, bond)?;
    let count = machine.instance.next_call;
    let (caller, secret) = (machine.instance.process, machine.environment.secret);
    let child = match bond {
        Bond::Awaited => caller.child(secret, count),
        Bond::Detached => caller.detached(secret, count),
    };
    machine.instance.next_call = count.saturating_add(1);
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    let definition = sought.clone().map_or(Called::Text, Called::Sought);
    let kind = WaitKind::Child {
        child,
        fields: fields.clone(),
        definition,
    };
    machine.wait(fiber, turn, kind)?;
    if bond == Bond::Awaited {
        machine.record(HistoryEvent::Called { activity, child });
    }
    if let Some(text) = text {
        let definition = ChildDefinition::Text(text);
        let call = (child, definition, fields);
        let effect = starting(machine.instance, fiber, turn, bond, call);
        machine.effects.push(effect);
    }
    if let Some(definition) = sought {
        machine.effects.push(Effect::FindDefinition {
            fiber,
            turn,
            definition,
        });
    }
    Ok(())
}

fn check_depth(machine: &Machine<'_>, bond: Bond) -> Result<(), Trouble> {
    let limit = machine.environment.limits.call_depth;
    match bond {
        Bond::Awaited if depth_below(machine.instance) > limit => {
            Err(trouble(format!("calls are nested more than {limit} deep")))
        }
        Bond::Awaited | Bond::Detached => Ok(()),
    }
}

/// The version that the call runs is chosen, from now on for good.
pub(crate) fn found(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    deployed: DeployedProgram,
) -> Result<(), Trouble> {
    let bond = bond(machine, fiber)?;
    let chosen = deployed.clone();
    let call = machine.change(fiber, |fiber| match &mut fiber.state {
        FiberState::Waiting(Wait {
            kind:
                WaitKind::Child {
                    child,
                    fields,
                    definition,
                },
            ..
        }) => {
            *definition = Called::Found(chosen);
            Some((*child, fields.clone()))
        }
        FiberState::Waiting(_) | FiberState::Ready => None,
    })?;
    let (child, fields) = call.ok_or_else(|| Trouble::program("the fiber waits for no call"))?;
    let call = (child, ChildDefinition::Deployed(deployed), fields);
    let effect = starting(machine.instance, fiber, turn, bond, call);
    machine.effects.push(effect);
    Ok(())
}

/// A detached process is certain to start.
pub(crate) fn detached(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    child: ProcessId,
) -> Result<(), Trouble> {
    let at = machine.fiber(fiber)?.at;
    let Some((Op::Call { taking, .. }, _)) = machine.program.op(at) else {
        return Err(Trouble::program("the fiber is at no call"));
    };
    machine.stop_waiting(fiber)?;
    let activity = machine.path(fiber);
    machine.record(HistoryEvent::Started {
        activity,
        process: child,
    });
    match taking {
        Taking::Fields => machine.go_on(fiber),
        taking @ (Taking::Into(_) | Taking::Functions) => {
            let id = JsonText::text(&child.to_string());
            taking::value(machine, fiber, taking, id)
        }
    }
}

/// The called process ended: what it ended with is taken in, and its fault becomes the call's.
pub(crate) fn ended(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    child: ProcessId,
    ending: Ending,
) -> Result<(), Trouble> {
    if is_stopped(machine, fiber)? {
        return machine.called_has_ended(fiber);
    }
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
                "the called process {child} failed in activity {child}{} (line {}): {}",
                fault.activity, fault.line, fault.message
            );
            Err(Trouble {
                data: fault.data,
                ..Trouble::new(fault.code.as_str(), message)
            })
        }
    }
}

/// Whether the fiber was stopped and only waits for the end of what it called.
fn is_stopped(machine: &Machine<'_>, fiber: FiberId) -> Result<bool, Trouble> {
    Ok(matches!(
        &machine.fiber(fiber)?.state,
        FiberState::Waiting(Wait {
            kind: WaitKind::Stopping { .. },
            ..
        })
    ))
}

/// The called process could not be started.
pub(crate) fn refused(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    reason: &str,
) -> Result<(), Trouble> {
    if is_stopped(machine, fiber)? {
        return machine.called_has_ended(fiber);
    }
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
        kind:
            WaitKind::Child {
                child,
                fields,
                definition: known,
            },
        ..
    }) = &found.state
    else {
        return None;
    };
    let (Op::Call { target, bond, .. }, _) = program.op(found.at)? else {
        return None;
    };
    let definition = match (known, target) {
        (Called::Found(deployed), _) => ChildDefinition::Deployed(deployed.clone()),
        (Called::Text, CallTarget::Field(field)) => {
            ChildDefinition::Text(definition(&instance.fibers.visible(fiber)?, field).ok()?)
        }
        // The version is asked for again.
        (Called::Sought(_), _) | (Called::Text, CallTarget::Named(_)) => return None,
    };
    let call = (*child, definition, fields.clone());
    Some(starting(instance, fiber, *turn, *bond, call))
}

fn starting(
    instance: &Instance,
    fiber: FiberId,
    turn: Turn,
    bond: Bond,
    (child, definition, fields): (ProcessId, ChildDefinition, Fields),
) -> Effect {
    Effect::StartChild {
        child,
        caller: Caller {
            process: instance.process,
            fiber,
            turn,
            depth: depth_below(instance),
        },
        definition,
        fields,
        bond,
    }
}

/// Whether the call that the fiber is at waits for the end of what it calls.
fn bond(machine: &Machine<'_>, fiber: FiberId) -> Result<Bond, Trouble> {
    let at = machine.fiber(fiber)?.at;
    match machine.program.op(at) {
        Some((Op::Call { bond, .. }, _)) => Ok(*bond),
        Some(_) | None => Err(Trouble::program("the fiber is at no call")),
    }
}

fn reference(text: &str) -> Result<DefinitionRef, Trouble> {
    text.parse()
        .map_err(|error: bureaucrat_model::DefinitionRefError| trouble(error.to_string()))
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
            "there is no field `{field}`, which should hold the definition"
        ))
    })?;
    value.as_text().ok_or_else(|| {
        trouble(format!(
            "the field `{field}` is not a text, so it can't hold a definition"
        ))
    })
}
