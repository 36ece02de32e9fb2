//! What becomes of a delivery: a process, an answer taken, an event written, or a dead letter.

use super::{Shard, deployments::is_module};
use crate::{
    broker::{Delivery, Source},
    events::{EventProgress, EventRecord, Handout},
    planted::{Fault, planted},
    router::Arrival,
    transaction::{Cause, Transaction, Work},
};
use bureaucrat_model::{Answer, Input, Millis, ProcessId};
use bureaucrat_policy::Rule;
use bureaucrat_store::{
    StoreError, Table, keys,
    keys::{OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::{AnswerMessage, EventMessage, UnreadableAnswer, dead_letter};
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// What is remembered of a message that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenRecord {
    /// The process that it started; none for an event and for a launch that was refused.
    pub process: Option<ProcessId>,
}

impl Shard {
    pub(super) fn arrived(
        &mut self,
        delivery: Delivery,
        arrival: Arrival,
    ) -> Result<(), StoreError> {
        match arrival {
            Arrival::Launch { .. } if is_module(&delivery) => self.module_arrived(delivery),
            Arrival::Launch { process, seen } => self.launch_arrived(delivery, process, seen),
            Arrival::Answer(Ok(answer)) => self.answer_arrived(delivery, answer),
            Arrival::Answer(Err(unreadable)) => self.unreadable_answer(delivery, unreadable),
            Arrival::Event {
                event: Ok(event),
                seen,
            } => self.event_arrived(&delivery, event, seen),
            Arrival::Event {
                event: Err(unreadable),
                ..
            } => {
                let reason = unreadable.to_string();
                let transaction = self.dead_letter(&delivery, unreadable.code(), &reason)?;
                self.finish(transaction)
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
            turn: answer.turn.filter(|_| !planted(Fault::EarlierTurnAccepted)),
            answer: answer.answer,
        };
        let transaction = Transaction::acknowledging(delivery.handle);
        if self.knows(process)? {
            let work = Work::Step {
                process,
                input,
                cause: Cause::Answer(Box::new(delivery)),
            };
            return self.begin(process, transaction.then(work));
        }
        let tombstone = self
            .shared
            .store
            .get(Table::Seen, &keys::tombstone(process));
        let tombstone = self.shared.damages.around(None, tombstone)?;
        if tombstone.flatten().is_some() {
            tracing::debug!(%process, "an answer came for a process that ended and was removed");
            return self.finish(transaction);
        }
        let transaction = self.dead_letter(
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
        let mut transaction = self.dead_letter(&delivery, unreadable.reason.code(), &reason)?;
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
        };
        transaction.work.push_back(Work::Step {
            process: activity.process,
            input,
            cause: Cause::UnreadableAnswer(delivery.properties.user_id),
        });
        self.begin(activity.process, transaction)
    }

    fn event_arrived(
        &mut self,
        delivery: &Delivery,
        event: EventMessage,
        seen: Option<[u8; 32]>,
    ) -> Result<(), StoreError> {
        let rules = self.rules(delivery.properties.user_id.as_ref());
        if !rules.publishes.matches(&event.name) {
            let what = format!("publishing the event `{}` is not allowed", event.name);
            let violation = rules.broken(Rule::Publishes, what);
            let transaction = self.violation(delivery, &violation)?;
            return self.finish(transaction);
        }
        let mut transaction = Transaction::acknowledging(delivery.handle);
        if let Some(hash) = &seen {
            match self.seen_before(hash) {
                Ok(None) => {}
                Ok(Some(_)) => {
                    tracing::debug!(
                        event = event.name,
                        "an event with this message id took effect before"
                    );
                    return self.finish(transaction);
                }
                Err(error) => return self.memory_is_damaged(delivery, error),
            }
        }
        self.remember(&mut transaction, seen, None)?;
        let sequence = self.shared.sequence.fetch_add(1, Ordering::AcqRel);
        let record = EventRecord {
            name: event.name,
            event: event.event,
        };
        transaction.put(
            Table::Events,
            keys::event(sequence),
            records::encode(&record)?,
        );
        let shards = self.shared.router.shards();
        let progress = records::encode(&EventProgress { from: Vec::new() })?;
        for shard in 0..shards {
            transaction.put(
                Table::Events,
                keys::event_progress(sequence, shard),
                progress.clone(),
            );
        }
        transaction.after.handouts.push(Handout {
            sequence,
            record: Arc::new(record),
            remaining: Arc::new(AtomicUsize::new(usize::from(shards))),
            from: Vec::new(),
        });
        self.finish(transaction)
    }

    /// What a message with this hash brought about, when it took effect before.
    #[expect(
        clippy::option_option,
        reason = "seen or not, and then: with a process or without"
    )]
    pub(super) fn seen_before(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<Option<ProcessId>>, StoreError> {
        if let Some(process) = self.seen_now.get(hash) {
            return Ok(Some(*process));
        }
        let record =
            records::read::<SeenRecord>(&*self.shared.store, Table::Seen, &keys::seen(hash))?;
        Ok(record.map(|record| record.process))
    }

    pub(super) fn remember(
        &mut self,
        transaction: &mut Transaction,
        seen: Option<[u8; 32]>,
        process: Option<ProcessId>,
    ) -> Result<(), StoreError> {
        let Some(hash) = seen else {
            return Ok(());
        };
        let key = keys::seen(&hash);
        let is_short = planted(Fault::DedupeDroppedEarly);
        let retention = self.shared.config.seen_retention;
        let until = self
            .now()
            .after(if is_short { Millis(0) } else { retention });
        transaction.put(
            Table::Seen,
            key.clone(),
            records::encode(&SeenRecord { process })?,
        );
        transaction.put(Table::Seen, keys::expiry(until, &key), Vec::new());
        if !planted(Fault::DedupeForgetsGroup) {
            self.seen_now.insert(hash, process);
        }
        Ok(())
    }

    /// A transaction that puts a message, whole, into the dead-letter queue and acknowledges it.
    pub(super) fn dead_letter(
        &mut self,
        delivery: &Delivery,
        code: &str,
        reason: &str,
    ) -> Result<Transaction, StoreError> {
        let queue = match delivery.handle.source {
            Source::Launches => &self.shared.config.launch_queue,
            Source::Answers => &self.shared.config.message_queue,
            Source::Events => &self.shared.config.event_queue,
        };
        tracing::warn!(
            queue,
            code,
            reason,
            "a message can't be used; it goes to the dead-letter queue"
        );
        let message = dead_letter(
            &self.shared.config.dead_letter_queue,
            queue,
            reason,
            code,
            self.now(),
            &delivery.properties,
            match planted(Fault::DeadLetterCut) {
                true => delivery.body[..delivery.body.len() / 2].to_vec(),
                false => delivery.body.clone(),
            },
        );
        let mut transaction = Transaction::acknowledging(delivery.handle);
        transaction.publish(self.own_key(OutboxKind::DeadLetter), message)?;
        Ok(transaction)
    }

    /// The key of an outbox row that belongs to no process: under an id of this shard that no process has.
    pub(super) fn own_key(&self, kind: OutboxKind) -> OutboxKey {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&self.range().0[..2]);
        let number = self.shared.sequence.fetch_add(1, Ordering::AcqRel);
        OutboxKey {
            kind,
            process: ProcessId::from_bytes(bytes),
            number,
        }
    }
}
