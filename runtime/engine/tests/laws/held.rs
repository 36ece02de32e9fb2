//! What a process holds, counted from nothing: by what its fibers have, not by how it is kept.

use bureaucrat_model::{EngineLimits, Fiber, FiberState, Fields, Instance, WaitKind};
use std::collections::BTreeSet;

/// The count that is kept up to date is the one that follows from the fibers, and it is within its limit.
pub fn check(instance: &Instance, limits: &EngineLimits) {
    let fibers = instance.fibers.iter();
    let fibers: Vec<&Fiber> = fibers.map(|(_, fiber)| fiber).collect();
    let begun = fibers.iter().filter_map(|fiber| fiber.branch.as_ref());
    let begun: BTreeSet<String> = begun.map(|branch| branch.base.to_json()).collect();
    let begun = begun.iter().map(|json| Fields::parse(json).unwrap());
    let own = fibers.iter().map(|fiber| own(fiber)).sum::<usize>();
    let held = begun.map(|base| base.size()).sum::<usize>() + own;
    assert_eq!(instance.fibers.held_bytes(), held);
    assert!(fibers.len() < 2 || held <= limits.instance_bytes);
}

fn own(fiber: &Fiber) -> usize {
    let scopes = fiber.scopes.iter().map(|scope| {
        let items = scope.items.as_ref();
        let items = items.map_or(0, |found| found.items.size() + found.collected.size());
        scope.locals.fields.size() + items
    });
    let values = fiber.values.iter().chain(&fiber.given);
    let values = values.map(|value| value.as_str().len());
    let locals = fiber.scopes.iter().map(|scope| scope.locals.fields.size());
    let mut sent = 0;
    if let FiberState::Waiting(wait) = &fiber.state {
        if let WaitKind::Answer { fields: None, .. } = &wait.kind {
            sent = fiber.fields.size() + locals.sum::<usize>();
        } else if let WaitKind::Answer {
            fields: Some(fields),
            ..
        }
        | WaitKind::Child { fields, .. } = &wait.kind
        {
            sent = fields.size();
        }
    }
    let branch = fiber.branch.as_ref();
    let is_unchanged = branch.is_some_and(|branch| branch.base.is_same(&fiber.fields));
    assert!(!is_unchanged || branch.is_some_and(|branch| branch.base == fiber.fields));
    let fields = if is_unchanged { 0 } else { fiber.fields.size() };
    fields + scopes.sum::<usize>() + values.sum::<usize>() + sent
}
