//! What a fiber waits for, in words and as an object.

mod place;

pub use place::{Scope, label};

use crate::{
    fault::Fault,
    text::{ago, clean, span},
};
use bureaucrat_host::query::{
    Attempt, EventRole, EventWanted, MessageView, Reason, TaskState, Undelivered, WaitView,
    WaitsFor,
};
use bureaucrat_model::{ProcessId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What holds of the engine as a whole.
pub const BROKER_AWAY: &str = "the engine has no connection to the broker; its log says why";

/// In a few words, for a row of a table.
pub fn short(wait: &WaitView, now: Timestamp) -> String {
    match &wait.waits_for {
        WaitsFor::Answer { participant, .. } => {
            let attempt = wait.attempt;
            let attempt = attempt.map(|Attempt { number, of }| format!("attempt {number} of {of}"));
            let notes = [attempt, wait.task.as_ref().and_then(unsent)];
            let notes: Vec<String> = notes.into_iter().flatten().collect();
            let notes = match notes.is_empty() {
                true => String::new(),
                false => format!(" ({})", notes.join("; ")),
            };
            format!("answer from `{participant}`{notes}")
        }
        WaitsFor::Timer { due } => format!("timer, {} left", span(due.since(now))),
        WaitsFor::Attempt { number, of, due } => {
            format!("attempt {number} of {of}, in {}", span(due.since(now)))
        }
        WaitsFor::Event { events, .. } => named(events),
        WaitsFor::Process { process } => format!("process {process}"),
        WaitsFor::Branches { remaining: 1 } => "1 branch".into(),
        WaitsFor::Branches { remaining } => format!("{remaining} branches"),
        WaitsFor::Stopping { remaining } => format!("the end of {remaining} stopped"),
        WaitsFor::Condition { .. } => "a condition".into(),
        WaitsFor::Compensation => "compensation".into(),
        WaitsFor::Operator { fault } => format!("an operator, after {}", fault.code),
        WaitsFor::Admission => "the engine".into(),
    }
}

/// Whether a wait is not what keeps its process from continuing: that of a fork for its branches, of a
/// scope for events that it would handle, of a completed scope that could be undone.
pub fn is_background(wait: &WaitView) -> bool {
    match &wait.waits_for {
        WaitsFor::Branches { .. } | WaitsFor::Compensation => true,
        WaitsFor::Event { role, .. } => *role == EventRole::Handled,
        WaitsFor::Answer { .. }
        | WaitsFor::Timer { .. }
        | WaitsFor::Attempt { .. }
        | WaitsFor::Process { .. }
        | WaitsFor::Stopping { .. }
        | WaitsFor::Condition { .. }
        | WaitsFor::Operator { .. }
        | WaitsFor::Admission => false,
    }
}

/// In full, one line per fact: what for and since when, what else would end it, where its task is,
/// where it is in the definition.
pub fn lines(wait: &WaitView, now: Timestamp) -> Vec<String> {
    let mut lines = vec![what(wait, now)];
    if matches!(wait.waits_for, WaitsFor::Answer { .. }) {
        lines.push(task(wait.task.as_ref(), now));
    }
    lines.extend(more(&wait.waits_for, now));
    lines.push(place::activity(&wait.at));
    lines.extend(wait.scopes.iter().rev().flat_map(place::scope));
    lines.iter().map(|line| clean(line)).collect()
}

fn what(wait: &WaitView, now: Timestamp) -> String {
    let since = format!("for {}", span(now.since(wait.since)));
    match &wait.waits_for {
        WaitsFor::Answer { participant, .. } => {
            let retried = retried(wait);
            format!("an answer from participant `{participant}`{retried}, {since}")
        }
        WaitsFor::Timer { due } if *due <= now => format!("its delay, which ends now ({due})"),
        WaitsFor::Timer { due } => {
            format!("its delay, until {due} ({} left)", span(due.since(now)))
        }
        WaitsFor::Attempt { number, of, due } => format!(
            "attempt {number} of {of}, at {due} (in {}); --history has the faults",
            span(due.since(now))
        ),
        WaitsFor::Event { events, .. } if events.is_empty() => {
            format!("its events that are still being handled, {since}")
        }
        WaitsFor::Event { events, .. } => format!("the {}, {since}", named(events)),
        WaitsFor::Process { process } => format!("the end of process {process}, {since}"),
        WaitsFor::Branches { remaining: 1 } => format!("one of its branches, {since}"),
        WaitsFor::Branches { remaining } => format!("{remaining} of its branches, {since}"),
        WaitsFor::Stopping { remaining } => {
            format!("what {remaining} stopped branches run at their end, {since}")
        }
        WaitsFor::Compensation => {
            format!("`compensate`, which would undo what has completed here, {since}")
        }
        WaitsFor::Condition { text: Some(text) } => {
            format!("the condition `{text}` to be evaluated, {since}")
        }
        WaitsFor::Condition { text: None } => format!("a condition to be evaluated, {since}"),
        WaitsFor::Operator { fault } => {
            format!("an operator (`bureaucrat retry`), {since}, after the fault {fault}")
        }
        WaitsFor::Admission => format!("the engine to accept what it wants to send, {since}"),
    }
}

/// What else is known about a wait: what would end it besides, and signs of life.
fn more(waits_for: &WaitsFor, now: Timestamp) -> Vec<String> {
    let until = |what: &str, due: Timestamp| match due > now {
        true => format!("{what} at {due} (in {})", span(due.since(now))),
        // While the engine has no connection, no limit that messages can precede is enforced.
        false => format!(
            "{what}: {due} has passed, which counts once the engine is connected and has taken \
             earlier messages"
        ),
    };
    let mut lines = Vec::new();
    match waits_for {
        WaitsFor::Answer {
            timeout,
            within,
            heartbeat,
            progress,
            ..
        } => {
            if let Some(progress) = progress {
                let ago = ago(progress.at, now);
                lines.push(format!("last progress {ago}: {}", progress.value));
            }
            lines.extend(heartbeat.map(|beat| match beat.due {
                Some(due) => until("without further progress, HeartbeatLost", due),
                None => format!(
                    "no progress yet; once there is some, silence for {} is HeartbeatLost",
                    span(beat.silence)
                ),
            }));
            lines.extend(timeout.map(|due| until("this attempt times out", due)));
            lines.extend(within.map(|due| until("the time of all attempts ends", due)));
        }
        WaitsFor::Event {
            events,
            timeout,
            untaken,
            ..
        } => {
            for wanted in events {
                lines.extend(conditions(wanted));
                lines.extend(wanted.since.map(|since| {
                    format!("kept events `{}` since {since} also count", wanted.event)
                }));
            }
            lines.extend(untaken.as_ref().map(|untaken| {
                let (count, ago) = (untaken.count, ago(untaken.at, now));
                format!("not taken, since no condition held: {count}, the last {ago}")
            }));
            lines.extend(timeout.map(|due| until("the wait ends without one", due)));
        }
        WaitsFor::Timer { .. }
        | WaitsFor::Attempt { .. }
        | WaitsFor::Process { .. }
        | WaitsFor::Branches { .. }
        | WaitsFor::Stopping { .. }
        | WaitsFor::Condition { .. }
        | WaitsFor::Compensation
        | WaitsFor::Operator { .. }
        | WaitsFor::Admission => {}
    }
    lines
}

/// What has to hold of an event.
fn conditions(wanted: &EventWanted) -> Option<String> {
    let texts = wanted.conditions.iter().map(|text| format!("`{text}`"));
    let texts: Vec<_> = texts.collect();
    let texts = texts.join(" or ");
    (!texts.is_empty()).then(|| format!("`{}` counts only if {texts}", wanted.event))
}

fn retried(wait: &WaitView) -> String {
    let attempt = wait.attempt;
    let words = |Attempt { number, of }| format!(" (attempt {number} of {of})");
    attempt.map(words).unwrap_or_default()
}

fn named(events: &[EventWanted]) -> String {
    let name = |wanted: &EventWanted| match &wanted.key {
        Some(key) => format!("`{}` with the key `{key}`", wanted.event),
        None => format!("`{}`", wanted.event),
    };
    let names: Vec<_> = events.iter().map(name).collect();
    match names.len() {
        0 => "an event".to_owned(),
        _ => format!("event {}", names.join(" or ")),
    }
}

/// Where a task is on its way.
fn task(state: Option<&TaskState>, now: Timestamp) -> String {
    match state {
        None => "the engine is too busy to say where its task is".into(),
        Some(TaskState::InLine) => "not delivered yet: the task is about to be sent".into(),
        Some(TaskState::BrokerAway) => {
            "not delivered: the engine has no connection to the broker, its log says why".into()
        }
        Some(TaskState::UnderWay) => "sent, and the broker has not confirmed it yet".into(),
        Some(TaskState::Undelivered(undelivered)) => not_delivered(undelivered, now),
        Some(TaskState::NeverTaken) => {
            "not delivered: the broker refuses this task, and its activity is about to fail".into()
        }
        Some(TaskState::Delivered) => "its task was delivered; no answer has come yet".into(),
    }
}

/// In a few words, why a task is not with its participant.
fn unsent(state: &TaskState) -> Option<String> {
    match state {
        TaskState::BrokerAway => Some("not sent: no connection to the broker".into()),
        TaskState::Undelivered(undelivered) if undelivered.exchange.is_empty() => {
            let queue = &undelivered.routing_key;
            Some(match undelivered.reason {
                Some(Reason::NoQueue) => format!("no queue `{queue}`"),
                Some(Reason::Refused { .. }) | None => {
                    format!("not delivered to the queue `{queue}`")
                }
            })
        }
        TaskState::Undelivered(undelivered) => Some(format!(
            "not delivered to the exchange `{}`",
            undelivered.exchange
        )),
        TaskState::NeverTaken => Some("refused by the broker".into()),
        TaskState::InLine | TaskState::UnderWay | TaskState::Delivered => None,
    }
}

fn not_delivered(undelivered: &Undelivered, now: Timestamp) -> String {
    let Undelivered {
        exchange,
        routing_key,
        reason,
        tries,
        next_try,
    } = undelivered;
    let to = if exchange.is_empty() {
        format!("queue `{routing_key}`")
    } else {
        format!("routing key `{routing_key}` of exchange `{exchange}`")
    };
    let why = match reason {
        Some(Reason::NoQueue) if exchange.is_empty() => format!("no {to}"),
        Some(Reason::NoQueue) => format!("no queue is bound to {to}"),
        Some(Reason::Refused { words }) => {
            format!("{to} does not accept it; the broker says: {words}")
        }
        None => format!("{to} accepted nothing before the engine was restarted"),
    };
    let times = match tries {
        0 => "not tried again yet".to_owned(),
        1 => "tried once".to_owned(),
        tries => format!("tried {tries} times"),
    };
    let next = match next_try {
        Some(at) if *at > now => format!("next in {}", span(at.since(now))),
        Some(_) => "next now".to_owned(),
        None => "being tried now".to_owned(),
    };
    format!("not delivered: {why}, {times}, {next}")
}

/// What a fiber waits for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Wait {
    /// The number of the fiber; 0 is the first, each branch of an `all` has its own.
    pub fiber: u32,
    /// The id of the activity.
    pub activity: String,
    /// What its author calls the activity.
    pub id: Option<String>,
    pub title: Option<String>,
    /// Its line in the definition.
    pub line: u32,
    pub since: u64,
    /// An object whose `kind` says which other keys it has.
    #[schemars(with = "Kind")]
    pub waits_for: Value,
    /// Which of its attempts this is, for an action with `retry`.
    #[schemars(with = "Option<AttemptSchema>")]
    pub attempt: Option<Attempt>,
    /// The elements around it that have handlers, a `finally` or their own fields, outermost first.
    pub scopes: Vec<Scope>,
    /// Where the task is whose answer is waited for.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub task: Option<TaskState>,
    /// The message of that task.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub message: Option<MessageView>,
}

