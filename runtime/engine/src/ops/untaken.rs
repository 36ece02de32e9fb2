//! Events that came to an `await` or `pick` and were not taken: counted with the wait, with the last
//! event and the last error of a condition, so that a timeout doesn't say that nothing came, and an
//! operator sees what the conditions saw.

use crate::machine::{Machine, Trouble};
use bureaucrat_model::{
    FiberId, FiberState, JsonText, LastUntaken, Millis, Subscription, Untaken, Wait, WaitKind,
};

/// The longest error that a wait keeps, in bytes.
const ERROR_BYTES: usize = 200;
/// The largest event that a wait keeps.
const EVENT_BYTES: usize = 2 << 10;

/// A condition failed.
pub(crate) fn failed(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    trouble: &Trouble,
) -> Result<(), Trouble> {
    let mut error = format!("{}: {}", trouble.code, trouble.message);
    error.truncate(error.floor_char_boundary(ERROR_BYTES));
    change(machine, fiber, |untaken| untaken.error = Some(error))
}

/// No condition held for an event, nor those of this alternative, which was the last.
pub(crate) fn missed(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    alternative: usize,
    event: JsonText,
) -> Result<(), Trouble> {
    let last = LastUntaken {
        at: machine.environment.now,
        alternative: u32::try_from(alternative).unwrap_or(u32::MAX),
        event: (event.as_str().len() <= EVENT_BYTES).then_some(event),
    };
    change(machine, fiber, |untaken| {
        untaken.events = untaken.events.saturating_add(1);
        untaken.last = Some(Box::new(last));
    })
}

fn change(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    change: impl FnOnce(&mut Untaken),
) -> Result<(), Trouble> {
    machine.change(fiber, |fiber| {
        if let FiberState::Waiting(Wait {
            kind: WaitKind::Event { untaken, .. },
            ..
        }) = &mut fiber.state
        {
            change(untaken);
        }
    })
}

/// What a wait says whose time is over. After an outage the timer comes late: the words name the
/// limit that is written, or else when the timer was due, before they name the time that passed.
pub(crate) fn words(
    machine: &Machine<'_>,
    fiber: FiberId,
    subscriptions: &[Subscription],
    limit: Option<Millis>,
) -> Result<String, Trouble> {
    let FiberState::Waiting(Wait {
        since,
        timer,
        kind: WaitKind::Event { untaken, .. },
        ..
    }) = &machine.fiber(fiber)?.state
    else {
        return Err(Trouble::program("the fiber does not wait for an event"));
    };
    let names: Vec<_> = subscriptions
        .iter()
        .map(|one| format!("`{}`", one.event))
        .collect();
    let names = names.join(" or ");
    let over = timer.unwrap_or(machine.environment.now);
    let time = limit.unwrap_or_else(|| over.since(*since));
    let came = match untaken.events {
        0 => {
            return Ok(format!(
                "no event {names} came within {time}, the limit in `timeout`"
            ));
        }
        1 => "1 came, and no condition held".to_owned(),
        events => format!("{events} came, and no condition held"),
    };
    let error = untaken.error.as_ref();
    let error = error.map(|error| format!("; the last error of a condition: {error}"));
    let error = error.unwrap_or_default();
    Ok(format!(
        "no event {names} was taken within {time}, the limit in `timeout`: {came}{error}"
    ))
}
