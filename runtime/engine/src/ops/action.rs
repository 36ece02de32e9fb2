//! `action`: sends a task to a participant and waits for the answer.
//!
//! A wait has one timer, for whatever ends it first: the attempt's own time, that of all attempts, or silence. A sign of
//! progress moves no timer: the one that comes due looks at the last sign.

mod again;

pub(crate) use again::{delayed, is_shortened, send_again};

use crate::{
    machine::{Machine, Trouble},
    ops::taking,
};
use bureaucrat_model::{
    Answer, Carries, Effect, Expiry, FaultCode, FiberId, FiberState, Fields, HistoryEvent,
    Instance, JsonText, NameLimits, Op, Progress, Taking, TaskEnd, Timestamp, Turn, Unusable, Wait,
    WaitKind,
};

pub(crate) fn start(machine: &mut Machine<'_>, fiber: FiberId, op: &Op) -> Result<(), Trouble> {
    let Op::Action {
        participant,
        way,
        carries,
        timeout,
        heartbeat,
        ..
    } = op
    else {
        return Err(Trouble::program("the fiber is at no action"));
    };
    let mut values = machine.values(fiber)?;
    let participant = values.name(participant, "participant", NameLimits::PARTICIPANT)?;
    let op_way = way.as_deref();
    let way = op_way.map(|way| values.way(way)).transpose()?;
    let fields = taking::carried(&mut values, carries)?;
    if let Some(fields) = &fields {
        machine.check_size(fields.size())?;
    }
    // Fields that others change meanwhile are kept as they are sent.
    let fields = match machine.fiber(fiber)?.shares_in_place() {
        true if fields.is_none() => Some(machine.fields(fiber)?),
        true | false => fields,
    };
    machine.send_fields(fiber, fields.as_ref())?;
    let now = machine.environment.now;
    let timeout = timeout.as_ref().map(|span| values.span(span)).transpose()?;
    let heartbeat = heartbeat
        .as_ref()
        .map(|span| values.span(span))
        .transpose()?;
    let expiry = Expiry {
        timeout,
        begun: now,
        within: machine.fiber(fiber)?.within,
        heartbeat,
    };
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    let due = expires(&expiry, None);
    let ends = [expiry.timeout_ends(), expiry.within];
    let is_computed = op_way.is_some_and(|way| way.fixed().is_none());
    let kind = WaitKind::Answer {
        participant: participant.clone(),
        way: way.clone().filter(|_| is_computed).map(Box::new),
        fields,
        expiry,
        progress: None,
        activity: None,
    };
    machine.wait_until(fiber, turn, kind, due)?;
    machine.effects.push(Effect::SendTask {
        activity: activity.clone(),
        turn,
        participant: participant.clone(),
        way: way.unwrap_or_default(),
        cargo: carries.cargo(),
        expires: ends.into_iter().flatten().min(),
    });
    machine.record(HistoryEvent::TaskSent {
        activity,
        turn,
        participant,
    });
    Ok(())
}

/// When the wait for an answer ends by itself.
fn expires(expiry: &Expiry, progress: Option<&Progress>) -> Option<Timestamp> {
    let silence = progress.zip(expiry.heartbeat);
    let silence = silence.map(|(progress, longest)| progress.at.after(longest));
    [expiry.timeout_ends(), expiry.within, silence]
        .into_iter()
        .flatten()
        .min()
}

/// The fields of the task that was sent under this turn, while its answer is awaited.
pub(crate) fn task_fields(instance: &Instance, turn: Turn) -> Option<Fields> {
    let (_, fiber) = instance.fibers.waiting(turn)?;
    let FiberState::Waiting(Wait {
        kind: WaitKind::Answer { fields, .. },
        ..
    }) = &fiber.state
    else {
        return None;
    };
    Some(fields.clone().unwrap_or_else(|| fiber.visible()))
}

/// Records what is left out of a participant's message.
pub(crate) fn left_out(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    parts: Vec<Unusable>,
) -> Result<(), Trouble> {
    if parts.is_empty() {
        return Ok(());
    }
    let turn = turn_of(machine, fiber)?;
    let activity = machine.path(fiber);
    machine.record(HistoryEvent::LeftOut {
        activity,
        turn,
        parts,
    });
    Ok(())
}

