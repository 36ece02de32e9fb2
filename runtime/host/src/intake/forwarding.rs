//! Messages that another engine has to take, because the shard that they concern is that engine's.
//!
//! They are sent to the queue of the shard's group through the outbox: so they are acknowledged once they are durable here,
//! and leave once the broker has confirmed them. Turns and message ids make repeats harmless. What is forwarded is signed
//! with the storage's secret, because it names the user whom the broker has checked.

use super::{
    cancelling::is_cancel,
    deploying::is_definition,
    forwarded::{EventPart, FORWARD_TYPE, Forwarded, number_of},
    launching::LaunchInHand,
    modules::is_module,
    router::Arrival,
};
use crate::{
    broker::Delivery,
    open::identity,
    operate::{
        Told,
        asking::{Asked, Between, Question},
    },
    plan::{Planner, events::EventRecord, transaction::Transaction},
};
use bureaucrat_model::{FiberId, ProcessId, Redelivered, ShardGroup, ShardId};
use bureaucrat_store::{StoreError, Table, keys, keys::OutboxKind, records};
use bureaucrat_wire::{Mandatory, Outgoing, Properties, decode_cancel};
use serde_bytes::ByteBuf;

impl Planner {
    /// The group of another engine that a delivery concerns, if it does.
    pub(super) fn elsewhere(&self, delivery: &Delivery, arrival: &Arrival) -> Option<ShardGroup> {
        let sharing = &self.shared.config.sharing;
        let shard = match arrival {
            Arrival::Launch { .. } if is_module(delivery) || is_definition(delivery) => {
                ShardGroup::COMMON.first()
            }
            Arrival::Launch { text, .. } if is_cancel(delivery) => {
                let limits = &self.shared.config.wire_limits;
                let request = decode_cancel(text.of(&delivery.body), limits);
                request.ok()?.process.shard()
            }
            Arrival::Launch { process, .. } => process.shard(),
            Arrival::Answer(Ok(answer)) => answer.target.process.shard(),
            Arrival::Answer(Err(unreadable)) => unreadable.waiting.as_ref()?.0.process.shard(),
            Arrival::Event { shard, .. } | Arrival::EventPart { shard, .. } => *shard,
            Arrival::Between(_) | Arrival::Packed(_) | Arrival::Unreadable(_) => return None,
        };
        (!sharing.has(shard)).then(|| shard.group())
    }

