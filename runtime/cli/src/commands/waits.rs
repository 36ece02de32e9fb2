//! What a fiber waits for, in words and as JSON.

use crate::screen::{self, span};
use bureaucrat_host::query::{Reason, TaskState, Undelivered, WaitView, WaitsFor};
use bureaucrat_model::Timestamp;
use serde_json::{Value, json};

/// In a few words, for a row of a table.
pub fn short(wait: &WaitView, now: Timestamp) -> String {
    match &wait.waits_for {
        WaitsFor::Answer { participant } => format!("answer from `{participant}`"),
        WaitsFor::Timer { due } => format!("timer, {} left", span(due.since(now))),
        WaitsFor::Attempt { number, due } => {
            format!("attempt {number}, in {}", span(due.since(now)))
        }
        WaitsFor::Event { event } => format!("event `{event}`"),
        WaitsFor::Process { process } => format!("process {process}"),
        WaitsFor::Branches { remaining: 1 } => "1 branch".into(),
        WaitsFor::Branches { remaining } => format!("{remaining} branches"),
        WaitsFor::Stopping { remaining } => format!("the end of {remaining} stopped"),
        WaitsFor::Condition => "a condition".into(),
        WaitsFor::Compensation => "compensation".into(),
        WaitsFor::Operator { fault } => format!("an operator, after {}", fault.code),
        WaitsFor::Admission => "the engine".into(),
    }
}

/// In full, one line per fact: what for, since or until when, where its task is, where it is in the definition.
pub fn lines(wait: &WaitView, now: Timestamp) -> Vec<String> {
    let since = format!("for {}", span(now.since(wait.since)));
    let what = match &wait.waits_for {
        WaitsFor::Answer { participant } => {
            format!("an answer from participant `{participant}`, {since}")
        }
        WaitsFor::Timer { due } if *due <= now => format!("its delay, which ends now ({due})"),
        WaitsFor::Timer { due } => {
            format!("its delay, until {due} ({} left)", span(due.since(now)))
        }
        WaitsFor::Attempt { number, due } => format!(
            "attempt {number} at its action, at {due} (in {}); --history has the faults",
            span(due.since(now))
        ),
        WaitsFor::Event { event } => format!("the event `{event}`, {since}"),
        WaitsFor::Process { process } => format!("the end of process {process}, {since}"),
        WaitsFor::Branches { remaining: 1 } => format!("one of its branches, {since}"),
        WaitsFor::Branches { remaining } => format!("{remaining} of its branches, {since}"),
        WaitsFor::Stopping { remaining } => {
            format!("what {remaining} stopped branches run at their end, {since}")
        }
        WaitsFor::Compensation => format!("its compensation, maybe, {since}"),
        WaitsFor::Condition => format!("a condition to be evaluated, {since}"),
        WaitsFor::Operator { fault } => {
            format!("an operator (`bureaucrat retry`), {since}, after the fault {fault}")
        }
        WaitsFor::Admission => format!("the engine, which sends what it wants to send, {since}"),
    };
    let mut lines = vec![screen::clean(&what)];
    if matches!(wait.waits_for, WaitsFor::Answer { .. }) {
        lines.push(screen::clean(&task(wait.task.as_ref(), now)));
    }
    lines.push(match wait.line {
        0 => format!("activity {}", wait.activity),
        line => format!("line {line} of the definition, activity {}", wait.activity),
    });
    lines
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
        Some(TaskState::Delivered) => "its task was delivered, and no answer has come".into(),
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
            format!("{to} does not take it, the broker says: {words}")
        }
        None => format!("{to} took nothing before the engine was started again"),
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

pub fn json(wait: &WaitView) -> Value {
    json!({
        "fiber": wait.fiber.0,
        "activity": wait.activity,
        "line": wait.line,
        "since": wait.since.0,
        "waits_for": wait.waits_for,
        "task": wait.task,
    })
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
            "not delivered: routing key `worker_p` of exchange `celery` does not take it, the broker says: \
             basic.nack, tried once, being tried now"
        );
        assert_eq!(
            undelivered("", None, 0, Some(now)),
            "not delivered: queue `worker_p` took nothing before the engine was started again, not tried again \
             yet, next now"
        );
    }
}