fn turn_of(machine: &Machine<'_>, fiber: FiberId) -> Result<Turn, Trouble> {
    match machine.fiber(fiber)?.state {
        FiberState::Waiting(Wait { turn, .. }) => Ok(turn),
        FiberState::Ready => Err(Trouble::program("the fiber does not wait")),
    }
}

/// Takes an answer that was already matched with this fiber's wait.
pub(crate) fn answer(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    answer: Answer,
) -> Result<(), Trouble> {
    let FiberState::Waiting(wait) = &machine.fiber(fiber)?.state else {
        return Err(Trouble::program("the fiber does not wait"));
    };
    let turn = wait.turn;
    match answer {
        Answer::Replace(fields) => answered(machine, fiber, turn, Answered::Whole(fields)),
        Answer::Update(update) => answered(machine, fiber, turn, Answered::Part(update)),
        Answer::Value(value) => answered(machine, fiber, turn, Answered::Value(value)),
        Answer::Fault {
            code,
            message,
            data,
            retry_after,
        } => {
            settled(machine, fiber)?;
            Err(Trouble {
                data,
                retry_after,
                ..Trouble::of_participant(code, message)
            })
        }
        Answer::Unreadable(reason) => {
            settled(machine, fiber)?;
            let code = FaultCode::new(FaultCode::BAD_ANSWER);
            Err(Trouble::of_participant(code, reason))
        }
        Answer::Progress(value) => progressed(machine, fiber, value),
        Answer::Suspended(reason) => {
            let activity = machine.path(fiber);
            machine.record(HistoryEvent::Suspended {
                activity,
                turn,
                reason,
            });
            Ok(())
        }
    }
}

/// The participant has nothing to do for this task any more: its answer counted, or it never gets
/// the task.
fn settled(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let FiberState::Waiting(Wait { turn, timer, .. }) = &machine.fiber(fiber)?.state else {
        return Err(Trouble::program("the fiber does not wait"));
    };
    let (turn, timer) = (*turn, *timer);
    let end = TaskEnd::Settled;
    machine.effects.push(Effect::WithdrawTask { turn, end });
    let stop = timer.map(|due| Effect::StopTimer { fiber, turn, due });
    machine.effects.extend(stop);
    machine.stop_waiting(fiber)
}

/// What an answer holds.
enum Answered {
    /// All fields, so that one that it lacks was removed.
    Whole(Fields),
    Part(Fields),
    /// One value, which changes no fields by itself.
    Value(JsonText),
}

/// The answer counts: its task need not be sent any more, and another answer like it is late.
fn answered(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    turn: Turn,
    answer: Answered,
) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    let FiberState::Waiting(Wait {
        kind: WaitKind::Answer { fields: sent, .. },
        ..
    }) = &found.state
    else {
        return Err(Trouble::program("the fiber does not wait for an answer"));
    };
    let sent = sent.clone();
    let op = machine.program.ops.get(found.at.0 as usize);
    let Some(Op::Action {
        taking, carries, ..
    }) = op
    else {
        return Err(Trouble::program("the fiber is at no action"));
    };
    let activity = machine.path(fiber);
    settled(machine, fiber)?;
    let reads_attempt = *taking == Taking::Functions;
    machine.change(fiber, |fiber| {
        fiber.answered = Some(fiber.at);
        // What is made of the answer can read which attempt it is from.
        fiber.failed = if reads_attempt { fiber.failed } else { 0 };
        fiber.within = None;
    })?;
    machine.record(HistoryEvent::Answered { activity, turn });
    if *taking != Taking::Fields {
        let value = match answer {
            Answered::Whole(fields) | Answered::Part(fields) => fields.to_value_text(),
            Answered::Value(value) => value,
        };
        return taking::value(machine, fiber, taking, value);
    }
    match (answer, carries) {
        // Nothing says where it belongs.
        (Answered::Value(_), _) => {}
        (Answered::Part(answer), Carries::All) => machine.update_fields(fiber, &answer)?,
        // What it carried and brings back unchanged is no field of the process.
        (
            Answered::Part(answer) | Answered::Whole(answer),
            Carries::Fields(_) | Carries::Arguments { .. },
        ) => {
            let sent = sent.unwrap_or_default();
            let changed = answer.entries();
            let changed = changed.filter(|(name, value)| sent.get(name) != Some(*value));
            let changed = Fields::from_entries(changed.map(|(n, v)| (n.clone(), v.clone())));
            machine.update_fields(fiber, &changed)?;
        }
        (Answered::Whole(answer), Carries::All) => replaced(machine, fiber, answer, sent)?,
    }
    machine.go_on(fiber)
}

