//! `foreach`: goes through the items of a list, one after the other or at the same time.

use crate::{
    machine::{Machine, Trouble},
    ops::fork,
    values::{bad, shown},
};
use bureaucrat_model::{
    Fiber, FiberId, FieldPath, Fields, HistoryEvent, ItemNames, Items, JsonText, Locals, OpIndex,
    Scope,
};

/// The most items of a list.
const ITEMS: usize = 100_000;

/// Keeps the items of the computed value in the innermost scope.
pub(crate) fn enter(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let value = machine.values(fiber)?.take()?;
    let list = value.items().ok_or_else(|| {
        bad(format!(
            "`select` is {}, which is neither a list nor a record",
            shown(value.as_str())
        ))
    })?;
    if list.len() > ITEMS {
        let count = list.len();
        return Err(fork::exceeded(format!(
            "a list of {count} items is too long; at most {ITEMS} are allowed"
        )));
    }
    let items = (0_u32..).zip(list);
    let items: Fields = items.map(|(n, item)| (n.to_string(), item)).collect();
    machine.check_size(items.size())?;
    let kept = machine.change(fiber, |fiber| {
        let scope = fiber.scopes.last_mut()?;
        scope.items = Some(Items {
            items,
            ..Items::default()
        });
        Some(())
    })?;
    kept.ok_or_else(no_scope)?;
    machine.go_on(fiber)
}

/// Declares the next item, or ends.
pub(crate) fn next(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    names: &ItemNames,
    end: OpIndex,
) -> Result<(), Trouble> {
    let found = machine.change(fiber, |fiber| {
        let scope = fiber.scopes.last_mut()?;
        let items = scope.items.as_mut()?;
        let number = items.next;
        let Some(item) = items.get(number).cloned() else {
            return Some(false);
        };
        items.next = number.saturating_add(1);
        scope.locals = Locals::default();
        declare(scope, names, number, item);
        Some(true)
    })?;
    match found.ok_or_else(no_scope)? {
        true => machine.go_on(fiber),
        false => machine.go_to(fiber, end),
    }
}

/// Starts a fiber for each item, or for as many as may run at once.
pub(crate) fn fork(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    parallel: u32,
    end: OpIndex,
) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    let items = found.scopes.last().and_then(|scope| scope.items.as_ref());
    let items = items.ok_or_else(no_scope)?;
    let all = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let count = if parallel == 0 {
        all
    } else {
        all.min(parallel)
    };
    if count == 0 {
        return machine.go_to(fiber, end);
    }
    let at = found.at.next();
    let branches = vec![at; count as usize];
    fork::start(machine, fiber, &branches, end, fork::For::Items)
}

/// What a branch that is for an item begins with.
pub(crate) fn begin(
    machine: &mut Machine<'_>,
    parent: FiberId,
    names: &ItemNames,
) -> Result<(u32, Scope), Trouble> {
    let begun = machine.change(parent, |parent| {
        let at = parent.at;
        let items = parent.scopes.last_mut()?.items.as_mut()?;
        let number = items.next;
        let item = items.get(number).cloned()?;
        items.next = number.saturating_add(1);
        let mut scope = Scope::new(at);
        declare(&mut scope, names, number, item);
        Some((number, scope))
    })?;
    begun.ok_or_else(no_scope)
}

/// Keeps what an item gave. A branch keeps it until it ends.
pub(crate) fn collect(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    if found
        .scopes
        .last()
        .is_some_and(|scope| scope.items.is_some())
    {
        let value = machine.values(fiber)?.take()?;
        let growth = value.as_str().len() + 16;
        machine.change_fields(fiber, growth, |fiber| {
            let items = fiber
                .scopes
                .last_mut()
                .and_then(|scope| scope.items.as_mut());
            if let Some(items) = items {
                let number = items.next.saturating_sub(1);
                items.collected.set(&number.to_string(), value);
            }
        })?;
    }
    machine.go_on(fiber)
}

/// A branch that was for an item ended with what it gave.
pub(crate) fn collected(
    machine: &mut Machine<'_>,
    parent: FiberId,
    item: u32,
    value: Option<JsonText>,
) -> Result<(), Trouble> {
    let Some(value) = value else {
        return Ok(());
    };
    let growth = value.as_str().len() + 16;
    machine.change_fields(parent, growth, |parent| {
        let items = parent
            .scopes
            .last_mut()
            .and_then(|scope| scope.items.as_mut());
        if let Some(items) = items {
            items.collected.set(&item.to_string(), value);
        }
    })
}

/// Puts what all items gave into a field, in the order of the items.
pub(crate) fn store(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    target: &FieldPath,
) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    let items = found.scopes.last().and_then(|scope| scope.items.as_ref());
    let items = items.ok_or_else(no_scope)?;
    let null = JsonText::of(&serde_json::Value::Null);
    let given = (0..items.len()).map(|n| items.collected.get(&n.to_string()));
    let list = JsonText::list(given.map(|value| value.unwrap_or(&null)));
    // The field is one outside: what the rounds declared does not hide it.
    let swap = |fiber: &mut Fiber, locals: Locals| {
        let scope = fiber.scopes.last_mut();
        scope.map(|scope| std::mem::replace(&mut scope.locals, locals))
    };
    let locals = machine.change(fiber, |fiber| swap(fiber, Locals::default()))?;
    let stored = machine.put(fiber, target, list);
    machine.change(fiber, |fiber| swap(fiber, locals.unwrap_or_default()))?;
    stored?;
    machine.go_on(fiber)
}

/// A branch ended while further items wait for their turn: begins the next one.
pub(crate) fn has_more(machine: &Machine<'_>, parent: FiberId) -> Result<bool, Trouble> {
    let found = machine.fiber(parent)?;
    let items = found.scopes.last().and_then(|scope| scope.items.as_ref());
    Ok(items.is_some_and(|items| (items.next as usize) < items.len()))
}

pub(crate) fn record_joined(machine: &mut Machine<'_>, parent: FiberId) {
    let activity = machine.path(parent);
    machine.record(HistoryEvent::Joined { activity });
}

fn declare(scope: &mut Scope, names: &ItemNames, number: u32, item: JsonText) {
    if let Some(name) = &names.index {
        scope.declare(name, JsonText::of(&number.into()));
    }
    if let Some(name) = &names.item {
        scope.declare(name, item);
    }
}

fn no_scope() -> Trouble {
    Trouble::program("there are no items to go through")
}
