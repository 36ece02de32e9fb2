//! What waits for events and times while a scope is active.
//!
//! The fiber that has the scope waits while a branch runs the body. Each listener is a branch, too; an event that it takes
//! is dealt with by a branch of the listener, one at a time. All of them read and change the fields of the scope in place.
//! What interrupts the scope stops them all, and runs in the fiber that has the scope.

mod arriving;

pub(crate) use arriving::{event, verdict};

use crate::{
    ending::withdrawal,
    machine::{Machine, Trouble},
    ops::{
        await_event::{self, keep_event},
        delay, fork,
    },
};
use arriving::{Receiving, receiving, record_event};
use bureaucrat_model::{
    Arrivals, Branch, Dropped, Effect, Fiber, FiberId, FiberState, Fields, HistoryEvent, Interrupt,
    JsonText, Listener, NameLimits, Op, OpIndex, Phase, Recall, Sharing, Subscription, Taken,
    Taking, Then, Turn, Wait, WaitKind,
};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    listeners: &[Listener],
) -> Result<(), Trouble> {
    let count = listeners.len() + 1;
    fork::check_room(machine, count)?;
    let body = machine.fiber(fiber)?.at.next();
    let turn = machine.next_turn();
    let remaining = u32::try_from(count).unwrap_or(u32::MAX);
    machine.wait(fiber, turn, WaitKind::Branches { remaining })?;
    add(machine, fiber, body)?;
    for listener in listeners {
        add(machine, fiber, listener.at)?;
    }
    Ok(())
}

/// Adds a branch that shares the fields of its parent.
fn add(machine: &mut Machine<'_>, parent: FiberId, at: OpIndex) -> Result<FiberId, Trouble> {
    let id = machine.new_fiber()?;
    let branch = Branch {
        parent,
        base: Fields::new(),
        item: None,
        sharing: Sharing::InPlace,
    };
    machine.add_fiber(id, Fiber::new(at, Fields::new(), Some(branch)));
    Ok(id)
}

/// Begins to wait for events.
pub(crate) fn receive(machine: &mut Machine<'_>, fiber: FiberId, op: &Op) -> Result<(), Trouble> {
    let Op::Receive {
        event, key, since, ..
    } = op
    else {
        return Err(Trouble::program("the fiber receives nothing"));
    };
    let mut values = machine.values(fiber)?;
    let event = values.name(event, "event", NameLimits::EVENT)?;
    let key = match key {
        Some(key) => Some(values.name(key, "key", NameLimits::KEY)?),
        None => None,
    };
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    let since = since.map(|since| await_event::from(machine, since));
    let subscription = Subscription { event, key, since };
    let kind = WaitKind::Listening {
        recall: await_event::recall(std::slice::from_ref(&subscription)),
        subscription: Some(subscription.clone()),
        check: None,
        arrivals: Arrivals::Taken,
    };
    machine.wait(fiber, turn, kind)?;
    machine.record(HistoryEvent::AwaitStarted {
        activity,
        event: subscription.event.clone(),
    });
    machine.effects.push(Effect::Subscribe {
        subscription,
        fiber,
        turn,
    });
    Ok(())
}

/// Begins a branch that deals with the event.
fn deal_with(
    machine: &mut Machine<'_>,
    listener: FiberId,
    taking: &Taking,
    event: JsonText,
) -> Result<(), Trouble> {
    let at = machine.fiber(listener)?.at.next();
    let branch = add(machine, listener, at)?;
    keep_event(machine, branch, taking, event)
}

/// Stops everything in the scope, then continues with what belongs to the listener.
fn interrupt_scope(
    machine: &mut Machine<'_>,
    listener: FiberId,
    event: Option<(&Taking, JsonText)>,
) -> Result<(), Trouble> {
    let found = machine.fiber(listener)?;
    let at = found.at.next();
    let owner = found.branch.as_ref().map(|branch| branch.parent);
    let owner = owner.ok_or_else(|| Trouble::program("a listener has no scope"))?;
    let activity = machine.path(listener);
    machine.record(HistoryEvent::Interrupted { activity });
    let count = machine.fiber(owner)?.scopes.len();
    machine.stop_below(owner, Then::GoTo(at))?;
    machine.end_in_scope(owner, count, Phase::Interrupted)?;
    match event {
        Some((taking, event)) => keep_event(machine, owner, taking, event),
        None => Ok(()),
    }
}

/// The time has come.
pub(crate) fn fire(machine: &mut Machine<'_>, fiber: FiberId, turn: Turn) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    let Some((Op::Alarm { interrupt, .. }, _)) = machine.program.op(found.at) else {
        return Err(Trouble::program("the fiber is at no alarm"));
    };
    let FiberState::Waiting(Wait {
        kind: WaitKind::Timer { due, .. },
        ..
    }) = found.state
    else {
        return Err(Trouble::program("the fiber waits for no time"));
    };
    match interrupt {
        Interrupt::No => delay::fire(machine, fiber, turn, due),
        // Its timer is withdrawn with everything else in the scope.
        Interrupt::Yes => interrupt_scope(machine, fiber, None),
    }
}