/// Applies an answer that holds all fields, as far as it differs from what its task carried.
fn replaced(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    answer: Fields,
    sent: Option<Fields>,
) -> Result<(), Trouble> {
    let found = machine.fiber(fiber)?;
    let merges = found.has_locals() || sent.is_some();
    let sent = sent.unwrap_or_else(|| found.visible());
    let answer = answer.sharing(&sent);
    let growth = answer.size();
    if merges {
        return machine.change_fields(fiber, growth, |fiber| fiber.merge(&sent, &answer));
    }
    // The order of the answer's fields becomes that of the process.
    machine.check_size(growth)?;
    machine.change(fiber, |fiber| fiber.fields = answer)
}

/// Changes what limits the time of the wait for an answer; gives when the wait ends by itself then.
fn change_limits(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    change: impl FnOnce(&mut Expiry, &mut Option<Progress>),
) -> Result<Option<Timestamp>, Trouble> {
    let due = machine.change(fiber, |fiber| {
        let FiberState::Waiting(Wait {
            kind: WaitKind::Answer {
                expiry, progress, ..
            },
            ..
        }) = &mut fiber.state
        else {
            return None;
        };
        change(expiry, progress);
        Some(expires(expiry, progress.as_ref()))
    })?;
    due.ok_or_else(|| Trouble::program("the fiber does not wait for an answer"))
}

/// The participant is at work: keeps the last sign. Later ones move the time only once it is reached.
fn progressed(machine: &mut Machine<'_>, fiber: FiberId, value: JsonText) -> Result<(), Trouble> {
    let told = Progress {
        at: machine.environment.now,
        value,
    };
    let mut is_first = false;
    let due = change_limits(machine, fiber, |_, progress| {
        is_first = progress.replace(told).is_none();
    })?;
    match is_first {
        true => machine.set_timer(fiber, due),
        false => Ok(()),
    }
}

/// The timer of the wait for an answer is due: ends the attempt, unless its time was prolonged meanwhile.
pub(crate) fn expired(machine: &mut Machine<'_>, fiber: FiberId) -> Result<(), Trouble> {
    let FiberState::Waiting(Wait {
        kind:
            WaitKind::Answer {
                participant,
                expiry,
                progress,
                ..
            },
        ..
    }) = &machine.fiber(fiber)?.state
    else {
        return Err(Trouble::program("the fiber does not wait for an answer"));
    };
    let now = machine.environment.now;
    let due = expires(expiry, progress.as_ref());
    if due.is_some_and(|due| due > now) {
        return machine.set_timer(fiber, due);
    }
    let is_over = |limit: Option<Timestamp>| limit.is_some_and(|limit| limit <= now);
    let (code, message) = match (expiry.timeout, expiry.heartbeat) {
        _ if is_over(expiry.within) => (
            FaultCode::TIMEOUT,
            format!("`{participant}` did not answer within the time for all attempts (`within`)"),
        ),
        (Some(longest), _) if is_over(expiry.timeout_ends()) => (
            FaultCode::TIMEOUT,
            format!("`{participant}` did not answer within {longest}, the limit in `timeout`"),
        ),
        (_, Some(silence)) => (
            FaultCode::HEARTBEAT_LOST,
            format!("`{participant}` reported no progress for {silence}, the limit in `heartbeat`"),
        ),
        (_, None) => return Err(Trouble::program("the wait has no end of its own")),
    };
    Err(Trouble::of_participant(FaultCode::new(code), message))
}

/// The broker never accepts the task, or the host does not send it.
pub(crate) fn refused(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    reason: String,
) -> Result<(), Trouble> {
    settled(machine, fiber)?;
    Err(Trouble::new(FaultCode::TASK_REFUSED, reason))
}
