//! Finds the instruction that an input is for.
//!
//! Every input is matched with the current waits before anything changes. An input that matches
//! nothing is rejected and leaves no trace.

use crate::{
    Aim, Rejection,
    machine::{Machine, Trouble},
    ops,
};
use bureaucrat_model::{
    ActivityId, ActivityPath, ConditionIndex, Evaluation, Fiber, FiberId, FiberState, Input,
    Instance, Op, OpIndex, ProcessId, Program, Site, Turn, Wait, WaitKind,
};

/// Takes an input and runs the process as far as possible.
pub(crate) fn take(machine: &mut Machine<'_>, input: Input) -> Result<(), Rejection> {
    match input {
        Input::Answer {
            activity,
            turn,
            answer,
        } => {
            let fiber = find_answered(machine.program, machine.instance, &activity, turn)?;
            settle(machine, fiber, |machine| {
                ops::action::answer(machine, fiber, answer)
            });
        }
        Input::TimerFired { fiber, turn } => {
            let WaitKind::Timer { due } = find_wait(machine, fiber, turn)?.kind else {
                return Err(not_waiting(machine, fiber, turn));
            };
            let at = machine.instance.fibers.get(fiber).map(|found| found.at);
            let op = at.and_then(|at| machine.program.ops.get(at.0 as usize));
            let is_pause = matches!(op, Some(Op::Action { .. }));
            settle(machine, fiber, |machine| match is_pause {
                true => ops::action::resume(machine, fiber, turn, due),
                false => ops::delay::fire(machine, fiber, turn, due),
            });
        }
        Input::Event { fiber, turn, event } => {
            // While an earlier event is being checked, none is taken: the host delivers them one
            // after the other.
            let WaitKind::Event { check: None, .. } = find_wait(machine, fiber, turn)?.kind else {
                return Err(not_waiting(machine, fiber, turn));
            };
            settle(machine, fiber, |machine| {
                ops::await_event::event(machine, fiber, turn, event)
            });
        }
        Input::ChildEnded {
            fiber,
            turn,
            ending,
        } => {
            let child = find_child(machine, fiber, turn)?;
            settle(machine, fiber, |machine| {
                ops::call::ended(machine, fiber, child, ending)
            });
        }
        Input::ChildRefused {
            fiber,
            turn,
            reason,
        } => {
            find_child(machine, fiber, turn)?;
            settle(machine, fiber, |machine| {
                ops::call::refused(machine, fiber, &reason)
            });
        }
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
            settle(machine, fiber, |_| Err(ops::action::refused(reason)));
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
        | WaitKind::Event {
            check: Some((_, condition)),
            ..
        } => Some(*condition),
        WaitKind::Answer { .. }
        | WaitKind::Timer { .. }
        | WaitKind::Event { check: None, .. }
        | WaitKind::Child { .. }
        | WaitKind::Branches { .. } => None,
    };
    if asked != Some(condition) {
        return Err(not_waiting(machine, fiber, turn));
    }
    if let Err(trouble) = ops::test::evaluated(machine, fiber, turn, condition, evaluation) {
        machine.throw_at(fiber, trouble);
    }
    if machine.share_is_spent() {
        machine.yield_if_ready();
    } else {
        machine.run();
    }
    Ok(())
}

/// Applies an input from outside to the fiber that waited for it, then runs the process.
fn settle<'a>(
    machine: &mut Machine<'a>,
    fiber: FiberId,
    apply: impl FnOnce(&mut Machine<'a>) -> Result<(), Trouble>,
) {
    machine.refresh_budget();
    if let Err(trouble) = apply(machine) {
        machine.throw_at(fiber, trouble);
    }
    machine.run();
}

/// The fiber that waits for the answer to the task that was sent under this turn.
fn find_sent(machine: &Machine<'_>, turn: Turn) -> Result<FiberId, Rejection> {
    let found = machine.instance.fibers.waiting(turn);
    let sent = found.and_then(|(id, fiber)| match &fiber.state {
        FiberState::Waiting(Wait {
            kind: WaitKind::Answer { .. },
            ..
        }) => Some(id),
        FiberState::Waiting(_) | FiberState::Ready => None,
    });
    sent.ok_or(Rejection::Stale(Aim::Process(machine.instance.process)))
}

/// The fiber that waits for an answer of this activity, under this turn if given.
pub(crate) fn find_answered(
    program: &Program,
    instance: &Instance,
    activity: &ActivityPath,
    turn: Option<Turn>,
) -> Result<FiberId, Rejection> {
    let is_asked = |op: &Op, site: &Site| matches!(op, Op::Action { .. }) && site.path == *activity;
    let places = || {
        let sites = (0..)
            .map(OpIndex)
            .zip(program.ops.iter().zip(&program.sites));
        sites.filter_map(|(at, (op, site))| is_asked(op, site).then_some(at))
    };
    let found = match turn {
        Some(turn) => {
            let waiting = instance.fibers.waiting(turn).filter(|(_, fiber)| {
                let here = program.op(fiber.at);
                is_waiting_for_answer(fiber) && here.is_some_and(|(op, site)| is_asked(op, site))
            });
            waiting.map(|(id, _)| id)
        }
        None => places()
            .filter_map(|at| instance.fibers.asking_at(at))
            .min(),
    };
    if let Some(fiber) = found {
        return Ok(fiber);
    }
    let aim = Aim::Activity {
        activity: ActivityId {
            process: instance.process,
            path: activity.clone(),
        },
        turn,
    };
    let stale = match turn {
        Some(turn) => turn.0 < instance.next_turn && instance.fibers.waiting(turn).is_none(),
        None => places().any(|at| instance.fibers.has_answered(at)),
    };
    Err(if stale {
        Rejection::Stale(aim)
    } else {
        Rejection::NotWaiting(aim)
    })
}

fn is_waiting_for_answer(fiber: &Fiber) -> bool {
    let FiberState::Waiting(wait) = &fiber.state else {
        return false;
    };
    matches!(wait.kind, WaitKind::Answer { .. })
}

/// What the fiber waits for under this turn.
fn find_wait<'a>(
    machine: &'a Machine<'_>,
    fiber: FiberId,
    turn: Turn,
) -> Result<&'a Wait, Rejection> {
    match machine.instance.fibers.get(fiber).map(|found| &found.state) {
        Some(FiberState::Waiting(wait)) if wait.turn == turn => Ok(wait),
        Some(FiberState::Waiting(_) | FiberState::Ready) | None => {
            Err(if turn.0 < machine.instance.next_turn {
                Rejection::Stale(aim(machine, fiber, turn))
            } else {
                not_waiting(machine, fiber, turn)
            })
        }
    }
}

fn find_child(machine: &Machine<'_>, fiber: FiberId, turn: Turn) -> Result<ProcessId, Rejection> {
    match find_wait(machine, fiber, turn)?.kind {
        WaitKind::Child { child } => Ok(child),
        WaitKind::Answer { .. }
        | WaitKind::Timer { .. }
        | WaitKind::Event { .. }
        | WaitKind::Branches { .. }
        | WaitKind::Condition { .. } => Err(not_waiting(machine, fiber, turn)),
    }
}

fn aim(machine: &Machine<'_>, fiber: FiberId, turn: Turn) -> Aim {
    Aim::Wait {
        process: machine.instance.process,
        fiber,
        turn,
    }
}

fn not_waiting(machine: &Machine<'_>, fiber: FiberId, turn: Turn) -> Rejection {
    Rejection::NotWaiting(aim(machine, fiber, turn))
}
