//! Faults that nothing handles, in a definition that has operators look at them.
//!
//! The fiber that failed waits for an operator where its activity begins; everything else of the process continues. When
//! it is told to, it tries the activity again, with all that is computed for it.

use crate::{
    Aim, Rejection,
    machine::{Machine, Trouble},
};
use bureaucrat_model::{
    Deadline, Fault, FiberId, FiberState, HistoryEvent, Op, OpIndex, Unhandled, Wait, WaitKind,
};

impl Machine<'_> {
    /// Whether an operator is waited for after a fault that nothing handles. What ends the process as a whole never waits.
    pub(crate) fn waits_for_operator(&self, fault: &Fault) -> bool {
        self.program.conduct.unhandled == Unhandled::Waits
            && fault.code.is_caught_by_default()
            && self.instance.cancelled.is_none()
            && self.instance.deadline != Some(Deadline::Passed)
    }

    /// Has the fiber wait for an operator.
    pub(crate) fn stick(&mut self, fiber: FiberId, fault: Fault) -> Result<(), Trouble> {
        self.withdraw(fiber);
        let at = self.beginning(self.fiber(fiber)?.at);
        self.change(fiber, |fiber| {
            fiber.at = at;
            fiber.values.clear();
            fiber.failed = 0;
            fiber.within = None;
        })?;
        self.record(HistoryEvent::Stuck {
            fault: fault.clone(),
        });
        let turn = self.next_turn();
        self.wait(fiber, turn, WaitKind::Operator { fault })
    }

    /// The first of the instructions that compute something for this one.
    fn beginning(&self, at: OpIndex) -> OpIndex {
        let mut at = at;
        while let Some(before) = at.0.checked_sub(1).map(OpIndex)
            && let Some((Op::Evaluate { .. } | Op::Within { .. }, _)) = self.program.op(before)
        {
            at = before;
        }
        at
    }
}

/// Tries again what waits for an operator.
pub(crate) fn retry(machine: &mut Machine<'_>) -> Result<(), Rejection> {
    let is_stuck = |state: &FiberState| {
        let FiberState::Waiting(Wait { kind, .. }) = state else {
            return false;
        };
        matches!(kind, WaitKind::Operator { .. })
    };
    let fibers = machine.instance.fibers.iter();
    let stuck: Vec<FiberId> = fibers
        .filter_map(|(id, fiber)| is_stuck(&fiber.state).then_some(id))
        .collect();
    if stuck.is_empty() {
        return Err(Rejection::Stale(Aim::Process(machine.instance.process)));
    }
    machine.refresh_budget();
    machine.instance.cause_depth = 0;
    for fiber in stuck {
        if let Err(trouble) = machine.stop_waiting(fiber) {
            machine.throw_at(fiber, trouble);
        }
    }
    machine.run();
    Ok(())
}
