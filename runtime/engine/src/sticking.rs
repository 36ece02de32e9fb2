//! Faults that nothing handles, in a definition that has operators look at them.
//!
//! The fiber that failed waits for an operator where its activity begins; everything else of the process continues. When
//! it is told to, it tries the activity again, with all that is computed for it. Its wait keeps what another machine
//! needs to play the failure again: which evaluation failed and what it ran under, what it saw if the fiber may have
//! something else by then, and the message that led to it.

use crate::{
    Aim, Environment, Rejection,
    machine::{Machine, Trouble},
    reserved::{Given, attempt, reserved},
};
use bureaucrat_model::{
    ConditionIndex, Deadline, Evaluation, EvaluationOutcome, Evidence, FailedEvaluation, Fault,
    FiberId, FiberState, Fields, HistoryEvent, Instance, JsonText, KeptMessage, Op, OpIndex,
    Program, Ran, Seen, Unhandled, View, Wait, WaitKind,
};

/// Which attempt it is, as functions read it.
const ATTEMPT: &str = "inst:attempt";

/// What becomes of a fault that nothing in the process handles. What the host says is not for a called process: its
/// caller has the fault, and may handle it.
pub fn unhandled(
    program: &Program,
    instance: &Instance,
    environment: &Environment<'_>,
) -> Unhandled {
    let of_host = match instance.caller {
        Some(_) => Unhandled::Fails,
        None => environment.unhandled,
    };
    program.conduct.unhandled.unwrap_or(of_host)
}

impl Machine<'_> {
    /// Whether an operator is waited for after a fault that nothing handles. What ends the process as a whole never waits.
    pub(crate) fn waits_for_operator(&self, fault: &Fault) -> bool {
        unhandled(self.program, self.instance, self.environment) == Unhandled::Waits
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
        let evaluation = self.failed.take().map(|failed| self.bounded(*failed));
        let evidence = Box::new(Evidence {
            evaluation,
            message: None,
        });
        let turn = self.next_turn();
        self.wait(fiber, turn, WaitKind::Operator { fault, evidence })
    }

    /// Without fields that would be too many.
    fn bounded(&self, failed: FailedEvaluation) -> FailedEvaluation {
        let bytes = match &failed.fields {
            Seen::InPlace | Seen::TooLarge { .. } => 0,
            Seen::Kept(fields) => fields.size(),
        };
        if bytes == 0 || bytes <= room(self.instance) {
            return failed;
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        FailedEvaluation {
            fields: Seen::TooLarge { bytes },
            ..failed
        }
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

/// What is to be kept of an evaluation whose outcome is a fault. The fiber still waits for it.
pub(crate) fn failed(
    machine: &Machine<'_>,
    fiber: FiberId,
    condition: ConditionIndex,
    evaluation: &mut Evaluation,
) -> Result<Option<Box<FailedEvaluation>>, Trouble> {
    let EvaluationOutcome::Fault { ran, .. } = &mut evaluation.outcome else {
        return Ok(None);
    };
    let found = machine.fiber(fiber)?;
    let (Some(ran), FiberState::Waiting(wait)) = (ran.take(), &found.state) else {
        return Ok(None);
    };
    let Ran { fields, bounds } = *ran;
    // Another fiber may change what is shared in place.
    let fields = match !found.shares_in_place() && machine.fields(fiber)? == fields {
        true => Seen::InPlace,
        false => Seen::Kept(fields),
    };
    Ok(Some(Box::new(FailedEvaluation {
        condition,
        asked_at: wait.since,
        attempt: attempt(machine.instance, found),
        fuel: evaluation.fuel,
        bounds,
        fields,
    })))
}

/// How many bytes the incidents of this instance may still keep.
pub fn room(instance: &Instance) -> usize {
    let kept = instance.fibers.iter().filter_map(|(_, fiber)| {
        let FiberState::Waiting(Wait { kind, .. }) = &fiber.state else {
            return None;
        };
        let WaitKind::Operator { evidence, .. } = kind else {
            return None;
        };
        Some(evidence.bytes())
    });
    let kept = kept.fold(0, usize::saturating_add);
    Evidence::BYTES_MAX.saturating_sub(kept)
}

/// The fields that the fiber sees are about to change: what failed saw them as they were.
pub(crate) fn keep_seen(state: &mut FiberState, visible: &Fields, room: usize) {
    if let FiberState::Waiting(Wait {
        kind: WaitKind::Operator { evidence, .. },
        ..
    }) = state
        && let Some(evaluation) = &mut evidence.evaluation
        && evaluation.fields == Seen::InPlace
    {
        evaluation.fields = match visible.size() <= room {
            true => Seen::Kept(visible.clone()),
            false => Seen::TooLarge {
                bytes: u64::try_from(visible.size()).unwrap_or(u64::MAX),
            },
        };
    }
}

/// Keeps the message that led to the latest failure that waits for an operator, with its wait.
pub fn keep_message(instance: &mut Instance, message: KeptMessage) {
    let turn = |state: &FiberState| match state {
        FiberState::Waiting(Wait {
            turn,
            kind: WaitKind::Operator { .. },
            ..
        }) => Some(*turn),
        FiberState::Waiting(_) | FiberState::Ready => None,
    };
    let stuck = instance.fibers.iter();
    let stuck = stuck.filter_map(|(id, fiber)| Some((turn(&fiber.state)?, id)));
    let Some((_, latest)) = stuck.max() else {
        return;
    };
    instance.fibers.change(latest, |fiber| {
        if let FiberState::Waiting(Wait {
            kind: WaitKind::Operator { evidence, .. },
            ..
        }) = &mut fiber.state
        {
            evidence.message = Some(message);
        }
    });
}

/// What the evaluation saw that the fiber's failure is the outcome of. None if there is none, or if what it saw was too
/// large to be kept.
pub fn view_of_failed(program: &Program, instance: &Instance, fiber: FiberId) -> Option<View> {
    let found = instance.fibers.get(fiber)?;
    let FiberState::Waiting(Wait {
        kind: WaitKind::Operator { evidence, .. },
        ..
    }) = &found.state
    else {
        return None;
    };
    let evaluation = evidence.evaluation.as_ref()?;
    let fields = match &evaluation.fields {
        Seen::InPlace => instance.fibers.visible(fiber)?,
        Seen::Kept(fields) => fields.clone(),
        Seen::TooLarge { .. } => return None,
    };
    let given = Given {
        answer: found.given.as_ref(),
        fault: None,
    };
    let (condition, at) = (evaluation.condition, evaluation.asked_at);
    let mut reserved = reserved(program, instance, found, condition, at, given);
    if reserved.get(ATTEMPT).is_some() {
        reserved.set(ATTEMPT, JsonText::of(&evaluation.attempt.into()));
    }
    Some(View { fields, reserved })
}
