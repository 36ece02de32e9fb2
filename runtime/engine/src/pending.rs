//! Conditions that are being evaluated, requested again if the host could not evaluate them.

use crate::{ops::await_event::candidate_fields, reserved::reserved};
use bureaucrat_model::{Check, Effect, FiberState, Instance, Program, View, WaitKind};

/// The evaluations that the instance's fibers wait for, in the order of fibers: for a host that
/// parked the instance because it could not evaluate a condition, and resumes it.
pub fn pending_evaluations(program: &Program, instance: &Instance) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (id, fiber) in instance.fibers.iter() {
        let FiberState::Waiting(wait) = &fiber.state else {
            continue;
        };
        let (condition, fields, at, given) = match &wait.kind {
            WaitKind::Condition { condition } => (
                *condition,
                fiber.visible(),
                wait.since,
                fiber.given.as_ref(),
            ),
            WaitKind::Event {
                check:
                    Some(Check {
                        event,
                        condition,
                        at,
                        ..
                    }),
                ..
            } => {
                let fields = candidate_fields(fiber.visible(), event);
                (*condition, fields, *at, Some(event))
            }
            WaitKind::Event { check: None, .. }
            | WaitKind::Answer { .. }
            | WaitKind::Timer { .. }
            | WaitKind::Child { .. }
            | WaitKind::Stopping { .. }
            | WaitKind::Admission
            | WaitKind::Branches { .. } => continue,
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
