//! A test, used by `switch` and `while`: evaluates conditions in order until one holds. It also
//! receives the outcomes of an `await`'s conditions and passes them on.

use crate::{
    machine::{Machine, Trouble},
    ops::{assign, await_event},
};
use bureaucrat_model::{
    ConditionIndex, ConditionOutcome, ConditionRange, Evaluation, EvaluationOutcome, FaultCode,
    FiberId, HistoryEvent, JsonText, Op, OpIndex, Turn, WaitKind,
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
    let at = machine.fiber(fiber)?.at;
    let op = machine.program.ops.get(at.0 as usize);
    let (outcome, result) = read(machine, op, evaluation.outcome);
    machine.record(HistoryEvent::ConditionEvaluated {
        activity,
        condition,
        outcome,
        fuel: evaluation.fuel,
    });
    if let Some(Op::Assign { target, .. }) = op {
        return match result? {
            Given::Value(value) => assign::take(machine, fiber, target, value),
            Given::Verdict(_) => Err(Trouble::program("a value was not evaluated as one")),
        };
    }
    let verdict = result.map(|given| matches!(given, Given::Verdict(true)));
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

/// What a function returned, as far as it is what the instruction needs.
enum Given {
    Verdict(bool),
    Value(JsonText),
}

/// An outcome for the history, and what becomes of it.
fn read(
    machine: &Machine<'_>,
    op: Option<&Op>,
    outcome: EvaluationOutcome,
) -> (ConditionOutcome, Result<Given, Trouble>) {
    let wants_value = matches!(op, Some(Op::Assign { .. }));
    let unfit = |what: &str| Trouble::new(FaultCode::CONDITION_ERROR, what);
    let trouble = match outcome {
        EvaluationOutcome::Verdict(holds) if !wants_value => {
            return (ConditionOutcome::Verdict(holds), Ok(Given::Verdict(holds)));
        }
        EvaluationOutcome::Value(value) if wants_value => {
            return (ConditionOutcome::value(&value), Ok(Given::Value(value)));
        }
        EvaluationOutcome::Verdict(_) => {
            unfit("the function returns a verdict where a value is needed")
        }
        EvaluationOutcome::Value(_) => {
            unfit("the function returns a value where a verdict is needed")
        }
        EvaluationOutcome::Fault { code, message } => Trouble::new(code.as_str(), message),
    };
    let outcome = ConditionOutcome::Fault {
        code: trouble.code.clone(),
        message: machine.shortened(trouble.message.clone()),
    };
    (outcome, Err(trouble))
}

/// Has the fiber wait for the outcome of a function.
pub(crate) fn evaluate(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    condition: ConditionIndex,
) -> Result<(), Trouble> {
    let fields = machine.fields(fiber)?;
    machine.wait(fiber, turn, WaitKind::Condition { condition })?;
    machine.ask(fiber, turn, condition, fields)
}
