//! Scopes: entering and leaving, and the fields that are declared in them. What happens to a fault inside of one is in
//! `throwing`.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{FiberId, Fields, HistoryEvent, Op, Outcome, Phase, Scope};

/// The most scopes that a fiber is in.
const SCOPES: usize = 1_000;

pub(crate) fn enter(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    if machine.fiber(fiber)?.scopes.len() >= SCOPES {
        return Err(Trouble::program("scopes are entered and never left"));
    }
    machine.change(fiber, |fiber| fiber.scopes.push(Scope::new(fiber.at)))?;
    machine.go_on(fiber)
}

/// Declares fields of the innermost scope.
pub(crate) fn declare(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    fixed: &Fields,
    computed: Option<&str>,
) -> Result<(), Trouble> {
    let mut values = machine.values(fiber)?;
    let computed = match computed {
        Some(name) => Some((name, values.take()?)),
        None => None,
    };
    if machine.fiber(fiber)?.scopes.is_empty() {
        return Err(Trouble::program("a field is declared in no scope"));
    }
    let growth = computed
        .as_ref()
        .map_or(0, |(name, value)| name.len() + value.as_str().len() + 6);
    machine.change_fields(fiber, fixed.size().saturating_add(growth), |fiber| {
        let Some(scope) = fiber.scopes.last_mut() else {
            return;
        };
        for (name, value) in fixed.iter() {
            scope.declare(name, value.clone());
        }
        if let Some((name, value)) = computed {
            scope.declare(name, value);
        }
    })?;
    machine.go_on(fiber)
}

/// The body of the innermost scope has ended, or a handler of it, or what runs at its end.
pub(crate) fn leave(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let scope = machine.fiber(fiber)?.scopes.last().cloned();
    let entered = scope.and_then(|scope| {
        let op = machine.program.ops.get(scope.entered.0 as usize);
        Some((scope.phase, scope.entered, op?))
    });
    let Some((phase, entered, Op::EnterScope { finally, next, .. })) = entered else {
        return Err(Trouble::program("a scope is left that was never entered"));
    };
    // Cancelling is no fault that a handler ends: it leaves the scope when the handler has ended.
    let cancelled = machine.instance.cancelled.clone();
    let outcome = match (&phase, cancelled) {
        (Phase::Handling(_), Some(fault)) => Outcome::Failed(fault),
        (Phase::Body | Phase::Handling(_) | Phase::Finally(_), _) => Outcome::Completed,
    };
    let phase = match (phase, finally) {
        (Phase::Body | Phase::Handling(_), None) => Phase::Finally(outcome.clone()),
        (phase, _) => phase,
    };
    match (phase, finally) {
        (Phase::Body | Phase::Handling(_), Some(at)) => {
            let site = machine.program.op(entered).map(|(_, site)| site);
            let activity = site.map(|site| site.path.clone()).unwrap_or_default();
            machine.record(HistoryEvent::Finishing { activity });
            machine.change(fiber, |fiber| {
                if let Some(scope) = fiber.scopes.last_mut() {
                    scope.phase = Phase::Finally(outcome);
                }
            })?;
            machine.go_to(fiber, *at)
        }
        (Phase::Body | Phase::Handling(_), None) | (Phase::Finally(Outcome::Completed), _) => {
            machine.change(fiber, |fiber| fiber.scopes.pop())?;
            machine.go_to(fiber, *next)
        }
        (Phase::Finally(Outcome::Failed(fault)), _) => {
            machine.change(fiber, |fiber| fiber.scopes.pop())?;
            machine.throw(fiber, fault);
            Ok(())
        }
        (Phase::Finally(Outcome::Stopped), _) => {
            machine.change(fiber, |fiber| fiber.scopes.pop())?;
            machine.finish_stopped(fiber)
        }
    }
}
