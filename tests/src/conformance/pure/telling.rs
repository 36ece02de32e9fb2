//! What processes emit and send on the pure stage.

use super::Pure;
use bureaucrat_model::{
    ActivityId, ActivityPath, Cargo, EventSource, FaultCode, FiberId, Fields, Input, JsonText,
    Message, Millis, ProcessId, Subscription, Timestamp, Toward, Turn, Way,
};
use bureaucrat_wire::{Results, Routes, Task, TaskQueue, Via, can_carry, sent, task};

impl Pure {
    pub(super) fn open(
        &self,
        name: &str,
        key: Option<&str>,
        process: Option<ProcessId>,
    ) -> Vec<(Subscription, ProcessId, FiberId, Turn)> {
        let suits = |row: &&(Subscription, ProcessId, FiberId, Turn)| {
            let wanted = row.0.key.as_deref();
            row.0.event == name
                && wanted.is_none_or(|wanted| key == Some(wanted))
                && process.is_none_or(|process| process == row.1)
        };
        let mut found: Vec<_> = self.subscriptions.iter().filter(suits).cloned().collect();
        // Alternatives of one wait are one receiver.
        found.dedup_by_key(|(_, id, fiber, turn)| (*id, *fiber, *turn));
        found
    }

    /// Like [`Pure::follow`], for an input that the process may not wait for any more.
    pub(super) fn tell(&mut self, id: ProcessId, input: Input) {
        if !self.has_ended(id) {
            let _ = self.bring(id, input);
        }
    }

    pub(super) fn send(
        &mut self,
        (process, path, turn): (ProcessId, &ActivityPath, Turn),
        (participant, way): (&str, &Way),
        (cargo, fields): (Cargo, &Fields),
        expires: Option<Timestamp>,
    ) {
        let asked = Task {
            process,
            path,
            turn,
            participant,
            way,
            fields,
            expires,
            results: &Results::default(),
        };
        let via = Via::of(self.dialect, TaskQueue::Taskqueue);
        let routes = Routes::new(via, Vec::new());
        if let Err(error) = can_carry(routes.via(participant, way.via), cargo) {
            let reason = error.to_string();
            return self.tell(process, Input::TaskRefused { turn, reason });
        }
        let message = task(&routes, &asked);
        if let Some(reason) = Toward(&message.exchange, &message.routing_key).closed() {
            let reason = format!("`{}{}`: {reason}", message.exchange, message.routing_key);
            return self.tell(process, Input::TaskRefused { turn, reason });
        }
        // No exchange exists here, and only workers have queues.
        if let Some(id) = message.properties.correlation_id {
            let calls = self.calls.entry(message.routing_key).or_default();
            calls.push_back((id, message.body));
        } else if let Some(queue) = message.routing_key.strip_prefix("worker_")
            && message.exchange.is_empty()
        {
            let tasks = self.tasks.entry(queue.to_owned()).or_default();
            tasks.push_back(message.body);
        }
    }

    pub(super) fn message_sent(
        &mut self,
        id: ProcessId,
        path: ActivityPath,
        (fiber, turn): (FiberId, Turn),
        message: &Message,
    ) {
        let (exchange, key) = (&message.exchange, &message.routing_key);
        if let Some(reason) = Toward(exchange, key).never() {
            let input = Input::Refused {
                fiber,
                turn,
                code: FaultCode::new(FaultCode::SEND_REFUSED),
                reason: reason.to_owned(),
            };
            return self.tell(id, input);
        }
        let activity = ActivityId { process: id, path };
        let body = sent(activity, turn, message).body;
        self.messages
            .entry(key.clone())
            .or_default()
            .push_back(body);
        self.tell(id, Input::Admitted { fiber, turn });
    }

    /// Hands out an event that a process emits to those who wait now, once the process continued.
    pub(super) fn emit(
        &mut self,
        (name, key, keep): (&str, Option<&str>, Option<Millis>),
        fields: &Fields,
        depth: u32,
        (emitter, admitted): (ProcessId, Input),
    ) {
        let mut object = Fields::new();
        object.set("event", JsonText::text(name));
        if let Some(key) = key {
            object.set("key", JsonText::text(key));
        }
        object.update(fields);
        let process = fields.get("process").and_then(JsonText::as_text);
        let process = process.and_then(|process| process.parse().ok());
        let event = object.to_value_text();
        let source = self.keep_one((name, key, keep), process, &event);
        let open = self.open(name, key, process);
        self.tell(emitter, admitted);
        for (_, id, fiber, turn) in open {
            let input = Input::Event {
                fiber,
                turn,
                name: name.to_owned(),
                key: key.map(str::to_owned),
                depth,
                event: event.clone(),
                source,
            };
            self.tell(id, input);
        }
    }

    /// Keeps an event, if it is to be kept.
    pub(super) fn keep_one(
        &mut self,
        (name, key, keep): (&str, Option<&str>, Option<Millis>),
        process: Option<ProcessId>,
        event: &JsonText,
    ) -> EventSource {
        let Some(keep) = keep else {
            return EventSource::Live { sequence: 0 };
        };
        self.kept.push(Kept {
            name: name.to_owned(),
            key: key.map(str::to_owned),
            at: self.now,
            until: self.now.after(keep),
            process,
            event: event.clone(),
            taken: Vec::new(),
        });
        EventSource::Kept {
            sequence: self.kept.len() as u64 - 1,
        }
    }

    pub(super) fn kept_was_taken(&mut self, sequence: u64, process: ProcessId) {
        let kept = usize::try_from(sequence).ok();
        let kept = kept.and_then(|place| self.kept.get_mut(place));
        kept.into_iter().for_each(|kept| kept.taken.push(process));
    }

    /// Offers what is kept to a wait.
    pub(super) fn recall(&mut self, id: ProcessId, fiber: FiberId, turn: Turn) {
        for place in 0..self.kept.len() {
            let kept = self.kept[place].clone();
            let is_for = kept.process.is_none_or(|process| process == id);
            let suits = self.open(&kept.name, kept.key.as_deref(), kept.process);
            let waits = suits
                .iter()
                .any(|(_, process, at, under)| (*process, *at, *under) == (id, fiber, turn));
            if !is_for || !waits || kept.until <= self.now || kept.taken.contains(&id) {
                continue;
            }
            let input = Input::Event {
                fiber,
                turn,
                name: kept.name,
                key: kept.key,
                depth: 0,
                event: kept.event,
                source: EventSource::Recalled {
                    sequence: place as u64,
                    at: kept.at,
                },
            };
            self.tell(id, input);
            self.settle();
        }
        self.tell(id, Input::Recalled { fiber, turn });
    }
}

/// A kept event.
#[derive(Clone)]
pub struct Kept {
    name: String,
    key: Option<String>,
    at: Timestamp,
    until: Timestamp,
    process: Option<ProcessId>,
    event: JsonText,
    taken: Vec<ProcessId>,
}
