//! Finds the waits that inputs are for.

use crate::{Aim, Rejection, machine::Machine};
use bureaucrat_model::{
    ActivityId, ActivityPath, Fiber, FiberId, FiberState, Instance, Op, OpIndex, Program, Site,
    Turn, Wait, WaitKind,
};

/// The fiber that waits for the answer to the task that was sent under this turn.
pub(super) fn find_sent(machine: &Machine<'_>, turn: Turn) -> Result<FiberId, Rejection> {
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
    let is_action = |op: &Op| matches!(op, Op::Action { .. });
    let is_asked = |op: &Op, site: &Site| is_action(op) && site.path == *activity;
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
                here.is_some_and(|(op, site)| {
                    is_action(op) && asked_as(fiber, &site.path) == Some(activity)
                })
            });
            waiting.map(|(id, _)| id)
        }
        None => places()
            .filter_map(|at| instance.fibers.asking_at(at))
            .min(),
    };
    let count = match turn {
        Some(_) => 1,
        None => places().map(|at| instance.fibers.count_asking_at(at)).sum(),
    };
    if let Some(fiber) = found.filter(|_| count == 1) {
        return Ok(fiber);
    }
    let aim = Aim::Activity {
        activity: ActivityId {
            process: instance.process,
            path: activity.clone(),
        },
        turn,
    };
    if count > 1 {
        return Err(Rejection::Ambiguous { aim, count });
    }
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

/// What the task calls the activity, for whose answer the fiber waits at `here`.
fn asked_as<'a>(fiber: &'a Fiber, here: &'a ActivityPath) -> Option<&'a ActivityPath> {
    let FiberState::Waiting(wait) = &fiber.state else {
        return None;
    };
    matches!(wait.kind, WaitKind::Answer { .. }).then(|| wait.task_activity(here))
}

/// What the fiber waits for under this turn.
pub(super) fn find_wait<'a>(
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

fn aim(machine: &Machine<'_>, fiber: FiberId, turn: Turn) -> Aim {
    Aim::Wait {
        process: machine.instance.process,
        fiber,
        turn,
    }
}

pub(super) fn not_waiting(machine: &Machine<'_>, fiber: FiberId, turn: Turn) -> Rejection {
    Rejection::NotWaiting(aim(machine, fiber, turn))
}
