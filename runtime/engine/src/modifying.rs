//! What operators change about where a process stands: a part tries again, skips its activity, gets other fields, or
//! continues elsewhere.
//!
//! Everything is checked before anything changes: a refusal leaves the process as it is. What the part waited for is
//! withdrawn in the same step, as when a scope is stopped.

mod finding;
mod places;

use crate::{
    input::due_at,
    machine::{Machine, Trouble},
    migrating::continue_later,
    ops, sticking,
    surroundings::around,
};
use bureaucrat_model::{
    Change, FiberId, FiberState, Fields, HistoryEvent, Initiator, Modification, Op, OpIndex,
    Refusal, Relocation, Status, Then, View, Wait, WaitKind,
};
use places::Place;

/// Changes the process, and runs it unless it is parked.
pub(crate) fn modify(
    machine: &mut Machine<'_>,
    modification: &Modification,
    by: &Initiator,
) -> Result<(), Refusal> {
    let Modification {
        part,
        change,
        reason,
        dry_run: _,
    } = modification;
    let fiber = finding::find(machine, part)?;
    let why = &Why {
        reason: machine.shortened(reason.clone()),
        by: by.clone(),
    };
    let applied = match change {
        Change::Retry => retry(machine, fiber, why)?,
        Change::Skip { fields } => skip(machine, fiber, fields, why)?,
        Change::Set { fields, removed } => set(machine, fiber, (fields, removed), why)?,
        Change::Move { to } => relocate(machine, fiber, to, why)?,
    };
    machine.refresh_budget();
    machine.instance.cause_depth = 0;
    if let Err(trouble) = applied {
        machine.throw_at(fiber, trouble);
    }
    match machine.instance.status {
        Status::Running => machine.run(),
        Status::Parked { .. } => continue_later(machine.instance),
        Status::Ended(_) => {}
    }
    Ok(())
}

/// Which part is meant, and the activity at which it would continue: its own, unless it moves.
pub(crate) fn planned(
    machine: &Machine<'_>,
    modification: &Modification,
) -> Result<Relocation, Refusal> {
    let fiber = finding::find(machine, &modification.part)?;
    let from = machine.path(fiber);
    let to = match &modification.change {
        Change::Move { to } => finding::activity(machine, to)?,
        Change::Retry | Change::Skip { .. } | Change::Set { .. } => from.clone(),
    };
    let mut sites = machine.program.sites.iter();
    let label = sites.find_map(|site| site.label.as_ref().filter(|_| site.path == to));
    let id = label.and_then(|label| label.id.clone());
    Ok(Relocation {
        fiber,
        from,
        to,
        id,
    })
}

/// What the history says about an order besides what it did.
struct Why {
    reason: String,
    by: Initiator,
}

/// The names of fields that the history has.
const NAMES_MAX: usize = 20;

/// What went wrong after the change was accepted becomes a fault of the part.
type Applied = Result<(), Trouble>;

/// Tries again what the part waits for.
fn retry(machine: &mut Machine<'_>, fiber: FiberId, why: &Why) -> Result<Applied, Refusal> {
    let place = Place::of(machine, fiber)?;
    let activity = place.activity.clone();
    let retried = HistoryEvent::PartRetried {
        activity,
        reason: why.reason.clone(),
        by: why.by.clone(),
    };
    match (&place.wait.kind, machine.program.op(place.at)) {
        (WaitKind::Answer { .. }, _) => {
            machine.record(retried);
            Ok(ops::action::send_again(machine, fiber))
        }
        (WaitKind::Operator { .. }, _) => {
            machine.record(retried);
            Ok(machine.stop_waiting(fiber))
        }
        // A pause between attempts is over.
        (WaitKind::Timer { due, .. }, Some((Op::Action { .. } | Op::TryAgain { .. }, _))) => {
            machine.record(retried);
            Ok(due_at(machine, fiber, place.wait.turn, *due))
        }
        (_, _) => Err(place.meaningless(machine, fiber, &Change::Retry)),
    }
}

