//! Parked processes: what comes for one is kept with it until it resumes.
//!
//! What a parked process waits for cannot change until then, unless an operator changes it, so an
//! answer that matches nothing can be told so at once ([`crate::awaits_answer`]).

use crate::is_shortened;
use bureaucrat_model::{Answer, FiberState, Input, Instance, Status, WaitKind};

/// What became of an input for a parked process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// The process gets it when it resumes.
    Kept,
    /// It would change nothing: it repeats another one, or the process is not parked.
    Needless,
    /// Too many answers and events are kept already.
    Full,
}

/// Keeps an input with a parked process; of answers and events there may be `room`.
pub fn keep(instance: &mut Instance, input: Input, room: usize) -> Keeping {
    let Status::Parked { inputs, .. } = &instance.status else {
        return Keeping::Needless;
    };
    let is_needless = inputs.iter().any(|kept| is_repeat(kept, &input))
        || is_checking(instance, &input)
        || is_pointless(instance, &input);
    if is_needless {
        return Keeping::Needless;
    }
    // Each wait has one timer, one task and one called process, so those are few. There may be any
    // number of answers and events.
    let is_bounded = |input: &Input| !matches!(input, Input::Answer { .. } | Input::Event { .. });
    let unbounded = inputs.iter().filter(|kept| !is_bounded(kept));
    if !is_bounded(&input) && unbounded.count() >= room {
        return Keeping::Full;
    }
    if let Status::Parked { inputs, .. } = &mut instance.status {
        match inputs.iter_mut().find(|kept| is_outdated(kept, &input)) {
            Some(kept) => *kept = input,
            None => inputs.push(input),
        }
    }
    Keeping::Kept
}

/// A parked process runs again. It gets first what it waits for and was lost
/// ([`crate::pending_evaluations`]), then these inputs, each after all consequences of the one
/// before. `None` if it is not parked.
pub fn unpark(instance: &mut Instance) -> Option<Vec<Input>> {
    if !matches!(instance.status, Status::Parked { .. }) {
        return None;
    }
    match std::mem::replace(&mut instance.status, Status::Running) {
        Status::Parked { inputs, .. } => Some(inputs),
        Status::Running | Status::Ended(_) => None,
    }
}

/// Whether a task was delayed whose attempt loses nothing by it.
fn is_pointless(instance: &Instance, input: &Input) -> bool {
    let Input::TaskDelayed { turn, until } = input else {
        return false;
    };
    !is_shortened(instance, *turn, *until)
}

/// Whether the same task was delayed before. What counts is how long in all.
const fn is_outdated(kept: &Input, now: &Input) -> bool {
    match (kept, now) {
        (Input::TaskDelayed { turn: earlier, .. }, Input::TaskDelayed { turn, .. }) => {
            earlier.0 == turn.0
        }
        _ => false,
    }
}

/// Whether a wait evaluates its conditions for this event: the process was parked meanwhile, and an
/// earlier run had handed it out.
fn is_checking(instance: &Instance, input: &Input) -> bool {
    let Input::Event {
        fiber,
        turn,
        source,
        ..
    } = input
    else {
        return false;
    };
    let found = instance.fibers.get(*fiber);
    let Some(FiberState::Waiting(wait)) = found.map(|found| &found.state) else {
        return false;
    };
    let (WaitKind::Event {
        check: Some(check), ..
    }
    | WaitKind::Listening {
        check: Some(check), ..
    }) = &wait.kind
    else {
        return false;
    };
    wait.turn == *turn && check.source.sequence() == source.sequence()
}

/// Whether an answer is for the same task as an earlier one that counts. An answer that leaves its
/// activity suspended does not count.
fn is_repeat(before: &Input, now: &Input) -> bool {
    match (before, now) {
        (
            Input::Answer {
                activity,
                turn: Some(turn),
                answer:
                    Answer::Replace(_)
                    | Answer::Update(_)
                    | Answer::Value(_)
                    | Answer::Fault { .. }
                    | Answer::Unreadable(_),
                ..
            },
            Input::Answer {
                activity: again,
                turn: Some(repeated),
                ..
            },
        ) => activity == again && turn == repeated,
        _ => false,
    }
}
