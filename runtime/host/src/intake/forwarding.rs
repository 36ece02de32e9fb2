//! Messages that another engine has to take, because the shard that they concern is that engine's.
//!
//! They are sent to the queue of the shard's group through the outbox: so they are acknowledged once they are durable here,
//! and leave once the broker has confirmed them. Turns and message ids make repeats harmless. What is forwarded is signed
//! with the storage's secret, because it names the user whom the broker has checked.

use super::{
    cancelling::is_cancel,
    deploying::is_definition,
    forwarded::{FORWARD_TYPE, Forwarded, number_of},
    launching::LaunchInHand,
    modules::is_module,
    router::Arrival,
};
use crate::{
    broker::Delivery,
    operate::handing_in::Receipt,
    plan::{Planner, events::EventRecord, transaction::Transaction},
};
use bureaucrat_model::{ProcessId, ShardGroup, ShardId};
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
            Arrival::Packed(_) | Arrival::Unreadable(_) => return None,
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
        if delivery.sender.waits() {
            let reason = format!(
                "another engine has what this concerns (group {group} of the shards): send it through the broker"
            );
            transaction.tell(delivery, Receipt::rejected(&[reason]));
            return Ok(());
        }
        let forwarded = Forwarded::Message {
            source: number_of(delivery.handle.source),
            shard: shard.or(delivery.shard).map(|shard| shard.0),
            properties: delivery.properties.clone(),
            body: ByteBuf::from(body),
        };
        self.send_on(transaction, group, &forwarded)
    }

    /// Sends an event on for the waits of a group.
    pub(crate) fn forward_event(
        &mut self,
        transaction: &mut Transaction,
        group: ShardGroup,
        sequence: u64,
        event: EventRecord,
    ) -> Result<(), StoreError> {
        let forwarded = Forwarded::Event {
            group: group.number(),
            origin: (transaction.shard.0, sequence),
            event,
        };
        self.send_on(transaction, group, &forwarded)
    }

    fn send_on(
        &mut self,
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
