//! Conditions that are being evaluated, requested again if the host could not evaluate them.

use crate::{
    ops::await_event::candidate_fields,
    reserved::{Given, reserved},
};
use bureaucrat_model::{
    Asker, Called, Check, ConditionIndex, ConditionRange, Effect, Fiber, FiberId, FiberState,
    Fields, Instance, LastUntaken, Op, Program, Untaken, View, Wait, WaitKind,
};

/// The evaluations that the instance's fibers wait for, in the order of fibers: for a host that
/// parked the instance because it could not evaluate a condition, and resumes it.
pub fn pending_evaluations(program: &Program, instance: &Instance) -> Vec<Effect> {
    let mut effects = Vec::new();
    let visible = |id| instance.fibers.visible(id).unwrap_or_default();
    for (id, fiber) in instance.fibers.iter() {
        let FiberState::Waiting(wait) = &fiber.state else {
            continue;
        };
        let (condition, fields, at, answer) = match &wait.kind {
            WaitKind::Condition { condition } => {
                (*condition, visible(id), wait.since, fiber.given.as_ref())
            }
            WaitKind::Event {
                check:
                    Some(Check {
                        event,
                        condition,
                        at,
                        ..
                    }),
                ..
            }
            | WaitKind::Listening {
                check:
                    Some(Check {
                        event,
                        condition,
                        at,
                        ..
                    }),
                ..
            } => {
                let fields = candidate_fields(visible(id), event);
                (*condition, fields, *at, Some(event))
            }
            WaitKind::Fault { .. } => {
                effects.extend(about_fault(program, instance, id));
                continue;
            }
            WaitKind::Child {
                definition: Called::Sought(definition),
                ..
            } => {
                effects.push(Effect::FindDefinition {
                    fiber: id,
                    turn: wait.turn,
                    definition: definition.clone(),
                });
                continue;
            }
            WaitKind::Event { check: None, .. }
            | WaitKind::Listening { check: None, .. }
            | WaitKind::Answer { .. }
            | WaitKind::Timer { .. }
            | WaitKind::Child { .. }
            | WaitKind::Stopping { .. }
            | WaitKind::Compensation { .. }
            | WaitKind::Operator { .. }
            | WaitKind::Admission
            | WaitKind::Branches { .. } => continue,
        };
        let given = Given {
            answer,
            fault: None,
        };
        effects.push(Effect::Evaluate {
            fiber: id,
            turn: wait.turn,
            condition,
            view: View {
                fields,
                reserved: reserved(program, instance, fiber, condition, at, given),
            },
        });
    }
    effects
}

/// The evaluations of the conditions for which the last event that came to a fiber was not taken, as
/// they would be asked now, with the time of then; none if there is no such event, or it was too large
/// to be kept.
pub fn evaluations_of_untaken(
    program: &Program,
    instance: &Instance,
    fiber: FiberId,
) -> Vec<(ConditionIndex, View)> {
    let found = instance.fibers.get(fiber);
    let Some((found, visible)) = found.zip(instance.fibers.visible(fiber)) else {
        return Vec::new();
    };
    let FiberState::Waiting(Wait {
        kind:
            WaitKind::Event {
                untaken: Untaken {
                    last: Some(last), ..
                },
                ..
            },
        ..
    }) = &found.state
    else {
        return Vec::new();
    };
    let LastUntaken {
        at,
        alternative,
        event: Some(event),
    } = &**last
    else {
        return Vec::new();
    };
    let Some(Op::Await { alternatives, .. }) = program.ops.get(found.at.0 as usize) else {
        return Vec::new();
    };
    let range = alternatives.get(*alternative as usize);
    let range = range.map_or_else(ConditionRange::default, |found| found.conditions);
    let conditions = std::iter::successors(range.start(), |current| range.after(*current));
    let fields = candidate_fields(visible, event);
    let view = |condition| View {
        fields: fields.clone(),
        reserved: reserved(
            program,
            instance,
            found,
            condition,
            *at,
            Given {
                answer: Some(event),
                fault: None,
            },
        ),
    };
    conditions
        .map(|condition| (condition, view(condition)))
        .collect()
}

/// The evaluation of a condition about a fault, for which the fiber waits. A handler's condition sees the fields of its
/// scope, that of a retry those of the action.
pub(crate) fn about_fault(program: &Program, instance: &Instance, id: FiberId) -> Option<Effect> {
    let fiber = instance.fibers.get(id)?;
    let FiberState::Waiting(Wait {
        turn,
        since,
        kind:
            WaitKind::Fault {
                fault,
                condition,
                asker,
                ..
            },
        ..
    }) = &fiber.state
    else {
        return None;
    };
    let (fields, seen_by): (Fields, &Fiber) = match asker {
        Asker::Retry { .. } => (instance.fibers.visible(id)?, fiber),
        Asker::Handler { fiber, outer, .. } => {
            let owner = instance.fibers.get(*fiber)?;
            let joined = instance.fibers.joined(*fiber)?;
            let around = joined.scopes.len().saturating_sub(owner.scopes.len());
            (joined.visible_in(around + *outer as usize + 1), owner)
        }
    };
    let given = Given {
        answer: None,
        fault: Some(fault),
    };
    Some(Effect::Evaluate {
        fiber: id,
        turn: *turn,
        condition: *condition,
        view: View {
            fields,
            reserved: reserved(program, instance, seen_by, *condition, *since, given),
        },
    })
}
