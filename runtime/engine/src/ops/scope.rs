//! Scopes: entering and leaving, and the fields that are declared in them. What happens to a fault inside one is in
//! `throwing`.

use crate::{
    machine::{Machine, Trouble},
    ops::compensate,
};
use bureaucrat_model::{FiberId, Fields, Locals, Op, OpIndex, Outcome, Phase, Scope};

/// The most scopes that a fiber is in.
const SCOPES: usize = 1_000;

pub(crate) fn enter(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    if machine.fiber(fiber)?.scopes.len() >= SCOPES {
        return Err(Trouble::program("scopes are entered and never left"));
    }
    let at = machine.fiber(fiber)?.at;
    let mut scope = Scope::new(at);
    if let Some((Op::EnterScope { compensation, .. }, _)) = machine.program.op(at) {
        scope.compensation = *compensation;
    }
    if scope.compensation.is_some() {
        compensate::check_room(machine)?;
    }
    machine.change(fiber, |fiber| fiber.scopes.push(scope))?;
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

/// Forgets the declared fields of the innermost scope.
pub(crate) fn forget(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    machine.change(fiber, |fiber| {
        if let Some(scope) = fiber.scopes.last_mut() {
            scope.locals = Locals::default();
        }
    })?;
    machine.go_on(fiber)
}

/// The body of the innermost scope has ended, or a handler of it, or what runs at its end.
pub(crate) fn leave(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    let outer = found.scopes.len().saturating_sub(1);
    let entered = found.scopes.last().and_then(|scope| {
        let op = machine.program.ops.get(scope.entered.0 as usize);
        Some((scope.phase.clone(), op?))
    });
    let Some((phase, Op::EnterScope { finally, next, .. })) = entered else {
        return Err(Trouble::program("a scope is left that was never entered"));
    };
    let outcome = match phase {
        Phase::Finally(outcome) => return left(machine, fiber, outcome, *next),
        Phase::Body => Outcome::Completed,
        Phase::Handling(_) | Phase::Interrupted => {
            compensate::forget(machine, fiber)?;
            // Cancelling is no fault that a handler ends: it leaves the scope when the handler has ended.
            let cancelled = machine.instance.cancelled.clone();
            cancelled.map_or(Outcome::Completed, Outcome::Failed)
        }
    };
    match finally {
        Some(at) => machine.run_finally(fiber, outer, *at, outcome),
        None => left(machine, fiber, outcome, *next),
    }
}

/// Nothing is left to do in the innermost scope.
fn left(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    outcome: Outcome,
    next: OpIndex,
) -> Result<(), Trouble> {
    match outcome {
        Outcome::Completed => {
            compensate::complete(machine, fiber)?;
            machine.go_to(fiber, next)
        }
        Outcome::Failed(fault) => {
            leave_innermost(machine, fiber)?;
            machine.throw(fiber, fault);
            Ok(())
        }
        Outcome::Stopped => {
            leave_innermost(machine, fiber)?;
            machine.finish_stopped(fiber)
        }
    }
}

fn leave_innermost(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    machine.change(fiber, |fiber| {
        let outer = fiber.scopes.len().saturating_sub(1);
        fiber.leave_scopes(outer);
    })
}
