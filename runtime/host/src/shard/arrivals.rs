//! What becomes of a delivery: a process, an answer taken, an event written, or a dead letter.

use super::{LaunchInHand, Shard, Waiting};
use crate::{
    broker::{Delivery, Source},
    compute::{JobOutcome, Task},
    definitions::LoadFailure,
    events::{EventProgress, EventRecord, Handout},
    planted::{Fault, planted},
    router::Arrival,
    transaction::{Cause, LoadedProgram, Transaction, Work},
};
use bureaucrat_model::{Answer, Input, Launch, Millis, ProcessId, ReplyTo};
use bureaucrat_store::{
    StoreError, Table, keys,
    keys::{OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::{
    AnswerMessage, EventMessage, Report, UnreadableAnswer, dead_letter, notice, reply,
};
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

    fn launch_arrived(
        &mut self,
        delivery: Delivery,
        process: ProcessId,
        seen: Option<[u8; 32]>,
    ) -> Result<(), StoreError> {
        if let Some(in_hand) = self.launching.get_mut(&process)
            && !planted(Fault::LaunchInHandForgotten)
        {
            in_hand.deliveries.push(delivery);
            return Ok(());
        }
        if let Some(hash) = &seen {
            match self.seen_before(hash) {
                Ok(None) => {}
                Ok(Some(first)) => return self.launch_repeated(&delivery, first),
                Err(error) => return self.memory_is_damaged(&delivery, error),
            }
        }
        let source: Arc<[u8]> = Arc::from(&*delivery.body);
        if delivery.body.len() > self.shared.config.definition_limits.bytes {
            let in_hand = LaunchInHand {
                deliveries: vec![delivery],
                seen,
            };
            let reason = format!(
                "the definition is too large: {} bytes of at most {}",
                source.len(),
                self.shared.config.definition_limits.bytes
            );
            return self.refuse_launch(in_hand, &[reason]);
        }
        self.launching.insert(
            process,
            LaunchInHand {
                deliveries: vec![delivery],
                seen,
            },
        );
        match self.shared.definitions.cached(&source) {
            Some(loaded) => self.launch_compiled(process, JobOutcome::Loaded(Ok(loaded))),
            None => {
                self.submit(Task::Compile(source), Waiting::Launch(process));
                Ok(())
            }
        }
    }

    pub(super) fn launch_compiled(
        &mut self,
        process: ProcessId,
        outcome: JobOutcome,
    ) -> Result<(), StoreError> {
        let Some(in_hand) = self.launching.remove(&process) else {
            return Ok(());
        };
        let JobOutcome::Loaded(loaded) = outcome else {
            return Ok(());
        };
        match loaded {
            Err(LoadFailure::Refused(reasons)) => self.refuse_launch(in_hand, &reasons),
            Err(LoadFailure::Environment(reason)) => {
                // No verdict on the definition: the same message may be published again, and counts then.
                let in_hand = LaunchInHand {
                    seen: None,
                    ..in_hand
                };
                let reason = format!(
                    "the engine could not make the definition ready, publish it again later: {reason}"
                );
                self.refuse_launch(in_hand, &[reason])
            }
            Ok(loaded) => {
                let Some(first) = in_hand.deliveries.first() else {
                    return Ok(());
                };
                let reply_to = match self.reply_to(first) {
                    Ok(reply_to) => reply_to,
                    Err(reason) => return self.refuse_launch(in_hand, &[reason]),
                };
                let launch = Launch {
                    process,
                    program: loaded.hash,
                    user: first.properties.user_id.clone(),
                    reply_to,
                    caller: None,
                    message_id: first.properties.message_id.clone(),
                    redelivered: if in_hand.seen.is_some() {
                        bureaucrat_model::Redelivered::No
                    } else {
                        first.redelivered
                    },
                };
                if launch.redelivered == bureaucrat_model::Redelivered::Perhaps {
                    tracing::info!(%process, "launched from a message without id that the broker had delivered before: it may be a repeat");
                }
                let mut transaction = Transaction::default();
                transaction.after.acknowledge = in_hand
                    .deliveries
                    .iter()
                    .map(|delivery| delivery.handle)
                    .collect();
                self.remember(&mut transaction, in_hand.seen, Some(process))?;
                for repeated in in_hand.deliveries.iter().skip(1) {
                    self.tell_launcher_again(&mut transaction, repeated, Some(process))?;
                }
                let work = Work::Launch {
                    launch: Box::new(launch),
                    loaded: LoadedProgram(loaded),
                };
                self.begin(process, transaction.then(work))
            }
        }
    }

    /// The launcher's address, unless it is one that it may not give.
    fn reply_to(&self, delivery: &Delivery) -> Result<Option<ReplyTo>, String> {
        let Some(queue) = delivery.properties.reply_to.clone() else {
            return Ok(None);
        };
        if queue.starts_with("worker_") || self.shared.config.engine_queues.contains(&queue) {
            return Err(format!(
                "reply_to may not name `{queue}`: that queue belongs to the engine or a participant"
            ));
        }
        Ok(Some(ReplyTo {
            queue,
            correlation_id: delivery.properties.correlation_id.clone(),
        }))
    }

    fn launch_repeated(
        &mut self,
        delivery: &Delivery,
        first: Option<ProcessId>,
    ) -> Result<(), StoreError> {
        tracing::debug!(process = ?first, "a launch with this message id took effect before");
        let mut transaction = Transaction::acknowledging(delivery.handle);
        self.tell_launcher_again(&mut transaction, delivery, first)?;
        match first {
            // The first one may wait for a job: it has to be durable before the repeat is acknowledged.
            Some(process) => self.begin(process, transaction),
            None => self.finish(transaction),
        }
    }

    /// Answers a repeated launch as the first was.
    fn tell_launcher_again(
        &mut self,
        transaction: &mut Transaction,
        delivery: &Delivery,
        first: Option<ProcessId>,
    ) -> Result<(), StoreError> {
        let Ok(Some(reply_to)) = self.reply_to(delivery) else {
            return Ok(());
        };
        let reasons = ["an earlier message with this id was refused".to_owned()];
        let message = match first {
            Some(process) => reply(&reply_to, Some(process), Report::Launched),
            None => reply(&reply_to, None, Report::Rejected { reasons: &reasons }),
        };
        let key = self.own_key(OutboxKind::Reply);
        transaction.publish(key, message)
    }

    fn refuse_launch(
        &mut self,
        in_hand: LaunchInHand,
        reasons: &[String],
    ) -> Result<(), StoreError> {
        let Some(first) = in_hand.deliveries.first() else {
            return Ok(());
        };
        let mut transaction = self.dead_letter(first, "definition", &reasons.join("\n"))?;
        transaction.after.acknowledge = in_hand
            .deliveries
            .iter()
            .map(|delivery| delivery.handle)
            .collect();
        self.remember(&mut transaction, in_hand.seen, None)?;
        for delivery in &in_hand.deliveries {
            if let Ok(Some(reply_to)) = self.reply_to(delivery) {
                let message = reply(&reply_to, None, Report::Rejected { reasons });
                transaction.publish(self.own_key(OutboxKind::Reply), message)?;
            }
        }
        let message = notice(
            &self.shared.config.notice_exchange,
            None,
            "",
            Report::Rejected { reasons },
        );
        transaction.publish(self.own_key(OutboxKind::Notice), message)?;
        self.finish(transaction)
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
            cause: Cause::Other,
        });
        self.begin(activity.process, transaction)
    }

    fn event_arrived(
        &mut self,
        delivery: &Delivery,
        event: EventMessage,
        seen: Option<[u8; 32]>,
    ) -> Result<(), StoreError> {
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
    fn seen_before(&self, hash: &[u8; 32]) -> Result<Option<Option<ProcessId>>, StoreError> {
        if let Some(process) = self.seen_now.get(hash) {
            return Ok(Some(*process));
        }
        let record =
            records::read::<SeenRecord>(&*self.shared.store, Table::Seen, &keys::seen(hash))?;
        Ok(record.map(|record| record.process))
    }

    fn remember(
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
            "a message can't be used; it is in the dead-letter queue"
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
