//! What a delivery becomes: a process, an accepted answer, a stored event, or a dead letter.

use super::{cancelling::is_cancel, deploying::is_definition, modules::is_module, router::Arrival};
use crate::{
    broker::{Delivery, Source},
    meters::Began,
    operate::handing_in::{Receipt, Sender},
    plan::{
        Planner,
        events::{Arrived, EventRecord},
        residents::Found,
        transaction::{Cause, Transaction, Work},
    },
};
use bureaucrat_model::{Answer, Input, ProcessId, ReplyTo, ShardId};
use bureaucrat_policy::Rule;
use bureaucrat_store::{
    StoreError, Table, keys,
    keys::{OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::{
    AnswerMessage, EventMessage, EventOutcome, Report, Unreadable, UnreadableAnswer, dead_letter,
    event_reply, reply,
};
use serde::{Deserialize, Serialize};

/// What is remembered about a message that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenRecord {
    /// The process that it started; `None` for an event and for a refused launch.
    pub process: Option<ProcessId>,
}

impl Planner {
    /// Takes a delivery.
    pub(crate) fn arrived(
        &mut self,
        delivery: Delivery,
        arrival: Arrival,
    ) -> Result<(), StoreError> {
        if let Some(group) = self.elsewhere(&delivery, &arrival) {
            return self.forward(&delivery, group);
        }
        match arrival {
            Arrival::Launch { text, .. } if is_module(&delivery) => {
                self.module_arrived(delivery, text)
            }
            Arrival::Launch { text, seen, .. } if is_cancel(&delivery) => {
                self.cancel_arrived(&delivery, seen, &text)
            }
            Arrival::Launch { text, seen, .. } if is_definition(&delivery) => {
                self.definition_arrived(delivery, seen, text)
            }
            Arrival::Launch {
                process,
                seen,
                text,
            } => self.launch_arrived(delivery, process, seen, text),
            Arrival::Answer(Ok(answer)) => self.answer_arrived(delivery, answer),
            Arrival::Answer(Err(unreadable)) => self.unreadable_answer(delivery, unreadable),
            Arrival::Event { shard, event, seen } => {
                self.event_arrived(&delivery, shard, event, seen)
            }
            Arrival::EventPart { shard, part, seen } => {
                self.event_part_arrived(&delivery, shard, *part, seen)
            }
            Arrival::Between(between) => self.between_arrived(&delivery, *between),
            // The intake unpacks before it hands over.
            Arrival::Packed(_) => Ok(()),
            // A launch, an event, or what came in its place: its sender may wait for a reply.
            Arrival::Unreadable(unreadable) => {
                self.refuse(&delivery, unreadable.code(), &[unreadable.to_string()])
            }
        }
    }

    fn answer_arrived(
        &mut self,
        delivery: Delivery,
        answer: AnswerMessage,
    ) -> Result<(), StoreError> {
        let process = answer.target.process;
        let input = Input::Answer {
            activity: answer.target.path,
            turn: answer.turn,
            answer: answer.answer,
            unusable: answer.unusable,
        };
        self.shared.meters.answers.one();
        let mut transaction = Transaction::acknowledging(process.shard(), delivery.handle);
        transaction.after.began = Some(Began::Answer(self.now()));
        if self.knows(process)? {
            let work = Work::Step {
                process,
                input,
                cause: Cause::Answer(Box::new(delivery)),
            };
            return self.begin(process, transaction.then(work));
        }
        if self.was_removed(process)? {
            tracing::debug!(%process, "an answer came for a process that has ended and was \
                                       removed");
            return self.finish(transaction);
        }
        let transaction = self.dead_letter(
            process.shard(),
            &delivery,
            "unknown-process",
            &format!("there is no process {process}"),
        )?;
        self.finish(transaction)
    }

    fn unreadable_answer(
        &mut self,
        delivery: Delivery,
        unreadable: UnreadableAnswer,
    ) -> Result<(), StoreError> {
        let reason = unreadable.reason.to_string();
        if matches!(unreadable.reason, Unreadable::Misplaced { .. }) {
            // A worker waits for no reply; the sender of a launch or an event may.
            return self.refuse(&delivery, unreadable.reason.code(), &[reason]);
        }
        let shard = match &unreadable.waiting {
            Some((activity, _)) => activity.process.shard(),
            None => self.some_shard(),
        };
        let mut transaction =
            self.dead_letter(shard, &delivery, unreadable.reason.code(), &reason)?;
        let Some((activity, turn)) = unreadable.waiting else {
            return self.finish(transaction);
        };
        if !self.knows(activity.process)? {
            return self.finish(transaction);
        }
        let input = Input::Answer {
            activity: activity.path,
            turn,
            answer: Answer::Unreadable(reason),
            unusable: Vec::new(),
        };
        transaction.work.push_back(Work::Step {
            process: activity.process,
            input,
            cause: Cause::UnreadableAnswer(delivery.properties.user_id),
        });
        self.begin(activity.process, transaction)
    }

    /// Whether a process existed and was removed.
    fn was_removed(&self, process: ProcessId) -> Result<bool, StoreError> {
        if matches!(self.residents.find(process), Found::Removed) {
            return Ok(true);
        }
        let key = keys::tombstone(process);
        let tombstone = self.shared.store.get(Table::Seen, &key);
        let tombstone = self.shared.damages.around(None, tombstone)?;
        Ok(tombstone.flatten().is_some())
    }

    fn event_arrived(
        &mut self,
        delivery: &Delivery,
        shard: ShardId,
        event: EventMessage,
        seen: Option<[u8; 32]>,
    ) -> Result<(), StoreError> {
        self.shared.meters.events.one();
        let user = delivery.properties.user_id.clone();
        let rules = self.rules(user.as_ref());
        let violation = if rules.publishes.matches(&event.name) {
            let bytes = event.event.as_str().len() as u64;
            let keep = event.keep.is_some();
            keep.then(|| self.keeps_too_much(&rules, user.as_ref(), bytes))
                .flatten()
        } else {
            let what = format!("publishing the event `{}` is not allowed", event.name);
            Some(rules.broken(Rule::Publishes, what))
        };
        if let Some(violation) = violation {
            let reasons = [violation.to_string()];
            let code = violation.rule.code();
            let mut transaction = match delivery.sender.waits() {
                true => self.set_aside(shard, delivery, code, &reasons[0])?,
                false => self.violation(shard, delivery, &violation)?,
            };
            transaction.tell(delivery, Receipt::rejected(&reasons));
            if let Ok(Some(reply_to)) = self.reply_to(delivery, &[]) {
                let reasons = &reasons;
                let message = reply(&reply_to, None, Report::Rejected { reasons });
                transaction.publish(self.own_key(shard, OutboxKind::Reply), message);
            }
            return self.finish(transaction);
        }
        // An address that may not be given keeps no event from those who wait for it.
        let reply_to = self.reply_to(delivery, &[]).unwrap_or_default();
        let mut transaction = Transaction::acknowledging(shard, delivery.handle);
        if let Some(hash) = &seen {
            match self.seen_before(hash) {
                Ok(None) => {}
                Ok(Some(_)) => {
                    tracing::debug!(
                        event = event.name,
                        "an event with this message id took effect before"
                    );
                    let repeated = EventOutcome::Repeated;
                    transaction.tell(delivery, Receipt::Event(repeated));
                    if let Some(reply_to) = reply_to {
                        let message = event_reply(&reply_to, &event.name, repeated);
                        transaction.publish(self.own_key(shard, OutboxKind::Reply), message);
                    }
                    return self.finish(transaction);
                }
                Err(error) => return self.memory_is_damaged(shard, delivery, error),
            }
        }
        self.remember(&mut transaction, seen, None)?;
        transaction.tell(delivery, Receipt::Stored);
        let told = (reply_to, delivery.sender.clone());
        self.store_event(&mut transaction, user.as_ref(), event, told)?;
        self.finish(transaction)
    }

    fn store_event(
        &mut self,
        transaction: &mut Transaction,
        user: Option<&String>,
        event: EventMessage,
        (reply_to, sender): (Option<ReplyTo>, Sender),
    ) -> Result<(), StoreError> {
        let (shard, now) = (transaction.shard, self.now());
        let sequence = self.shared.draw_for_event()?;
        let record = EventRecord {
            name: event.name,
            key: event.key,
            depth: 0,
            event: event.event,
            process: event.process,
            kept: event.keep.map(|_| now),
            origin: None,
        };
        if let Some(keep) = event.keep {
            self.keep_event(transaction, user, sequence, now.after(keep), &record)?;
        }
        let value = records::encode(&record)?;
        let arrived = record.arrived(shard, sequence, value.len());
        let arrived = Arrived {
            reply_to,
            sender,
            ..arrived
        };
        transaction.after.arrived.push(arrived);
        transaction.put(Table::Events, keys::event(shard, sequence), value);
        Ok(())
    }

    /// What an earlier message with this hash did, if it took effect.
    #[expect(
        clippy::option_option,
        reason = "seen or not, and then: with a process or without"
    )]
    pub(crate) fn seen_before(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<Option<ProcessId>>, StoreError> {
        if let Some(process) = self.memories.get(hash) {
            return Ok(Some(*process));
        }
        let record =
            records::read::<SeenRecord>(&*self.shared.store, Table::Seen, &keys::seen(hash))?;
        Ok(record.map(|record| record.process))
    }

    pub(crate) fn remember(
        &mut self,
        transaction: &mut Transaction,
        seen: Option<[u8; 32]>,
        process: Option<ProcessId>,
    ) -> Result<(), StoreError> {
        let Some(hash) = seen else {
            return Ok(());
        };
        let key = keys::seen(&hash);
        let retention = self.shared.config.seen_retention;
        let until = self.now().after(retention);
        transaction.put(
            Table::Seen,
            key.clone(),
            records::encode(&SeenRecord { process })?,
        );
        transaction.put(Table::Seen, keys::expiry(until, &key), Vec::new());
        self.memories.insert(hash, process);
        transaction.after.remembered.push(hash);
        Ok(())
    }

    /// A transaction that puts a message, whole, into the dead-letter queue and acknowledges it.
    pub(crate) fn dead_letter(
        &mut self,
        shard: ShardId,
        delivery: &Delivery,
        code: &str,
        reason: &str,
    ) -> Result<Transaction, StoreError> {
        let queue = match delivery.handle.source {
            Source::Launches => &self.shared.config.launch_queue,
            Source::Answers => &self.shared.config.message_queue,
            Source::Events => &self.shared.config.event_queue,
            Source::Results => &self.shared.config.results.queue,
        };
        tracing::warn!(
            queue,
            code,
            reason,
            "a message can't be used; it goes to the dead-letter queue"
        );
        let letter = dead_letter(
            &self.shared.config.dead_letter_queue,
            queue,
            reason,
            code,
            self.now(),
            &delivery.properties,
            delivery.body.clone(),
        );
        let mut transaction = Transaction::acknowledging(shard, delivery.handle);
        let (queue, content) = (queue.clone(), (&delivery.properties, &*delivery.body));
        self.put_letter(
            &mut transaction,
            letter,
            ("", &queue),
            (code, reason),
            content,
        )?;
        Ok(transaction)
    }

    /// A transaction that acknowledges a refused message. It becomes a dead letter, unless its
    /// sender waits for the reply and wants nothing else.
    pub(crate) fn set_aside(
        &mut self,
        shard: ShardId,
        delivery: &Delivery,
        code: &str,
        reason: &str,
    ) -> Result<Transaction, StoreError> {
        let is_told = matches!(self.reply_to(delivery, &[]), Ok(Some(_)));
        let is_told = is_told && delivery.properties.wants_refusal_alone();
        if !is_told && !delivery.sender.waits() {
            return self.dead_letter(shard, delivery, code, reason);
        }
        tracing::debug!(code, reason, "a message is refused, and its sender is told");
        Ok(Transaction::acknowledging(shard, delivery.handle))
    }

    /// The key of an outbox row that belongs to no process: an id of the shard that no process has.
    pub(crate) fn own_key(&self, shard: ShardId, kind: OutboxKind) -> OutboxKey {
        let mut bytes = [0; 16];
        bytes[0] = shard.0;
        OutboxKey {
            process: ProcessId::from_bytes(bytes),
            kind,
            number: self.shared.draw(),
        }
    }

    /// Any shard, for what belongs to no shard.
    pub(crate) fn some_shard(&self) -> ShardId {
        let [.., byte] = self.shared.draw().to_be_bytes();
        self.shared.config.sharing.groups().place(byte)
    }
}
