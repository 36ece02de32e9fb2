//! `await` and `pick`: waits for the first of some events for which a condition holds.
//!
//! While conditions are evaluated, the field `event` and `inst:answer` hold the event's whole object. The fiber's own
//! fields change only when the event is taken; otherwise the fiber keeps waiting under the same turn. A condition that
//! fails does not hold.

use crate::{
    machine::{Machine, Trouble},
    ops::{taking, untaken},
};
use bureaucrat_model::{
    Alternative, Check, ConditionIndex, Effect, EventSource, FaultCode, FiberId, FiberState,
    Fields, HistoryEvent, JsonText, NameLimits, Op, Operand, Recall, Since, Subscription, Taken,
    Taking, Timeout, Timestamp, Turn, Untaken, Wait, WaitKind, When,
};
use std::collections::BTreeSet;

/// The field that holds the event.
const FIELD: &str = "event";

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    alternatives: &[Alternative],
    timeout: Option<&Timeout>,
) -> Result<(), Trouble> {
    let now = machine.environment.now;
    let mut values = machine.values(fiber)?;
    let mut subscriptions = Vec::with_capacity(alternatives.len());
    for alternative in alternatives {
        let event = values.name(&alternative.event, "event", NameLimits::EVENT)?;
        let key = match &alternative.key {
            Some(key) => Some(values.name(key, "key", NameLimits::KEY)?),
            None => None,
        };
        let since = alternative.since.map(|since| from(machine, since));
        subscriptions.push(Subscription { event, key, since });
    }
    let due = match timeout {
        Some(timeout) => Some(values.when(&timeout.when, now)?),
        None => None,
    };
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    let all = distinct(&subscriptions);
    let recall = recall(&subscriptions);
    let kind = WaitKind::Event {
        subscriptions,
        check: None,
        recall,
        untaken: Untaken::default(),
    };
    machine.wait_until(fiber, turn, kind, due)?;
    for subscription in all {
        machine.record(HistoryEvent::AwaitStarted {
            activity: activity.clone(),
            event: subscription.event.clone(),
        });
        machine.effects.push(Effect::Subscribe {
            subscription,
            fiber,
            turn,
        });
    }
    Ok(())
}

/// The time from which kept events count.
pub(crate) fn from(machine: &Machine<'_>, since: Since) -> Timestamp {
    match since {
        Since::Launch => machine.instance.launched_at,
        Since::Span(span) => Timestamp(machine.environment.now.0.saturating_sub(span.0)),
    }
}

/// Whether kept events are to be offered to a wait that begins.
pub(crate) fn recall(subscriptions: &[Subscription]) -> Recall {
    match subscriptions.iter().any(|one| one.since.is_some()) {
        true => Recall::Pending,
        false => Recall::Over,
    }
}

/// Each subscription once: alternatives of one event may differ in their conditions.
pub(crate) fn distinct(subscriptions: &[Subscription]) -> BTreeSet<Subscription> {
    subscriptions.iter().cloned().collect()
}

/// An event that is offered to a wait.
#[derive(Clone, Copy)]
pub(crate) struct Offered<'a> {
    pub name: &'a str,
    pub key: Option<&'a str>,
    pub source: EventSource,
}

impl Offered<'_> {
    /// Whether a subscription is to such events.
    fn suits(&self, subscription: &Subscription) -> bool {
        let wanted = subscription.key.as_deref();
        counts_for(self.source, subscription)
            && subscription.event == self.name
            && wanted.is_none_or(|wanted| self.key == Some(wanted))
    }
}

/// Whether an event is not too old for a subscription.
pub(crate) fn counts_for(source: EventSource, subscription: &Subscription) -> bool {
    match source {
        EventSource::Live { .. } | EventSource::Kept { .. } => true,
        EventSource::Recalled { at, .. } => subscription.since.is_some_and(|since| at >= since),
    }
}

pub(crate) fn event(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    offered: Offered<'_>,
    event: JsonText,
) -> Result<(), Trouble> {
    try_from(machine, fiber, turn, 0, offered, event)
}