/// What is waited for: `answer`, `timer`, `event` and so on, with the facts of that kind.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a schema")]
struct Kind {
    kind: String,
    #[serde(flatten)]
    facts: Map<String, Value>,
}

/// One of several attempts; the first has the number 1.
#[derive(JsonSchema)]
#[schemars(rename = "Attempt")]
#[expect(dead_code, reason = "a schema")]
pub(crate) struct AttemptSchema {
    number: u32,
    of: u32,
}

impl Wait {
    pub fn of(process: ProcessId, wait: &WaitView) -> Self {
        let mut waits_for = json!(wait.waits_for);
        if let Some(fault) = wait.waits_for.fault_for_operator() {
            waits_for["fault"] = json!(Fault::of(process, fault));
        }
        Self {
            fiber: wait.fiber.0,
            activity: wait.at.activity.clone(),
            id: wait.at.id.clone(),
            title: wait.at.title.clone(),
            line: wait.at.line,
            since: wait.since.0,
            waits_for,
            attempt: wait.attempt,
            scopes: wait.scopes.iter().map(Scope::of).collect(),
            task: wait.task.clone(),
            message: wait.message.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_without_a_queue_says_so_with_its_tries() {
        let now = Timestamp(1_800_000_000_000);
        let undelivered = |exchange: &str, reason, tries, next| {
            let undelivered = Undelivered {
                exchange: exchange.into(),
                routing_key: "worker_p".into(),
                reason,
                tries,
                next_try: next,
            };
            not_delivered(&undelivered, now)
        };
        let soon = Some(Timestamp(now.0 + 2_000));
        assert_eq!(
            undelivered("", Some(Reason::NoQueue), 4, soon),
            "not delivered: no queue `worker_p`, tried 4 times, next in 2.0 s"
        );
        let words = Reason::Refused {
            words: "basic.nack".into(),
        };
        assert_eq!(
            undelivered("celery", Some(words), 1, None),
            "not delivered: routing key `worker_p` of exchange `celery` does not accept it; the broker says: \
             basic.nack, tried once, being tried now"
        );
        assert_eq!(
            undelivered("", None, 0, Some(now)),
            "not delivered: queue `worker_p` accepted nothing before the engine was restarted, not tried again \
             yet, next now"
        );
    }
}
