//! Finds the instruction that an input is for.
//!
//! Every input is matched with the current waits before anything changes. An input that matches
//! nothing is rejected and leaves no trace.

mod calls;
mod finding;

pub(crate) use finding::find_answered;

use crate::{
    Aim, Rejection,
    choosing::Verdict,
    machine::{Machine, Trouble},
    ops::{
        self,
        evaluate::{self, Given, Wanted},
    },
    sticking,
};
use bureaucrat_model::{
    Check, ConditionIndex, Evaluation, FiberId, FiberState, Input, Op, Recall, Timestamp, Turn,
    Wait, WaitKind,
};
use finding::{find_sent, find_wait, not_waiting};

/// Takes an input and runs the process as far as possible.
pub(crate) fn take(machine: &mut Machine<'_>, input: Input) -> Result<(), Rejection> {
    match input {
        Input::Answer {
            activity,
            turn,
            answer,
            unusable,
        } => {
            let fiber = find_answered(machine.program, machine.instance, &activity, turn)?;
            settle(machine, fiber, |machine| {
                ops::action::left_out(machine, fiber, unusable)?;
                ops::action::answer(machine, fiber, answer)
            });
        }
        Input::TimerFired {
            fiber: FiberId::DEADLINE,
            turn,
        } => ops::deadline::pass(machine, turn)?,
        Input::TimerFired { fiber, turn } => {
            let due = timer(machine, fiber, turn)?;
            settle(machine, fiber, |machine| due_at(machine, fiber, turn, due));
        }
        Input::Event {
            fiber,
            turn,
            name,
            key,
            depth,
            event,
            source,
        } => {
            // While an earlier event is being checked, none is taken: the host delivers them one
            // after the other.
            if let WaitKind::Listening {
                subscription: Some(_),
                check: None,
                ..
            } = find_wait(machine, fiber, turn)?.kind
            {
                settle_caused(machine, fiber, depth, |machine| {
                    ops::listen::event(machine, fiber, turn, event, source)
                });
                return Ok(());
            }
            let WaitKind::Event { check: None, .. } = find_wait(machine, fiber, turn)?.kind else {
                return Err(not_waiting(machine, fiber, turn));
            };
            settle_caused(machine, fiber, depth, |machine| {
                let offered = ops::await_event::Offered {
                    name: &name,
                    key: key.as_deref(),
                    source,
                };
                ops::await_event::event(machine, fiber, turn, offered, event)
            });
        }
        Input::ChildEnded {
            fiber,
            turn,
            ending,
        } => {
            let child = calls::find_child(machine, fiber, turn)?;
            settle(machine, fiber, |machine| {
                ops::call::ended(machine, fiber, child, ending)
            });
        }
        Input::ChildRefused {
            fiber,
            turn,
            reason,
        } => {
            calls::find_child(machine, fiber, turn)?;
            settle_within(machine, fiber, |machine| {
                ops::call::refused(machine, fiber, &reason)
            });
        }
        Input::DefinitionFound {
            fiber,
            turn,
            definition,
        } => {
            calls::find_sought(machine, fiber, turn)?;
            settle_within(machine, fiber, |machine| {
                ops::call::found(machine, fiber, turn, definition)
            });
        }
        Input::Detached { fiber, turn } => {
            let child = calls::find_child(machine, fiber, turn)?;
            settle_within(machine, fiber, |machine| {
                ops::call::detached(machine, fiber, child)
            });
        }
        Input::Retry => sticking::retry(machine)?,
        Input::Evaluated {
            fiber,
            turn,
            condition,
            evaluation,
        } => {
            evaluated(machine, fiber, turn, condition, evaluation)?;
        }
        Input::TaskRefused { turn, reason } => {
            let fiber = find_sent(machine, turn)?;
            settle(machine, fiber, |machine| {
                ops::action::refused(machine, fiber, reason)
            });
        }
        Input::TaskDelayed { turn, until } => {
            let fiber = find_sent(machine, turn)?;
            if !ops::action::is_shortened(machine.instance, turn, until) {
                return Err(Rejection::Stale(Aim::Process(machine.instance.process)));
            }
            settle(machine, fiber, |machine| {
                ops::action::delayed(machine, fiber, until)
            });
        }
        Input::Recalled { fiber, turn } => {
            let (WaitKind::Event {
                check: None,
                recall: Recall::Pending | Recall::Overdue,
                ..
            }
            | WaitKind::Listening {
                check: None,
                recall: Recall::Pending | Recall::Overdue,
                ..
            }) = find_wait(machine, fiber, turn)?.kind
            else {
                return Err(not_waiting(machine, fiber, turn));
            };
            settle(machine, fiber, |machine| {
                ops::await_event::recalled(machine, fiber)
            });
        }
        Input::Admitted { fiber, turn } => {
            let WaitKind::Admission = find_wait(machine, fiber, turn)?.kind else {
                return Err(not_waiting(machine, fiber, turn));
            };
            ops::admission::admitted(machine, fiber);
        }
        Input::Refused {
            fiber,
            turn,
            code,
            reason,
        } => {
            find_wait(machine, fiber, turn)?;
            ops::admission::refused(machine, fiber, code, &reason);
        }
        Input::Continue => {
            if !machine.has_yielded() {
                return Err(Rejection::Stale(Aim::Process(machine.instance.process)));
            }
            machine.run();
        }
    }
    Ok(())
}