    /// Sends a delivery on to the owner of a group.
    pub(super) fn forward(
        &mut self,
        delivery: &Delivery,
        group: ShardGroup,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self.some_shard());
        self.forward_within(&mut transaction, delivery, &delivery.body, (group, None))?;
        self.finish(transaction)
    }

    /// Sends the messages of a launch on to the owner of the shard that its process must be in, and forgets the launch.
    pub(super) fn forward_launch(
        &mut self,
        process: ProcessId,
        in_hand: &LaunchInHand,
        shard: ShardId,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(process.shard());
        if in_hand.kept.is_some() {
            transaction.delete(Table::Launches, keys::instance(process));
        }
        let first = in_hand.deliveries.first();
        let body = first.map_or(&[][..], |first| &first.body);
        for delivery in &in_hand.deliveries {
            // Repeats have the same body; of those that wait in the store only the first one's is kept.
            self.forward_within(
                &mut transaction,
                delivery,
                body,
                (shard.group(), Some(shard)),
            )?;
        }
        self.finish(transaction)
    }

    fn forward_within(
        &mut self,
        transaction: &mut Transaction,
        delivery: &Delivery,
        body: &[u8],
        (group, shard): (ShardGroup, Option<ShardId>),
    ) -> Result<(), StoreError> {
        transaction.after.acknowledge.push(delivery.handle);
        let ours = self.shared.config.sharing.groups().iter().next();
        let receipts = ours.filter(|_| delivery.sender.waits()).map(|ours| {
            let number = self.shared.draw();
            let sender = delivery.sender.clone();
            self.shared.asking.expect_receipt(number, sender);
            (number, ours.number())
        });
        let forwarded = Forwarded::Message {
            source: number_of(delivery.handle.source),
            shard: shard.or(delivery.shard).map(|shard| shard.0),
            properties: delivery.properties.clone(),
            body: ByteBuf::from(body),
            receipts,
        };
        self.send_on(transaction, group, &forwarded)
    }

    /// Sends an event on for the waits of a group.
    pub(crate) fn forward_event(
        &mut self,
        transaction: &mut Transaction,
        group: ShardGroup,
        sequence: u64,
        (event, taken): (EventRecord, Vec<(ProcessId, FiberId)>),
    ) -> Result<(), StoreError> {
        let forwarded = Forwarded::Event {
            group: group.number(),
            origin: (transaction.shard.0, sequence),
            part: EventPart { event, taken },
        };
        self.send_on(transaction, group, &forwarded)
    }

    /// An event for the waits of one group, which another engine has: it is stored and handed out here as well.
    pub(super) fn event_part_arrived(
        &mut self,
        delivery: &Delivery,
        shard: ShardId,
        EventPart { event, taken }: EventPart,
        seen: [u8; 32],
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::acknowledging(shard, delivery.handle);
        match self.seen_before(&seen) {
            Ok(None) => {}
            Ok(Some(_)) => return self.finish(transaction),
            Err(error) => return self.memory_is_damaged(shard, delivery, error),
        }
        // Who takes it and waits again must not get it again.
        self.shared.come_after(event.origin.unwrap_or_default());
        self.remember(&mut transaction, Some(seen), None)?;
        let sequence = self.shared.draw();
        let value = records::encode(&event)?;
        let mut arrived = event.arrived(shard, sequence, value.len());
        if !taken.is_empty() {
            arrived.redelivered = Redelivered::Perhaps;
        }
        for (process, fiber) in taken {
            let key = keys::taken_by_fiber(sequence, process, fiber);
            transaction.put(Table::Taken, key, Vec::new());
        }
        transaction.after.arrived.push(arrived);
        transaction.put(Table::Events, keys::event(shard, sequence), value);
        self.finish(transaction)
    }

    /// Asks the engine that has a group, or answers it. What belongs to this one meanwhile is taken here.
    pub(crate) fn tell_another(
        &mut self,
        group: ShardGroup,
        asked: Asked,
    ) -> Result<(), StoreError> {
        if self.shared.config.sharing.groups().contains(group) {
            self.shared.asking.take(asked);
            return Ok(());
        }
        let mut transaction = Transaction::new(self.some_shard());
        self.send_between(&mut transaction, group, Between::Asking(asked))?;
        self.finish(transaction)
    }

    /// The same as a part of a transaction.
    pub(crate) fn send_between(
        &self,
        transaction: &mut Transaction,
        group: ShardGroup,
        between: Between,
    ) -> Result<(), StoreError> {
        self.send_on(transaction, group, &Forwarded::Between(between))
    }

    /// Another engine has asked or answered.
    pub(super) fn between_arrived(
        &mut self,
        delivery: &Delivery,
        between: Between,
    ) -> Result<(), StoreError> {
        match between {
            Between::Asking(Asked::Question(question)) => self.question_arrived(delivery, question),
            Between::Asking(asked) => {
                let shard = self.some_shard();
                let transaction = Transaction::acknowledging(shard, delivery.handle);
                self.finish(self.then_taken(transaction, asked))
            }
            Between::BulkOrder(ordered) => self.bulk_order_arrived(delivery, ordered),
            Between::BulkNews {
                job,
                place,
                outcome,
            } => self.bulk_news_arrived(delivery, (job, place), outcome),
        }
    }

    /// Who asks or answers takes it once the transaction is durable.
    fn then_taken(&self, mut transaction: Transaction, asked: Asked) -> Transaction {
        let told = Told::Asked(self.shared.asking.clone(), asked);
        transaction.after.told.push(told);
        transaction
    }

    /// A question is remembered before it is carried out, whatever repeats its message.
    fn question_arrived(
        &mut self,
        delivery: &Delivery,
        question: Question,
    ) -> Result<(), StoreError> {
        let group = ShardGroup::new(question.group);
        let group = group.filter(|group| self.shared.config.sharing.groups().contains(*group));
        let Some(shard) = group.map(ShardGroup::first) else {
            // Somebody has put a copy into another group's queue.
            let transaction = Transaction::acknowledging(self.some_shard(), delivery.handle);
            return self.finish(transaction);
        };
        let mut transaction = Transaction::acknowledging(shard, delivery.handle);
        let number = question.number.to_be_bytes();
        let seen = identity::seen(&self.shared.secret, shard, "question", &[&number]);
        if self.seen_before(&seen)?.is_none() {
            self.remember(&mut transaction, Some(seen), None)?;
            transaction = self.then_taken(transaction, Asked::Question(question));
        }
        self.finish(transaction)
    }

    fn send_on(
        &self,
        transaction: &mut Transaction,
        group: ShardGroup,
        forwarded: &Forwarded,
    ) -> Result<(), StoreError> {
        let Some(queue) = self.shared.config.sharing.queue_of(group) else {
            return Ok(());
        };
        let content = records::encode(forwarded)?;
        let router = &self.shared.router;
        let body = [&router.signature(&content)[..], &content].concat();
        let key = self.own_key(transaction.shard, OutboxKind::Forward);
        transaction.publish(
            key,
            Outgoing {
                exchange: String::new(),
                routing_key: queue,
                mandatory: Mandatory::Yes,
                properties: Properties::persistent(FORWARD_TYPE),
                body,
            },
        );
        Ok(())
    }
}
