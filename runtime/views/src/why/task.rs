//! Why an answer has not come: where the task is, who consumes its queue now, what its attempts came to.

use super::{Teller, facts, said::Said};
use bureaucrat_host::{
    facts::QueueState,
    query::{Attempt, Reason, TaskState, Undelivered, WaitView, WaitsFor},
};
use bureaucrat_model::{HistoryEvent, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// What the broker answers when a queue rejects what does not fit.
const NOT_ACCEPTED: &str = "basic.nack";

impl Teller<'_> {
    pub(super) fn answer(&self, wait: &WaitView, said: &mut Said) {
        let WaitsFor::Answer { participant, .. } = &wait.waits_for else {
            return;
        };
        said.cause(format!(
            "It has been waiting for an answer from the participant `{participant}` {}.",
            self.times.since(wait.since)
        ));
        self.task(wait, participant, said);
        self.signs(wait, said);
        let id = wait.message.iter().map(|message| message.id.clone());
        said.fact("message", id.collect());
        self.attempts(wait, said);
        said.continues("when an answer comes");
        self.limits(wait, said);
    }

    /// Where the task is.
    fn task(&self, wait: &WaitView, participant: &str, said: &mut Said) {
        match &wait.task {
            None => {
                said.cause(
                    "Where the task is, is not known: the engine looks at 256 tasks of a process, and is \
                     asked for five seconds.",
                );
            }
            Some(TaskState::InLine) => {
                said.cause("The task is about to be sent.");
            }
            Some(TaskState::BrokerAway) => {
                said.cause(
                    "The task is not sent, because the engine has no connection to the broker.",
                );
                said.advice("see in the engine's log why; it connects again by itself, and then sends the task");
            }
            Some(TaskState::UnderWay) => match &self.facts.blocked {
                Some(words) => {
                    said.cause(format!(
                        "The task is sent, but the broker takes no messages at the moment; it says: {words}."
                    ));
                    said.advice("free the broker's memory or disk; `rabbitmq-diagnostics alarms` shows which is short");
                }
                None => {
                    said.cause("The task is sent, and the broker has not confirmed it yet.");
                    said.advice("ask again in a moment");
                }
            },
            Some(TaskState::NeverTaken) => {
                said.cause("The broker refuses this task for what it is, and the activity is about to fail.");
            }
            Some(TaskState::Undelivered(undelivered)) => {
                self.undelivered(undelivered, participant, said);
            }
            Some(TaskState::Delivered) => self.delivered(wait, participant, said),
        }
    }

    fn undelivered(&self, undelivered: &Undelivered, participant: &str, said: &mut Said) {
        let Undelivered {
            exchange,
            routing_key,
            reason,
            tries,
            next_try,
        } = undelivered;
        match (reason, exchange.is_empty()) {
            (Some(Reason::NoQueue), true) => {
                said.cause(format!(
                    "The task is not delivered: there is no queue `{routing_key}`."
                ));
                said.advice(format!(
                    "start the worker of `{participant}` that declares the queue `{routing_key}`, or \
                     correct the participant's name in the definition"
                ));
            }
            (Some(Reason::NoQueue), false) => {
                said.cause(format!(
                    "The task is not delivered: no queue is bound to the exchange `{exchange}` for \
                     the routing key `{routing_key}`."
                ));
                said.advice("start the worker that binds its queue there, or bind one");
            }
            (Some(Reason::Refused { words }), true) if words.contains(NOT_ACCEPTED) => {
                said.cause(format!(
                    "The task is not delivered: the queue `{routing_key}` rejects it, which a full \
                     queue does{}.",
                    self.holds(routing_key)
                ));
                said.advice(format!(
                    "start more workers for `{participant}`, or raise the queue's limit (max-length, \
                     max-length-bytes)"
                ));
            }
            (Some(Reason::Refused { words }), _) => {
                said.cause(format!(
                    "The task is not delivered, because the broker refuses it; it says: {words}."
                ));
                said.advice("correct that at the broker, or the destination in the definition or in the settings");
            }
            (None, _) => {
                said.cause(
                    "The task is not delivered: its destination took nothing before the engine was \
                     started again.",
                );
            }
        }
        let tried = match tries {
            0 => "It was not tried since the engine started".to_owned(),
            1 => "It was tried once".to_owned(),
            2 => "It was tried twice".to_owned(),
            tries => format!("It was tried {tries} times"),
        };
        let next = match next_try {
            Some(due) => format!("the next try is at {}", self.times.ahead(*due)),
            None => "it is being tried now".to_owned(),
        };
        said.cause(format!("{tried}; {next}."));
    }

    /// How many messages wait in a queue, where that is known.
    fn holds(&self, queue: &str) -> String {
        match self.facts.queues.get(queue) {
            Some(QueueState::There {
                consumers,
                messages,
            }) => format!(" ({})", counted(*consumers, *messages)),
            Some(QueueState::Missing | QueueState::Refused { .. } | QueueState::Silent { .. })
            | None => String::new(),
        }
    }

    /// The broker has the task: what has become of it since?
    fn delivered(&self, wait: &WaitView, participant: &str, said: &mut Said) {
        let message = wait.message.as_ref();
        let exchange = message.and_then(|message| message.exchange.as_deref());
        let Some((queue, exchange)) = facts::queue_of(wait).zip(exchange) else {
            said.cause(
                "The broker has the task. The definition computes its queue, and which one that was \
                 is not recorded.",
            );
            said.advice("look for the queue: `rabbitmqctl list_queues name messages consumers`");
            return;
        };
        let state = self.facts.queues.get(queue);
        if let WaitsFor::Answer {
            progress: Some(progress),
            ..
        } = &wait.waits_for
        {
            let ago = self.times.ago(progress.at);
            said.cause(format!(
                "A worker is busy with the task: it last reported progress at {ago}."
            ));
            said.advice(format!(
                "see in the log of the worker of `{participant}` what it does"
            ));
            return;
        }
        if !exchange.is_empty() && !matches!(state, Some(QueueState::There { .. })) {
            said.cause(format!(
                "The broker has the task. It went to the exchange `{exchange}` with the routing key \
                 `{queue}`; which queue that leads to, only the broker knows."
            ));
            said.step("see where it went", "rabbitmqctl list_bindings");
            return;
        }
        let worker = format!("see whether a worker of `{participant}` has it, in the worker's log");
        match state {
            Some(QueueState::There {
                consumers: 0,
                messages: 0,
            }) => {
                said.cause(format!(
                    "The broker had the task, but its queue `{queue}` is empty and nobody consumes \
                     it: somebody took the task and has not answered, or it was taken off the queue."
                ));
                said.advice(worker);
                said.step("send it again, if nobody has it", self.order("retry", wait));
            }
            Some(QueueState::There {
                consumers: 0,
                messages,
            }) => {
                let counted = counted(0, *messages);
                said.cause(format!(
                    "The broker has the task, but nobody consumes its queue `{queue}`: {counted}."
                ));
                said.advice(format!("start a worker that consumes `{queue}`"));
            }
            Some(QueueState::There {
                consumers,
                messages: 0,
            }) => {
                let counted = counted(*consumers, 0);
                said.cause(format!(
                    "A worker has the task, if nobody else took it off its queue: `{queue}` is empty ({counted})."
                ));
                said.advice(format!(
                    "see in the log of the worker of `{participant}` what it does"
                ));
                said.step("send it again, if nobody has it", self.order("retry", wait));
            }
            Some(QueueState::There {
                consumers,
                messages,
            }) => {
                let counted = counted(*consumers, *messages);
                said.cause(format!(
                    "The broker has the task: it waits in the queue `{queue}`, or a worker has it \
                     ({counted})."
                ));
                said.advice(format!(
                    "start more workers for `{participant}` if that takes too long"
                ));
            }
            Some(QueueState::Missing) => {
                said.cause(format!(
                    "The broker had the task, but its queue `{queue}` is gone: if the task was in \
                     it, no answer will come."
                ));
                said.advice(worker);
                said.step("send it again, if nobody has it", self.order("retry", wait));
            }
            Some(QueueState::Refused { words }) => {
                said.cause(format!(
                    "The broker has the task in the queue `{queue}`, and says of that queue only: \
                     {words}."
                ));
                said.advice(worker);
            }
            Some(QueueState::Silent { words }) => {
                said.cause(format!(
                    "The broker has the task. It does not say how the queue `{queue}` is: {words}."
                ));
                said.advice("see whether the broker is well: `rabbitmq-diagnostics status`");
            }
            None => said.cause(format!("The broker has the task, in the queue `{queue}`.")),
        }
    }

    /// Signs of life of the participant.
    fn signs(&self, wait: &WaitView, said: &mut Said) {
        if let WaitsFor::Answer {
            progress: Some(progress),
            ..
        } = &wait.waits_for
        {
            let value = bureaucrat_sandbox::shortened(&progress.value.to_string());
            said.fact("progress", vec![value]);
        }
        said.fact("but", self.strays(wait));
    }

    /// Which attempt this is, and what came of the earlier ones.
    pub(super) fn attempts(&self, wait: &WaitView, said: &mut Said) {
        let number = match (&wait.waits_for, wait.attempt) {
            (WaitsFor::Attempt { number, .. }, _) => *number,
            (_, Some(Attempt { number, .. })) => number,
            (_, None) => return,
        };
        let mut lines = Vec::new();
        if let Some(Attempt { number, of }) = wait
            .attempt
            .filter(|_| matches!(wait.waits_for, WaitsFor::Answer { .. }))
        {
            lines.push(format!("this is attempt {number} of {of}"));
        }
        lines.extend(
            self.failed_attempts(wait, number)
                .into_iter()
                .map(|failed| {
                    let (number, at) = (failed.number, self.times.clock(failed.at));
                    format!("attempt {number} failed at {at}: {}", failed.fault)
                }),
        );
        said.fact("attempts", lines);
    }

    /// The attempts before one, the last first, as far as the history has them.
    pub(super) fn failed_attempts(&self, wait: &WaitView, before: u32) -> Vec<FailedAttempt> {
        let (mut wanted, mut found) = (before, Vec::new());
        for entry in self.history().rev() {
            let HistoryEvent::AttemptFailed { attempt, fault, .. } = &entry.event else {
                continue;
            };
            let is_here = self.is_at(&fault.activity, &wait.at.activity);
            if is_here && attempt.checked_add(1) == Some(wanted) {
                wanted = *attempt;
                found.push(FailedAttempt {
                    number: *attempt,
                    at: entry.at,
                    fault: super::process::fault_words(fault),
                });
            }
        }
        found
    }

    /// When the engine gives up.
    fn limits(&self, wait: &WaitView, said: &mut Said) {
        let WaitsFor::Answer {
            timeout,
            within,
            heartbeat,
            ..
        } = &wait.waits_for
        else {
            return;
        };
        let is_last = wait
            .attempt
            .is_none_or(|attempt| attempt.number >= attempt.of);
        let then = match is_last {
            true => "with the fault",
            false => "with the next attempt after the fault",
        };
        if let Some(due) = timeout {
            said.continues(format!("at {}, {then} `Timeout`", self.times.ahead(*due)));
        }
        if let Some(due) = within {
            let ahead = self.times.ahead(*due);
            said.continues(format!(
                "at {ahead}, with the fault `Timeout`: the time of all attempts is over then"
            ));
        }
        if let Some(beat) = heartbeat {
            let silence = super::times::span(beat.silence);
            said.continues(match beat.due {
                Some(due) => format!(
                    "at {} without further progress, {then} `HeartbeatLost`",
                    self.times.ahead(due)
                ),
                None => format!(
                    "after {silence} of silence, {then} `HeartbeatLost`, once there was some progress"
                ),
            });
        }
    }
}

/// An attempt that failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FailedAttempt {
    #[serde(rename = "attempt")]
    pub number: u32,
    #[schemars(with = "u64")]
    pub at: Timestamp,
    pub fault: String,
}

/// `2 consumers, 14 messages`.
fn counted(consumers: u32, messages: u32) -> String {
    let some = |count: u32, one: &str| match count {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    format!(
        "{}, {}",
        some(consumers, "consumer"),
        some(messages, "message")
    )
}