/// When the timer of this wait is due.
fn timer(machine: &Machine<'_>, fiber: FiberId, turn: Turn) -> Result<Timestamp, Rejection> {
    let wait = find_wait(machine, fiber, turn)?;
    let due = if let WaitKind::Timer { due, .. } = &wait.kind {
        Some(*due)
    } else {
        wait.timer
    };
    due.ok_or_else(|| not_waiting(machine, fiber, turn))
}

/// The timer of the fiber's wait is due.
pub(crate) fn due_at(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    due: Timestamp,
) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    let at = found.at;
    let FiberState::Waiting(wait) = &found.state else {
        return Err(Trouble::program("the fiber does not wait"));
    };
    match &wait.kind {
        WaitKind::Answer { .. } => ops::action::expired(machine, fiber),
        WaitKind::Event { .. } => ops::await_event::expired(machine, fiber),
        WaitKind::Stopping { .. } => machine.cut_stopped(fiber),
        WaitKind::Timer { .. } => match machine.program.op(at) {
            Some((Op::Action { .. }, _)) => ops::retry::resume(machine, fiber, turn, due),
            Some((Op::TryAgain { .. }, _)) => ops::try_again::fire(machine, fiber, turn, due),
            Some((Op::Alarm { .. }, _)) => ops::listen::fire(machine, fiber, turn),
            Some(_) | None => ops::delay::fire(machine, fiber, turn, due),
        },
        WaitKind::Child { .. }
        | WaitKind::Branches { .. }
        | WaitKind::Condition { .. }
        | WaitKind::Fault { .. }
        | WaitKind::Listening { .. }
        | WaitKind::Compensation { .. }
        | WaitKind::Operator { .. }
        | WaitKind::Admission => Err(Trouble::program("the wait has no end of its own")),
    }
}

/// Takes the outcome of the condition that the fiber requested. It does not come from outside, so
/// the budget is not reset.
fn evaluated(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    condition: ConditionIndex,
    evaluation: Evaluation,
) -> Result<(), Rejection> {
    let asked = match &find_wait(machine, fiber, turn)?.kind {
        WaitKind::Condition { condition }
        | WaitKind::Fault { condition, .. }
        | WaitKind::Event {
            check: Some(Check { condition, .. }),
            ..
        }
        | WaitKind::Listening {
            check: Some(Check { condition, .. }),
            ..
        } => Some(*condition),
        WaitKind::Answer { .. }
        | WaitKind::Timer { .. }
        | WaitKind::Event { check: None, .. }
        | WaitKind::Listening { check: None, .. }
        | WaitKind::Child { .. }
        | WaitKind::Stopping { .. }
        | WaitKind::Compensation { .. }
        | WaitKind::Operator { .. }
        | WaitKind::Admission
        | WaitKind::Branches { .. } => None,
    };
    if asked != Some(condition) {
        return Err(not_waiting(machine, fiber, turn));
    }
    if let Err(trouble) = apply(machine, fiber, turn, condition, evaluation) {
        machine.throw_at(fiber, trouble);
    }
    machine.failed = None;
    if machine.share_is_spent() {
        machine.yield_if_ready();
    } else {
        machine.run();
    }
    Ok(())
}

