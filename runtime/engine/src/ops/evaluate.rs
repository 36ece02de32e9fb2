//! Computes a value for the instruction that follows: an expression's, or that of a module's function.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{
    ConditionIndex, Evaluation, EvaluationOutcome, FaultCode, FiberId, HistoryEvent, JsonText,
    SelectStep, Turn, View, WaitKind,
};

/// The most values that are computed for one instruction.
const VALUES: usize = 4_096;

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    function: ConditionIndex,
) -> Result<(), Trouble> {
    if machine.fiber(fiber)?.values.len() >= VALUES {
        return Err(Trouble::program("values are computed that nothing takes"));
    }
    if let Some(value) = selected(machine, fiber, function)? {
        let activity = machine.path(fiber);
        machine.record(HistoryEvent::ConditionEvaluated {
            activity,
            condition: function,
            module: None, // only inline expressions select
            outcome: bureaucrat_model::ConditionOutcome::value(&value),
            fuel: 0,
        });
        return take(machine, fiber, value);
    }
    let turn = machine.next_turn();
    request(machine, fiber, turn, function)
}

/// Takes a value that is written in the definition.
pub(crate) fn constant(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    value: &JsonText,
) -> Result<(), Trouble> {
    if machine.fiber(fiber)?.values.len() >= VALUES {
        return Err(Trouble::program("values are given that nothing takes"));
    }
    take(machine, fiber, value.clone())
}

/// The value of a function that only selects, as it is written, at any size. Where a step finds nothing, the function is
/// evaluated: it says what is missing, or finds what only it knows.
fn selected(
    machine: &Machine<'_>,
    fiber: FiberId,
    function: ConditionIndex,
) -> Result<Option<JsonText>, Trouble> {
    let condition = machine.program.condition(function);
    let Some((first, steps)) = condition.and_then(|found| found.selects.split_first()) else {
        return Ok(None);
    };
    let SelectStep::Name(name) = first else {
        return Ok(None);
    };
    let found = machine.fiber(fiber)?;
    let value = if name.starts_with(View::RESERVED) {
        machine.reserved(fiber, function)?.get(name).cloned()
    } else if found.shares_in_place() {
        machine.fields(fiber)?.get(name).cloned()
    } else {
        found.field(name).cloned()
    };
    Ok(value.and_then(|value| steps.iter().try_fold(value, |value, step| value.at(step))))
}

/// Has the fiber wait for the outcome of a function.
pub(crate) fn request(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    condition: ConditionIndex,
) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    let given = found.given.clone();
    let fields = machine.fields(fiber)?;
    machine.wait(fiber, turn, WaitKind::Condition { condition })?;
    machine.ask(fiber, turn, condition, fields, given.as_ref())
}

/// The value is there; the evaluation has been matched with this fiber's wait.
pub(crate) fn take(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    value: JsonText,
) -> Result<(), Trouble> {
    let held = machine.fiber(fiber)?;
    let bytes = held.values.iter().map(|value| value.as_str().len());
    let bytes = bytes.sum::<usize>().saturating_add(value.as_str().len());
    machine.check_size(bytes)?;
    machine.check_growth(value.as_str().len())?;
    machine.stop_waiting(fiber)?;
    machine.change(fiber, |fiber| fiber.values.push(value))?;
    machine.go_on(fiber)
}

/// The most characters of an expression that a fault repeats.
const SHOWN: usize = 100;

/// The message of a fault with the expression that it comes from.
pub fn placed_words(text: &str, message: &str) -> String {
    let text = text.trim();
    let shown = match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    };
    match message {
        "" => format!("in `{shown}`"),
        message => format!("{message}, in `{shown}`"),
    }
}

/// The error of a function with its place: an activity may have many of them.
pub(crate) fn placed(machine: &Machine<'_>, function: ConditionIndex, trouble: Trouble) -> Trouble {
    let Some(found) = machine.program.condition(function) else {
        return trouble;
    };
    Trouble {
        message: machine.shortened(placed_words(&found.text, &trouble.message)),
        line: Some(found.span.line),
        ..trouble
    }
}

/// What a function returned, as far as it is what the instruction needs.
pub(crate) enum Given {
    Verdict(bool),
    Value(JsonText),
}

/// Which kind of outcome an instruction needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Verdict,
    Value,
}

/// Records an evaluation and reads its outcome.
pub(crate) fn read(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    condition: ConditionIndex,
    wanted: Wanted,
    evaluation: Evaluation,
) -> Result<Given, Trouble> {
    use bureaucrat_model::ConditionOutcome as Recorded;
    let activity = machine.path(fiber);
    let unfit = |what: &str| Err(Trouble::new(FaultCode::CONDITION_ERROR, what));
    let result = match (evaluation.outcome, wanted) {
        (EvaluationOutcome::Verdict(holds), Wanted::Verdict) => Ok(Given::Verdict(holds)),
        (EvaluationOutcome::Value(value), Wanted::Value) => Ok(Given::Value(value)),
        (EvaluationOutcome::Verdict(_), Wanted::Value) => {
            unfit("the function returns a verdict, but a value is needed")
        }
        (EvaluationOutcome::Value(_), Wanted::Verdict) => {
            unfit("the function returns a value, but a verdict is needed")
        }
        (
            EvaluationOutcome::Fault {
                code,
                message,
                data,
                ran: _,
            },
            _,
        ) => Err(Trouble {
            data,
            ..Trouble::new(code.as_str(), message)
        }),
    };
    let outcome = match &result {
        Ok(Given::Verdict(holds)) => Recorded::Verdict(*holds),
        Ok(Given::Value(value)) => Recorded::value(value),
        Err(trouble) => Recorded::Fault {
            code: trouble.code.clone(),
            message: machine.shortened(trouble.message.clone()),
        },
    };
    let found = machine.program.condition(condition);
    machine.record(HistoryEvent::ConditionEvaluated {
        activity,
        condition,
        module: found.and_then(|found| found.guest.module()),
        outcome,
        fuel: evaluation.fuel,
    });
    result
}
