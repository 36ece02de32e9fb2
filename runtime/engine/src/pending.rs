//! Conditions that are being evaluated, requested again if the host could not evaluate them.

use crate::ops::await_event::candidate_fields;
use bureaucrat_model::{Effect, FiberState, Instance, WaitKind};

/// The evaluations that the instance's fibers wait for, in the order of fibers: for a host that
/// parked the instance because it could not evaluate a condition, and resumes it.
pub fn pending_evaluations(instance: &Instance) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (id, fiber) in instance.fibers.iter() {
        let FiberState::Waiting(wait) = &fiber.state else {
            continue;
        };
        let (condition, fields) = match &wait.kind {
            WaitKind::Condition { condition } => (*condition, fiber.fields.clone()),
            WaitKind::Event {
                check: Some((event, condition)),
                ..
            } => (*condition, candidate_fields(&fiber.fields, event)),
            WaitKind::Event { check: None, .. }
            | WaitKind::Answer { .. }
            | WaitKind::Timer { .. }
            | WaitKind::Child { .. }
            | WaitKind::Branches { .. } => continue,
        };
        effects.push(Effect::Evaluate {
            fiber: id,
            turn: wait.turn,
            condition,
            fields,
        });
    }
    effects
}
