//! Messages that definitions send: whether they may, and what becomes of one that the broker does not
//! take.
//!
//! A message that no queue takes, or that the broker refuses, becomes a dead letter at once. It does
//! not wait like a task: nothing of its process depends on it, and nobody else's messages are held
//! back for its destination.

use super::{
    Planner,
    transaction::{Cause, Held, Transaction, Work},
};
use crate::{catalog::Deployer, definitions::Loaded, intake::refusal::UNDELIVERED};
use bureaucrat_model::{
    ActivityId, ActivityPath, FaultCode, FiberId, HistoryEvent, Input, Message, ProcessId, Toward,
    Turn,
};
use bureaucrat_policy::{Rule, Rules, Violation};
use bureaucrat_store::{
    StoreError, Table,
    keys::{OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::{Outgoing, Reserved, sent, undelivered};

/// A wait that the host decides about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking {
    pub process: ProcessId,
    pub fiber: FiberId,
    pub turn: Turn,
}

impl Asking {
    /// The host does it.
    pub fn admitted(self) -> Work {
        self.told(Input::Admitted {
            fiber: self.fiber,
            turn: self.turn,
        })
    }

    /// The host does not do it, which the process may handle.
    pub fn refused(self, (code, reason): (&str, String)) -> Work {
        self.told(Input::Refused {
            fiber: self.fiber,
            turn: self.turn,
            code: FaultCode::new(code),
            reason,
        })
    }

    fn told(self, input: Input) -> Work {
        Work::Step {
            process: self.process,
            input,
            cause: Cause::Other,
        }
    }
}

impl Planner {
    /// Puts a message into the outbox, unless the process may not send it.
    pub(super) fn send(
        &mut self,
        transaction: &mut Transaction,
        asking: Asking,
        activity: ActivityPath,
        message: &Message,
    ) -> Result<(), StoreError> {
        let process = asking.process;
        let Some(held) = transaction.held.get(&process) else {
            return Ok(());
        };
        if let Some(refused) = self.send_refused(held, &activity, message) {
            transaction.work.push_back(asking.refused(refused));
            return Ok(());
        }
        let row = OutboxKey {
            kind: OutboxKind::Message,
            process,
            number: asking.turn.0,
        };
        let id = ActivityId {
            process,
            path: activity.clone(),
        };
        transaction.publish(row, sent(id, asking.turn, message));
        transaction.work.push_back(asking.admitted());
        let happened = HistoryEvent::Sent {
            activity,
            exchange: message.exchange.clone(),
            routing_key: message.routing_key.clone(),
        };
        transaction.record(process, self.now(), happened);
        Ok(())
    }

    fn send_refused(
        &self,
        held: &Held,
        activity: &ActivityPath,
        message: &Message,
    ) -> Option<(&'static str, String)> {
        if let Some(fault) = self.outbox_fault(held, activity) {
            return Some((FaultCode::LIMIT_EXCEEDED, fault.message));
        }
        let (exchange, key) = (&message.exchange, &message.routing_key);
        let rules = self.policy.of(held.instance.user.as_deref());
        let refused = self.reserved().refuses(exchange, key).or_else(|| {
            let toward = Toward(exchange, key);
            let what = format!("sending to {toward} is not allowed");
            let is_allowed = rules.sends.allow(exchange, Some(key));
            (!is_allowed).then(|| rules.broken(Rule::Sends, what).to_string())
        });
        Some((FaultCode::SEND_REFUSED, refused?))
    }

    pub(super) fn reserved(&self) -> Reserved<'_> {
        let config = &self.shared.config;
        Reserved {
            engine_queues: &config.engine_queues,
            engine_exchanges: &config.engine_exchanges,
            routes: &config.routes,
            participants: &[],
        }
    }

    /// The rules that a definition violates: its user's, with the quotas on the modules that it brings, and
    /// those about destinations that hold for everybody.
    pub(crate) fn violations(
        &self,
        rules: &Rules,
        user: Option<&String>,
        loaded: &Loaded,
    ) -> Vec<Violation> {
        let profile = &loaded.profile;
        let mut found = rules.check(profile, |module| self.modules.standing(module));
        let reserved = self.reserved();
        for ((exchange, key), span) in &profile.sent {
            let key = key.as_deref().unwrap_or_default();
            if let Some(reason) = reserved.refuses(exchange, key) {
                let what = format!("{}:{}: {reason}", span.line, span.column);
                found.push(rules.broken(Rule::Sends, what));
            }
        }
        for ((exchange, key), span) in &profile.routed {
            let key = key.as_deref().unwrap_or_default();
            if let Some(reason) = reserved.refuses_task(exchange, key) {
                let what = format!("{}:{}: {reason}", span.line, span.column);
                found.push(rules.broken(Rule::Sends, what));
            }
        }
        found.extend(self.modules_without_room(rules, &Deployer::of(user), loaded));
        found
    }

    /// The broker did not take a message: it becomes a dead letter, whole.
    pub(crate) fn undelivered(&mut self, key: OutboxKey, words: &str) -> Result<(), StoreError> {
        let store = &*self.shared.store;
        let row = key.to_bytes();
        let read = records::read::<Outgoing>(store, Table::Outbox, &row);
        let read = self.shared.damages.around(Some(key.process), read)?;
        let Some(Some(message)) = read else {
            return Ok(());
        };
        let mut transaction = Transaction::new(key.process.shard());
        transaction.withdraw(key);
        let (exchange, routing_key) = (&*message.exchange, &*message.routing_key);
        let toward = Toward(exchange, routing_key);
        let reason = format!(
            "the message of process {} to {toward} was not accepted: {words}",
            key.process
        );
        let dead = &self.shared.config.dead_letter_queue;
        let letter = undelivered(dead, &message, &reason, UNDELIVERED, self.now());
        tracing::warn!(
            exchange,
            routing_key,
            process = %key.process,
            reason = words,
            "the broker did not accept a message of a process; it goes to the dead-letter queue"
        );
        let (place, why) = ((exchange, routing_key), (UNDELIVERED, &*reason));
        let (properties, body) = (&message.properties, &message.body);
        self.put_letter(&mut transaction, letter, place, why, (properties, body))?;
        self.finish(transaction)
    }
}
