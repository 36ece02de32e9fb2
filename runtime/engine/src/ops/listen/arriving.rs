//! Events that come to a listener: whether it takes them, and when it deals with them.

use super::{arrivals, deal_with, interrupt_scope};
use crate::{
    machine::{Machine, Trouble},
    ops::await_event::{counts_for, evaluate, swap_check},
};
use bureaucrat_model::{
    Arrivals, Check, ConditionIndex, ConditionRange, Dropped, Effect, EventSource, FiberId,
    FiberState, HistoryEvent, Interrupt, JsonText, Op, Subscription, Taken, Taking, Turn, Wait,
    WaitKind,
};

/// The most events that wait for the ones before them, and their bytes.
const KEPT: (usize, usize) = (100, 1 << 20);

/// An event came: takes it, unless conditions decide about that first.
pub(crate) fn event(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    event: JsonText,
    source: EventSource,
) -> Result<(), Trouble> {
    let Receiving {
        conditions,
        name,
        subscription,
        ..
    } = receiving(machine, fiber)?;
    if subscription.is_none_or(|found| !counts_for(source, &found)) {
        record_event(machine, fiber, name, Taken::No);
        return Ok(());
    }
    match conditions.start() {
        None => accept(machine, fiber, event, source),
        Some(condition) => {
            let check = Check {
                event,
                key: None,
                alternative: 0,
                condition,
                at: machine.environment.now,
                source,
            };
            evaluate(machine, fiber, turn, check)
        }
    }
}

/// Takes the verdict of a condition on the current event.
pub(crate) fn verdict(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    condition: ConditionIndex,
    holds: bool,
) -> Result<(), Trouble> {
    let check = swap_check(machine, fiber, None)?;
    let check = check.ok_or_else(|| Trouble::program("no event is being checked"))?;
    if holds {
        return accept(machine, fiber, check.event, check.source);
    }
    let Receiving {
        conditions, name, ..
    } = receiving(machine, fiber)?;
    match conditions.after(condition) {
        Some(condition) => evaluate(machine, fiber, turn, Check { condition, ..check }),
        None => {
            record_event(machine, fiber, name, Taken::No);
            Ok(())
        }
    }
}

pub(super) fn record_event(machine: &mut Machine<'_>, fiber: FiberId, event: String, taken: Taken) {
    let activity = machine.path(fiber);
    machine.record(HistoryEvent::EventReceived {
        activity,
        event,
        taken,
    });
}

/// The event counts: it is dealt with now, or after those before it.
fn accept(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    event: JsonText,
    source: EventSource,
) -> Result<(), Trouble> {
    let Receiving {
        taking,
        interrupt,
        name,
        ..
    } = receiving(machine, fiber)?;
    let kept = source.kept();
    let taken = kept.map(|sequence| Effect::TakeKept { sequence });
    if interrupt == Interrupt::Yes {
        machine.effects.extend(taken);
        record_event(machine, fiber, name, Taken::Yes);
        return interrupt_scope(machine, fiber, Some((taking, event)));
    }
    let left = machine.change(fiber, |fiber| match arrivals(fiber) {
        Some(arrivals @ Arrivals::Taken) => {
            *arrivals = Arrivals::Kept(Vec::new());
            Left::Begins(event)
        }
        Some(Arrivals::Kept(kept)) => {
            let bytes: usize = kept.iter().map(|one| one.as_str().len()).sum();
            let fits = bytes.saturating_add(event.as_str().len()) <= KEPT.1;
            match kept.len() < KEPT.0 && fits {
                true => {
                    kept.push(event);
                    Left::Waits
                }
                false => Left::Dropped(Dropped::Full),
            }
        }
        Some(Arrivals::Ending) | None => Left::Dropped(Dropped::Ended),
    })?;
    if !matches!(left, Left::Dropped(_)) {
        machine.effects.extend(taken);
        let sequence = source.sequence();
        machine.effects.push(Effect::TakeEvent { fiber, sequence });
    }
    let activity = machine.path(fiber);
    match left {
        Left::Begins(event) => {
            record_event(machine, fiber, name, Taken::Yes);
            deal_with(machine, fiber, taking, event)
        }
        Left::Waits => {
            let event = name;
            machine.record(HistoryEvent::EventQueued { activity, event });
            Ok(())
        }
        Left::Dropped(why) => {
            machine.record(HistoryEvent::EventDropped {
                activity,
                event: name,
                why,
            });
            Ok(())
        }
    }
}

/// What becomes of an event at a listener.
enum Left {
    Begins(JsonText),
    Waits,
    Dropped(Dropped),
}

/// What a listener waits for, and what it does then.
pub(super) struct Receiving<'a> {
    pub(super) name: String,
    /// None once it takes no more.
    subscription: Option<Subscription>,
    conditions: ConditionRange,
    taking: &'a Taking,
    interrupt: Interrupt,
}

pub(super) fn receiving<'a>(
    machine: &Machine<'a>,
    fiber: FiberId,
) -> Result<Receiving<'a>, Trouble> {
    let found = machine.fiber(fiber)?;
    let FiberState::Waiting(Wait {
        kind: WaitKind::Listening { subscription, .. },
        ..
    }) = &found.state
    else {
        return Err(Trouble::program("the fiber is no listener"));
    };
    let name = subscription.iter().map(|one| one.event.clone()).collect();
    match machine.program.op(found.at) {
        Some((
            Op::Receive {
                conditions,
                taking,
                interrupt,
                ..
            },
            _,
        )) => Ok(Receiving {
            name,
            subscription: subscription.clone(),
            conditions: *conditions,
            taking,
            interrupt: *interrupt,
        }),
        Some(_) | None => Err(Trouble::program("the fiber receives nothing")),
    }
}
