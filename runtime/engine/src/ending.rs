//! How a process ends: it completes or fails.
//!
//! Either way, everything that its fibers have open is withdrawn, in the order of the fibers'
//! numbers; then the ending is recorded and reported. The host does what follows outside the
//! process.

use crate::{machine::Machine, ops::await_event::distinct};
use bureaucrat_model::{
    AbandonedTask, Called, Effect, Ending, Fault, Fiber, FiberId, FiberState, Fields, HistoryEvent,
    Op, OpIndex, ProcessId, Program, Recall, Status, Subscription, TaskEnd, Turn, Wait, WaitKind,
};

impl Machine<'_> {
    /// Ends the process with its final fields.
    pub fn complete(&mut self, fields: Fields) {
        if let Some(fault) = self.instance.cancelled.clone() {
            return self.fail(fault, FiberId(0));
        }
        self.withdraw_all();
        self.record(HistoryEvent::Completed);
        self.end(Ending::Completed(fields));
    }

    /// Ends the process with a fault: the one that it was cancelled with, if it was. Cuts the fault's message to the limit, and keeps the fields of
    /// `fiber` for people to look at.
    pub fn fail(&mut self, mut fault: Fault, fiber: FiberId) {
        if let Some(cancelled) = self.instance.cancelled.take() {
            fault = cancelled;
        }
        fault.message = self.shortened(fault.message);
        let fields = self.instance.fibers.visible(fiber);
        self.instance.failed_fields = fields.unwrap_or_default();
        self.withdraw_all();
        self.record(HistoryEvent::Failed(fault.clone()));
        self.end(Ending::Failed(fault));
    }

    fn end(&mut self, ending: Ending) {
        self.stop_deadline();
        self.instance.fibers.clear();
        self.instance.ended_at = Some(self.environment.now);
        self.instance.status = Status::Ended(ending.clone());
        self.effects.push(Effect::End(ending));
    }

    fn withdraw_all(&mut self) {
        for (id, fiber) in self.instance.fibers.iter() {
            self.effects.extend(withdrawal(self.program, id, fiber));
        }
    }
}

/// The effects that withdraw what the fiber waits for.
pub(crate) fn withdrawal(program: &Program, id: FiberId, fiber: &Fiber) -> Vec<Effect> {
    let FiberState::Waiting(wait) = &fiber.state else {
        return Vec::new();
    };
    let turn = wait.turn;
    let timer = |due| Effect::StopTimer {
        fiber: id,
        turn,
        due,
    };
    let mut effects = match &wait.kind {
        WaitKind::Answer { participant, .. } => vec![Effect::WithdrawTask {
            turn,
            end: TaskEnd::Abandoned(abandoned(program, fiber.at, participant, wait)),
        }],
        WaitKind::Timer { due, .. } => vec![timer(*due)],
        WaitKind::Event {
            subscriptions,
            recall,
            ..
        } => unsubscribed(subscriptions, *recall, id, turn),
        WaitKind::Listening {
            subscription,
            recall,
            ..
        } => unsubscribed(subscription.as_slice(), *recall, id, turn),
        // Nothing was started yet.
        WaitKind::Child {
            definition: Called::Sought(_),
            ..
        } => Vec::new(),
        WaitKind::Child { child, .. } => vec![forgotten(*child, turn)],
        WaitKind::Stopping { called, .. } => {
            let called = called.iter();
            called.map(|child| forgotten(*child, turn)).collect()
        }
        WaitKind::Branches { .. }
        | WaitKind::Condition { .. }
        | WaitKind::Fault { .. }
        | WaitKind::Compensation { .. }
        | WaitKind::Operator { .. }
        | WaitKind::Admission => Vec::new(),
    };
    effects.extend(wait.timer.map(timer));
    effects
}

fn unsubscribed(
    subscriptions: &[Subscription],
    recall: Recall,
    fiber: FiberId,
    turn: Turn,
) -> Vec<Effect> {
    let recall = (recall != Recall::Over).then_some(Effect::EndRecall { fiber, turn });
    let unsubscribe = |subscription| Effect::Unsubscribe {
        subscription,
        fiber,
        turn,
    };
    let subscriptions = distinct(subscriptions).into_iter();
    subscriptions.map(unsubscribe).chain(recall).collect()
}

fn abandoned(program: &Program, at: OpIndex, participant: &str, wait: &Wait) -> AbandonedTask {
    let found = program.op(at);
    AbandonedTask {
        activity: found.map(|(_, site)| wait.task_activity(&site.path).clone()),
        participant: participant.to_owned(),
        via: match found {
            Some((Op::Action { way: Some(way), .. }, _)) => way.via,
            Some(_) | None => None,
        },
    }
}

/// Nothing waits for the end of a called process any more.
const fn forgotten(child: ProcessId, turn: Turn) -> Effect {
    Effect::CancelChild {
        child,
        turn,
        awaited_by: None,
    }
}
