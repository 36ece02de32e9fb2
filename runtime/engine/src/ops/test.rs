//! A test, used by `switch` and `while`: evaluates conditions in order until one holds. It also
//! receives the outcomes of an `await`'s conditions and passes them on.

use crate::{
    machine::{Machine, Trouble},
    ops::await_event,
};
use bureaucrat_model::{
    ConditionIndex, ConditionOutcome, ConditionRange, Evaluation, EvaluationOutcome, FiberId,
    HistoryEvent, Op, OpIndex, Turn, WaitKind,
};

/// Requests the first condition. Without conditions, none holds.
pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    conditions: ConditionRange,
    otherwise: OpIndex,
) -> Result<(), Trouble> {
    match conditions.start() {
        None => machine.go_to(fiber, otherwise),
        Some(first) => {
            let turn = machine.next_turn();
            evaluate(machine, fiber, turn, first)
        }
    }
}

/// Takes the outcome of a condition of a test or an await, already matched with this fiber's wait.
pub(crate) fn evaluated(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    condition: ConditionIndex,
    evaluation: Evaluation,
) -> Result<(), Trouble> {
    if !machine.share_is_spent() {
        machine.spend()?;
    }
    let activity = machine.path(fiber);
    let (outcome, verdict) = match evaluation.outcome {
        EvaluationOutcome::Verdict(holds) => (ConditionOutcome::Verdict(holds), Ok(holds)),
        EvaluationOutcome::Fault { code, message } => (
            ConditionOutcome::Fault {
                code: code.clone(),
                message: machine.shortened(message.clone()),
            },
            Err(Trouble { code, message }),
        ),
    };
    machine.record(HistoryEvent::ConditionEvaluated {
        activity,
        condition,
        outcome,
        fuel: evaluation.fuel,
    });
    let at = machine.fiber(fiber)?.at;
    let op = machine.program.ops.get(at.0 as usize);
    // The publisher of an event need not know what conditions read, so a condition that fails does
    // not hold.
    let holds = if matches!(op, Some(Op::Await { .. })) {
        verdict.unwrap_or(false)
    } else {
        verdict?
    };
    match op {
        Some(Op::Await { .. }) => await_event::verdict(machine, fiber, turn, condition, holds),
        Some(Op::Test { .. }) if holds => machine.go_on(fiber),
        Some(Op::Test {
            conditions,
            otherwise,
        }) => match conditions.after(condition) {
            Some(next) => evaluate(machine, fiber, turn, next),
            None => machine.go_to(fiber, *otherwise),
        },
        Some(_) | None => Err(Trouble::program("the fiber is at no test")),
    }
}

fn evaluate(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    condition: ConditionIndex,
) -> Result<(), Trouble> {
    let fields = machine.fields(fiber)?;
    machine.wait(fiber, turn, WaitKind::Condition { condition })?;
    machine.ask(fiber, turn, condition, fields)
}