/// Tries the alternatives from this one on.
fn try_from(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    from: usize,
    offered: Offered<'_>,
    event: JsonText,
) -> Result<(), Trouble> {
    let (subscriptions, alternatives) = wait(machine, fiber)?;
    let mut candidates = subscriptions
        .iter()
        .zip(alternatives)
        .enumerate()
        .skip(from);
    let found = candidates.find(|(_, (subscription, _))| offered.suits(subscription));
    let Some((place, (_, alternative))) = found else {
        if let Some(last) = from.checked_sub(1) {
            untaken::missed(machine, fiber, last, event)?;
        }
        let activity = machine.path(fiber);
        machine.record(HistoryEvent::EventReceived {
            activity,
            event: offered.name.to_owned(),
            taken: Taken::No,
        });
        return Ok(());
    };
    match alternative.conditions.start() {
        None => take(machine, fiber, place, event, offered.source),
        Some(first) => {
            let check = Check {
                event,
                key: offered.key.map(Box::from),
                alternative: u32::try_from(place).unwrap_or(u32::MAX),
                condition: first,
                at: machine.environment.now,
                source: offered.source,
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
    let Some(check) = swap_check(machine, fiber, None)? else {
        return Err(Trouble::program("no event is being checked"));
    };
    let place = check.alternative as usize;
    if holds {
        return take(machine, fiber, place, check.event, check.source);
    }
    let (subscriptions, alternatives) = wait(machine, fiber)?;
    let alternative = alternatives.get(place);
    let next = alternative.and_then(|found| found.conditions.after(condition));
    if let Some(condition) = next {
        return evaluate(machine, fiber, turn, Check { condition, ..check });
    }
    let Some(Subscription { event: name, .. }) = subscriptions.get(place).cloned() else {
        return Err(Trouble::program("an alternative is missing"));
    };
    let offered = Offered {
        name: &name,
        key: check.key.as_deref(),
        source: check.source,
    };
    try_from(machine, fiber, turn, place + 1, offered, check.event)
}

/// A fiber's fields as conditions see them while an event is checked.
pub(crate) fn candidate_fields(visible: Fields, event: &JsonText) -> Fields {
    let mut fields = visible;
    fields.set(FIELD, event.clone());
    fields
}

fn take(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    place: usize,
    event: JsonText,
    source: EventSource,
) -> Result<(), Trouble> {
    let (subscriptions, alternatives) = wait(machine, fiber)?;
    let (Some(subscription), Some(alternative)) =
        (subscriptions.get(place), alternatives.get(place))
    else {
        return Err(Trouble::program("an alternative is missing"));
    };
    let name = subscription.event.clone();
    let activity = machine.path(fiber);
    machine.withdraw(fiber);
    machine.stop_waiting(fiber)?;
    let kept = source.kept();
    let taken = kept.map(|sequence| Effect::TakeKept { sequence });
    machine.effects.extend(taken);
    machine.record(HistoryEvent::EventReceived {
        activity,
        event: name,
        taken: Taken::Yes,
    });
    keep_event(machine, fiber, &alternative.taking, event)?;
    machine.go_to(fiber, alternative.at)
}

/// Takes an event in; by itself it becomes the field `event`.
pub(crate) fn keep_event(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    taking: &Taking,
    event: JsonText,
) -> Result<(), Trouble> {
    match taking {
        Taking::Fields => {
            let growth = FIELD.len() + event.as_str().len() + 6;
            machine.change_fields(fiber, growth, |fiber| fiber.set(FIELD, event))
        }
        Taking::Into(_) | Taking::Functions => taking::keep(machine, fiber, taking, event),
    }
}

/// All kept events were offered.
pub(crate) fn recalled(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let turn = match &machine.fiber(fiber)?.state {
        FiberState::Waiting(wait) => wait.turn,
        FiberState::Ready => return Err(Trouble::program("the fiber does not wait")),
    };
    let before = swap_recall(machine, fiber, Recall::Over)?;
    machine.effects.push(Effect::EndRecall { fiber, turn });
    match before {
        Recall::Overdue => time_is_over(machine, fiber),
        Recall::Pending | Recall::Over => Ok(()),
    }
}

/// Sets whether kept events were offered; returns what was so before.
fn swap_recall(machine: &mut Machine<'_>, fiber: FiberId, next: Recall) -> Result<Recall, Trouble> {
    machine.change(fiber, |fiber| match &mut fiber.state {
        FiberState::Waiting(Wait {
            kind: WaitKind::Event { recall, .. } | WaitKind::Listening { recall, .. },
            ..
        }) => Ok(std::mem::replace(recall, next)),
        FiberState::Waiting(_) | FiberState::Ready => {
            Err(Trouble::program("the fiber does not wait for an event"))
        }
    })?
}

/// The time of the wait is over, unless kept events come first.
pub(crate) fn expired(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    match swap_recall(machine, fiber, Recall::Overdue)? {
        Recall::Over => {
            swap_recall(machine, fiber, Recall::Over)?;
            time_is_over(machine, fiber)
        }
        Recall::Pending | Recall::Overdue => machine.set_timer(fiber, None),
    }
}

fn time_is_over(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let at = machine.fiber(fiber)?.at;
    let (subscriptions, _) = wait(machine, fiber)?;
    let Some((Op::Await { timeout, .. }, _)) = machine.program.op(at) else {
        return Err(Trouble::program("the fiber is at no await"));
    };
    let next = timeout.as_ref().and_then(|timeout| timeout.at);
    let Some(next) = next else {
        let limit = timeout.as_ref().and_then(|timeout| match timeout.when {
            When::After(Operand::Fixed(span)) => Some(span),
            When::After(Operand::Computed) | When::At(_) => None,
        });
        let message = untaken::words(machine, fiber, &subscriptions, limit)?;
        return Err(Trouble::of_participant(
            FaultCode::new(FaultCode::TIMEOUT),
            message,
        ));
    };
    let activity = machine.path(fiber);
    machine.withdraw(fiber);
    machine.record(HistoryEvent::DelayEnded { activity });
    machine.go_to(fiber, next)
}

/// Has the next condition on an event evaluated, for an `await` or a listener.
pub(crate) fn evaluate(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    check: Check,
) -> Result<(), Trouble> {
    let fields = candidate_fields(machine.fields(fiber)?, &check.event);
    let (condition, event) = (check.condition, check.event.clone());
    swap_check(machine, fiber, Some(check))?;
    machine.ask(fiber, turn, condition, fields, Some(&event))
}

/// Sets which event an `await` or a listener checks; returns the previous one.
pub(crate) fn swap_check(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    next: Option<Check>,
) -> Result<Option<Check>, Trouble> {
    machine.change(fiber, |fiber| match &mut fiber.state {
        FiberState::Waiting(Wait {
            kind: WaitKind::Event { check, .. } | WaitKind::Listening { check, .. },
            ..
        }) => Ok(std::mem::replace(check, next)),
        FiberState::Waiting(_) | FiberState::Ready => {
            Err(Trouble::program("the fiber does not wait for an event"))
        }
    })?
}

/// The subscriptions and alternatives of the fiber's current wait.
fn wait<'a>(
    machine: &Machine<'a>,
    fiber: FiberId,
) -> Result<(Vec<Subscription>, &'a [Alternative]), Trouble> {
    let found = machine.fiber(fiber)?;
    let FiberState::Waiting(Wait {
        kind: WaitKind::Event { subscriptions, .. },
        ..
    }) = &found.state
    else {
        return Err(Trouble::program("the fiber does not wait for an event"));
    };
    match machine.program.op(found.at) {
        Some((Op::Await { alternatives, .. }, _)) => Ok((subscriptions.clone(), alternatives)),
        Some(_) | None => Err(Trouble::program("the fiber is at no await")),
    }
}
