//! How a process ends: it completes or fails.
//!
//! Either way, everything that its fibers have open is withdrawn, in the order of the fibers'
//! numbers; then the ending is recorded and reported. The host does what follows outside of the
//! process.

use crate::machine::Machine;
use bureaucrat_model::{
    Effect, Ending, Fault, Fiber, FiberId, FiberState, Fields, HistoryEvent, Status, WaitKind,
};

impl Machine<'_> {
    /// Ends the process with its final fields.
    pub fn complete(&mut self, fields: Fields) {
        self.withdraw_all();
        self.record(HistoryEvent::Completed);
        self.end(Ending::Completed(fields));
    }

    /// Ends the process with a fault. Cuts the fault's message to the limit, and keeps the fields of
    /// `fiber` for people to look at.
    pub fn fail(&mut self, mut fault: Fault, fiber: FiberId) {
        fault.message = self.shortened(fault.message);
        let fields = self
            .instance
            .fibers
            .get(fiber)
            .map(|fiber| fiber.fields.clone());
        self.instance.failed_fields = fields.unwrap_or_default();
        self.withdraw_all();
        self.record(HistoryEvent::Failed(fault.clone()));
        self.end(Ending::Failed(fault));
    }

    fn end(&mut self, ending: Ending) {
        self.instance.fibers.clear();
        self.instance.ended_at = Some(self.environment.now);
        self.instance.status = Status::Ended(ending.clone());
        self.effects.push(Effect::End(ending));
    }

    fn withdraw_all(&mut self) {
        for (id, fiber) in self.instance.fibers.iter() {
            self.effects.extend(withdrawal(id, fiber));
        }
    }
}

/// The effect that withdraws what the fiber waits for.
pub(crate) fn withdrawal(id: FiberId, fiber: &Fiber) -> Option<Effect> {
    let FiberState::Waiting(wait) = &fiber.state else {
        return None;
    };
    let turn = wait.turn;
    match &wait.kind {
        WaitKind::Answer { .. } => Some(Effect::WithdrawTask { turn }),
        WaitKind::Timer { due } => Some(Effect::StopTimer {
            fiber: id,
            turn,
            due: *due,
        }),
        WaitKind::Event { event, .. } => Some(Effect::Unsubscribe {
            event: event.clone(),
            fiber: id,
            turn,
        }),
        WaitKind::Child { child } => Some(Effect::CancelChild {
            child: *child,
            turn,
        }),
        WaitKind::Branches { .. } | WaitKind::Condition { .. } => None,
    }
}