/// Ends the part's activity, as if it had given these fields.
fn skip(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    fields: &Fields,
    why: &Why,
) -> Result<Applied, Refusal> {
    let place = Place::of(machine, fiber)?;
    let change = Change::Skip {
        fields: Fields::new(),
    };
    if !place.can_leave(machine) {
        return Err(place.meaningless(machine, fiber, &change));
    }
    let (kept, end) = place.exit(machine, fiber)?;
    write(machine, fiber, (fields, &[]))?;
    machine.record(HistoryEvent::Skipped {
        activity: place.activity,
        reason: why.reason.clone(),
        by: why.by.clone(),
    });
    Ok(leave(machine, fiber, kept, end))
}

/// Has the part continue at the beginning of another activity of the scope that it is in.
fn relocate(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    to: &str,
    why: &Why,
) -> Result<Applied, Refusal> {
    let place = Place::of(machine, fiber)?;
    let change = Change::Move { to: to.to_owned() };
    if !place.can_leave(machine) {
        return Err(place.meaningless(machine, fiber, &change));
    }
    let target = finding::activity(machine, to)?;
    let begin = places::beginning_of(machine.program, &target);
    let begin = begin.ok_or_else(|| Refusal::NoSuchActivity {
        name: to.to_owned(),
    })?;
    let around_of = |path| around(machine.program, path);
    if around_of(&place.activity) != around_of(&target)
        || place.is_in_a_branch_of_its_own(machine, fiber)
    {
        return Err(Refusal::OtherScope {
            from: place.activity,
            to: target,
        });
    }
    let kept = place.scopes_around(machine, fiber)?;
    machine.record(HistoryEvent::Moved {
        activity: place.activity,
        to: target,
        reason: why.reason.clone(),
        by: why.by.clone(),
    });
    Ok(leave(machine, fiber, kept, begin))
}

/// Sets and removes fields that the part sees.
fn set(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    (fields, removed): (&Fields, &[String]),
    why: &Why,
) -> Result<Applied, Refusal> {
    write(machine, fiber, (fields, removed))?;
    let names = names_of(fields, removed);
    let names = names
        .take(NAMES_MAX)
        .map(|name| machine.shortened(name.to_owned()));
    machine.record(HistoryEvent::FieldsSet {
        activity: machine.path(fiber),
        names: names.collect(),
        reason: why.reason.clone(),
        by: why.by.clone(),
    });
    Ok(Ok(()))
}

fn names_of<'a>(fields: &'a Fields, removed: &'a [String]) -> impl Iterator<Item = &'a str> {
    let set = fields.iter().map(|(name, _)| name);
    set.chain(removed.iter().map(String::as_str))
}

fn write(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    (fields, removed): (&Fields, &[String]),
) -> Result<(), Refusal> {
    let mut names = names_of(fields, removed);
    if let Some(name) = names.find(|name| name.starts_with(View::RESERVED)) {
        let name = name.to_owned();
        return Err(Refusal::Reserved { name });
    }
    if fields.is_empty() && removed.is_empty() {
        return Ok(());
    }
    let visible = machine.fields(fiber).unwrap_or_default();
    let room = sticking::room(machine.instance);
    let changed = machine.change_fields(fiber, fields.size(), |fiber| {
        for name in removed {
            fiber.remove(name);
        }
        fiber.update(fields);
        sticking::keep_seen(&mut fiber.state, &visible, room);
        keep_sent(&mut fiber.state, visible);
    });
    changed.map_err(|trouble| Refusal::TooLarge {
        reason: trouble.message,
    })
}

/// A task that was sent carries the fields as they were: its answer counts as a change of those.
fn keep_sent(state: &mut FiberState, visible: Fields) {
    if let FiberState::Waiting(Wait {
        kind: WaitKind::Answer {
            fields: sent @ None,
            ..
        },
        ..
    }) = state
    {
        *sent = Some(visible);
    }
}

/// Withdraws what the part waits for, stops what is below it, leaves the scopes of its activity, and continues at `at`.
fn leave(machine: &mut Machine<'_>, fiber: FiberId, kept: usize, at: OpIndex) -> Applied {
    let then = Then::GoTo(at);
    if machine.cancel_called(fiber, then.clone())? {
        machine.change(fiber, |fiber| {
            fiber.values.clear();
            fiber.given = None;
        })?;
        return Ok(());
    }
    machine.stop_below(fiber, then)?;
    machine.change(fiber, |fiber| fiber.leave_scopes(kept))
}
