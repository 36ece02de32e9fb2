//! What functions read under the names that begin with `inst:`.

use bureaucrat_model::{
    ConditionIndex, Fault, Fiber, Fields, Instance, JsonText, Phase, Program, Reads, Timestamp,
};
use serde_json::json;

/// What a function is evaluated about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Given<'a> {
    /// What an answer, an event or a called process gave.
    pub answer: Option<&'a JsonText>,
    /// A fault that no handler deals with yet.
    pub fault: Option<&'a Fault>,
}

/// The reserved fields as a function sees them; empty when it reads none.
///
/// `now` is when the input arrived that led to the evaluation, so that another evaluation sees the same.
pub(crate) fn reserved(
    program: &Program,
    instance: &Instance,
    fiber: &Fiber,
    function: ConditionIndex,
    now: Timestamp,
    given: Given<'_>,
) -> Fields {
    let mut fields = Fields::new();
    let reads = program.condition(function).map(|found| found.reads);
    if reads != Some(Reads::Reserved) {
        return fields;
    }
    let process = json!({
        "id": instance.process.to_string(),
        "name": instance.name,
        "key": instance.key,
        "version": instance.version,
        "launched": seconds(instance.launched_at),
        "user": instance.user,
    });
    fields.set("inst:process", JsonText::of(&process));
    fields.set("inst:now", JsonText::of(&seconds(now)));
    let attempt = attempt(instance, fiber);
    fields.set("inst:attempt", JsonText::of(&attempt.into()));
    if let Some(fault) = given.fault.or_else(|| handled(instance, fiber)) {
        fields.set("inst:fault", fault_value(fault));
    }
    if let Some(given) = given.answer {
        fields.set("inst:answer", given.clone());
    }
    if let Some(item) = current(instance, fiber) {
        fields.set("inst:current", item.clone());
    }
    fields
}

/// The fault that the innermost handler around the fiber deals with.
pub(crate) fn handled<'a>(instance: &'a Instance, fiber: &'a Fiber) -> Option<&'a Fault> {
    let mut found = fiber;
    // A damaged instance may have a circle.
    for _ in 0..=instance.fibers.len() {
        for scope in found.scopes.iter().rev() {
            if let Phase::Handling(fault) = &scope.phase {
                return Some(fault);
            }
        }
        found = instance.fibers.get(found.branch.as_ref()?.parent)?;
    }
    None
}

/// The number of the attempt at the fiber's action, or at what is around it.
pub(crate) fn attempt(instance: &Instance, fiber: &Fiber) -> u32 {
    let mut found = fiber;
    if fiber.failed > 0 {
        return fiber.failed.saturating_add(1);
    }
    for _ in 0..=instance.fibers.len() {
        let mut scopes = found.scopes.iter().rev();
        if let Some(scope) = scopes.find(|scope| scope.tried_again > 0) {
            return scope.tried_again.saturating_add(1);
        }
        let parent = found.branch.as_ref().map(|branch| branch.parent);
        match parent.and_then(|parent| instance.fibers.get(parent)) {
            Some(parent) => found = parent,
            None => return 1,
        }
    }
    1
}

/// The item that the innermost `foreach` around the fiber is at.
fn current<'a>(instance: &'a Instance, fiber: &'a Fiber) -> Option<&'a JsonText> {
    let mut found = fiber;
    let mut branch_item = None;
    for _ in 0..=instance.fibers.len() {
        for scope in found.scopes.iter().rev() {
            if let Some(items) = &scope.items {
                let number = branch_item.or_else(|| items.next.checked_sub(1));
                return items.get(number?);
            }
        }
        let branch = found.branch.as_ref()?;
        branch_item = branch.item;
        found = instance.fibers.get(branch.parent)?;
    }
    None
}

/// Seconds since the epoch, exact to the millisecond.
fn seconds(at: Timestamp) -> serde_json::Value {
    let text = format!("{}.{:03}", at.0 / 1_000, at.0 % 1_000);
    serde_json::from_str(&text).unwrap_or_default()
}

fn fault_value(fault: &Fault) -> JsonText {
    let data = fault.data.as_ref().and_then(JsonText::to_value);
    JsonText::of(&json!({
        "code": fault.code.as_str(),
        "message": fault.message,
        "activity": fault.activity.to_string(),
        "data": data,
    }))
}
