//! The deadline of a process: the fault `Deadline` at its root when it has not ended by then.
//!
//! It belongs to the process, not to a fiber, so its timer has a fiber number that no fiber has.

use crate::{
    Aim, Rejection,
    machine::{Machine, Trouble},
};
use bureaucrat_model::{Deadline, Effect, Fault, FaultCode, FiberId, Millis, Operand, Phase, Turn};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    span: &Operand<Millis>,
) -> Result<(), Trouble> {
    let span = machine.values(fiber)?.span(span)?;
    let due = machine.environment.now.after(span);
    let turn = machine.next_turn();
    machine.stop_deadline();
    machine.instance.deadline = Some(Deadline::Ahead { due, turn });
    machine.effects.push(Effect::StartTimer {
        fiber: FiberId::DEADLINE,
        turn,
        due,
    });
    machine.go_on(fiber)
}

/// The deadline's timer is due.
pub(crate) fn pass(machine: &mut Machine<'_>, turn: Turn) -> Result<(), Rejection> {
    let due = match machine.instance.deadline {
        Some(Deadline::Ahead { due, turn: known }) if known == turn => due,
        Some(_) | None => return Err(Rejection::Stale(Aim::Process(machine.instance.process))),
    };
    machine.stop_deadline();
    machine.instance.deadline = Some(Deadline::Passed);
    machine.refresh_budget();
    machine.instance.cause_depth = 0;
    if machine.instance.cancelled.is_none() && !is_finishing(machine) {
        let given = due.since(machine.instance.launched_at);
        let message = format!("the process did not end within {given}, its `deadline`");
        let fault = Fault::from_outside(FaultCode::DEADLINE, message);
        machine.throw(FiberId(0), fault);
    }
    if !machine.instance.has_ended() {
        machine.run();
    }
    Ok(())
}

/// Whether the process runs what it runs at its end: that is not cut.
fn is_finishing(machine: &Machine<'_>) -> bool {
    let first = machine.instance.fibers.get(FiberId(0));
    let Some(outermost) = first.and_then(|fiber| fiber.scopes.first()) else {
        return false;
    };
    let entered = machine.program.op(outermost.entered);
    let is_own = entered.is_some_and(|(_, site)| site.path.0.is_empty());
    is_own && matches!(outermost.phase, Phase::Finally(_))
}

impl Machine<'_> {
    /// The process has no deadline ahead any more.
    pub fn stop_deadline(&mut self) {
        if let Some(Deadline::Ahead { due, turn }) = self.instance.deadline {
            self.instance.deadline = None;
            self.effects.push(Effect::StopTimer {
                fiber: FiberId::DEADLINE,
                turn,
                due,
            });
        }
    }
}
