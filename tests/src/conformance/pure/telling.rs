//! What processes emit and send on the pure stage.

use super::Pure;
use bureaucrat_model::{
    ActivityId, ActivityPath, FaultCode, FiberId, Fields, Input, JsonText, Message, ProcessId,
    Subscription, Toward, Turn,
};
use bureaucrat_wire::sent;

impl Pure {
    pub(super) fn open(
        &self,
        name: &str,
        key: Option<&str>,
    ) -> Vec<(Subscription, ProcessId, FiberId, Turn)> {
        let suits = |row: &&(Subscription, ProcessId, FiberId, Turn)| {
            let wanted = row.0.key.as_deref();
            row.0.event == name && wanted.is_none_or(|wanted| key == Some(wanted))
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

    /// Hands out an event that a process emits.
    pub(super) fn emit(&mut self, name: &str, key: Option<&str>, fields: &Fields, depth: u32) {
        let mut object = Fields::new();
        object.set("event", JsonText::text(name));
        if let Some(key) = key {
            object.set("key", JsonText::text(key));
        }
        object.update(fields);
        // Only those that waited when it was emitted.
        for (subscription, id, fiber, turn) in self.emitted.pop_front().unwrap_or_default() {
            let row = (subscription, id, fiber, turn);
            if !self.subscriptions.contains(&row) {
                continue;
            }
            let input = Input::Event {
                fiber,
                turn,
                name: name.to_owned(),
                key: key.map(str::to_owned),
                depth,
                event: object.to_value_text(),
            };
            if !self.has_ended(id) {
                self.follow(id, input);
            }
        }
    }
}