/// A branch of a listener, or of the fiber that has the scope, has ended.
pub(crate) fn ended(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    parent: FiberId,
) -> Result<(), Trouble> {
    let at = machine.fiber(fiber)?.at;
    machine.remove_branch(fiber);
    let above = machine.fiber(parent)?.at;
    match machine.program.op(above).map(|(op, _)| op) {
        Some(Op::Receive { taking, .. }) => dealt_with(machine, parent, taking),
        Some(Op::Listen { listeners, .. }) => {
            let is_body = listeners.first().is_none_or(|first| at < first.at);
            let mut gone = 1;
            if is_body {
                // Listeners were made after the body, one after the other.
                for (id, listener) in (fiber.0.saturating_add(1)..).zip(listeners) {
                    gone += u32::from(close(machine, FiberId(id), parent, listener)?);
                }
            }
            left(machine, parent, gone)
        }
        Some(_) | None => Err(Trouble::program("a branch ends below something else")),
    }
}

/// The listener has dealt with an event.
fn dealt_with(
    machine: &mut Machine<'_>,
    listener: FiberId,
    taking: &Taking,
) -> Result<(), Trouble> {
    let next = machine.change(listener, |fiber| match arrivals(fiber) {
        Some(Arrivals::Kept(kept)) if !kept.is_empty() => Some(Some(kept.remove(0))),
        Some(arrivals @ Arrivals::Kept(_)) => {
            *arrivals = Arrivals::Taken;
            Some(None)
        }
        Some(Arrivals::Taken) => Some(None),
        Some(Arrivals::Ending) | None => None,
    })?;
    match next {
        Some(Some(event)) => {
            let Receiving { name, .. } = receiving(machine, listener)?;
            record_event(machine, listener, name, Taken::Yes);
            deal_with(machine, listener, taking, event)
        }
        Some(None) => Ok(()),
        None => {
            let branch = machine.fiber(listener)?.branch.as_ref();
            let owner = branch.map(|branch| branch.parent);
            let owner = owner.ok_or_else(|| Trouble::program("a listener has no scope"))?;
            machine.remove_branch(listener);
            left(machine, owner, 1)
        }
    }
}

/// So many branches of the scope's fiber are gone; after the last one it continues.
fn left(machine: &mut Machine<'_>, owner: FiberId, gone: u32) -> Result<(), Trouble> {
    let remaining = machine.change(owner, |owner| match &mut owner.state {
        FiberState::Waiting(Wait {
            kind: WaitKind::Branches { remaining },
            ..
        }) => {
            *remaining = remaining.saturating_sub(gone);
            Some(*remaining)
        }
        FiberState::Waiting(_) | FiberState::Ready => None,
    })?;
    let remaining = remaining.ok_or_else(|| Trouble::program("nobody waits for a branch"))?;
    let at = machine.fiber(owner)?.at;
    match machine.program.op(at) {
        Some((Op::Listen { end, .. }, _)) if remaining == 0 => machine.go_to(owner, *end),
        Some(_) | None => Ok(()),
    }
}

/// The body has ended: ends the listener, unless it deals with something. Returns whether it is gone.
fn close(
    machine: &mut Machine<'_>,
    id: FiberId,
    owner: FiberId,
    listener: &Listener,
) -> Result<bool, Trouble> {
    let Some(found) = machine.instance.fibers.get(id) else {
        return Ok(false);
    };
    let is_of_owner = found.branch.as_ref().map(|branch| branch.parent) == Some(owner);
    if !is_of_owner || found.at > listener.waits {
        return Ok(false);
    }
    let withdrawn = withdrawal(machine.program, id, found);
    machine.effects.extend(withdrawn);
    let activity = machine.path(id);
    let dropped = machine.change(id, |fiber| {
        let FiberState::Waiting(Wait {
            kind:
                WaitKind::Listening {
                    subscription,
                    check,
                    recall,
                    arrivals,
                },
            ..
        }) = &mut fiber.state
        else {
            return None;
        };
        let Arrivals::Kept(kept) = std::mem::replace(arrivals, Arrivals::Ending) else {
            return None;
        };
        (*check, *recall) = (None, Recall::Over);
        Some((subscription.take(), kept.len()))
    })?;
    let Some((subscription, count)) = dropped else {
        machine.remove_branch(id);
        return Ok(true);
    };
    for _ in 0..count {
        machine.record(HistoryEvent::EventDropped {
            activity: activity.clone(),
            event: subscription.iter().map(|one| one.event.clone()).collect(),
            why: Dropped::Ended,
        });
    }
    Ok(false)
}

fn arrivals(fiber: &mut Fiber) -> Option<&mut Arrivals> {
    match &mut fiber.state {
        FiberState::Waiting(Wait {
            kind: WaitKind::Listening { arrivals, .. },
            ..
        }) => Some(arrivals),
        FiberState::Waiting(_) | FiberState::Ready => None,
    }
}