/// Gives the outcome to the instruction that asked for it.
fn apply(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    condition: ConditionIndex,
    mut evaluation: Evaluation,
) -> Result<(), Trouble> {
    if !machine.share_is_spent() {
        machine.spend()?;
    }
    let at = machine.fiber(fiber)?.at;
    let op = machine.program.ops.get(at.0 as usize);
    let wanted = if matches!(op, Some(Op::Evaluate { .. })) {
        Wanted::Value
    } else {
        Wanted::Verdict
    };
    if let FiberState::Waiting(Wait {
        kind: WaitKind::Fault { .. },
        ..
    }) = &machine.fiber(fiber)?.state
    {
        let given = evaluate::read(machine, fiber, condition, Wanted::Verdict, evaluation);
        let verdict = match given {
            Ok(Given::Verdict(true)) => Verdict::Holds,
            Ok(Given::Verdict(false) | Given::Value(_)) | Err(_) => Verdict::DoesNot,
        };
        return machine.decide(fiber, verdict);
    }
    let failed = sticking::failed(machine, fiber, condition, &mut evaluation)?;
    let given = evaluate::read(machine, fiber, condition, wanted, evaluation);
    match (op, given) {
        // The publisher of an event need not know what conditions read, so a condition that fails does not hold.
        (Some(Op::Await { .. }), given) => {
            let holds = matches!(given, Ok(Given::Verdict(true)));
            if let Err(trouble) = &given {
                ops::untaken::failed(machine, fiber, trouble)?;
            }
            ops::await_event::verdict(machine, fiber, turn, condition, holds)
        }
        (Some(Op::Receive { .. }), given) => {
            let holds = matches!(given, Ok(Given::Verdict(true)));
            ops::listen::verdict(machine, fiber, turn, condition, holds)
        }
        (_, Err(trouble)) => {
            machine.failed = failed;
            Err(evaluate::placed(machine, condition, trouble))
        }
        (Some(Op::Evaluate { .. }), Ok(Given::Value(value))) => {
            evaluate::take(machine, fiber, value)
        }
        (
            Some(Op::Test {
                conditions,
                otherwise,
            }),
            Ok(Given::Verdict(holds)),
        ) => {
            let place = (*conditions, condition);
            ops::test::verdict(machine, fiber, turn, place, *otherwise, holds)
        }
        (_, Ok(_)) => Err(Trouble::program("the fiber asked for no outcome")),
    }
}

/// Applies an input from outside to the fiber that waited for it, then runs the process.
fn settle<'a>(
    machine: &mut Machine<'a>,
    fiber: FiberId,
    apply: impl FnOnce(&mut Machine<'a>) -> Result<(), Trouble>,
) {
    settle_caused(machine, fiber, 0, apply);
}

/// Applies an input to which so many emissions in a row led.
fn settle_caused<'a>(
    machine: &mut Machine<'a>,
    fiber: FiberId,
    depth: u32,
    apply: impl FnOnce(&mut Machine<'a>) -> Result<(), Trouble>,
) {
    machine.refresh_budget();
    machine.instance.cause_depth = depth;
    if let Err(trouble) = apply(machine) {
        machine.throw_at(fiber, trouble);
    }
    machine.run();
}

/// Applies what the host says to an effect of the process. It does not come from outside, so the budget is not reset.
fn settle_within<'a>(
    machine: &mut Machine<'a>,
    fiber: FiberId,
    apply: impl FnOnce(&mut Machine<'a>) -> Result<(), Trouble>,
) {
    let spent = match machine.share_is_spent() {
        true => Ok(()),
        false => machine.spend(),
    };
    if let Err(trouble) = spent.and_then(|()| apply(machine)) {
        machine.throw_at(fiber, trouble);
    }
    if machine.share_is_spent() {
        machine.yield_if_ready();
    } else {
        machine.run();
    }
}
