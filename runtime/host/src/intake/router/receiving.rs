//! What the broker reports, as the driver takes it.

use super::{Arrival, Incoming, Router};
use crate::{
    broker::{BrokerEvent, BrokerEvents, Delivery, Sender, Way},
    intake::forwarded::{Forwarded, content_of, is_forward, source_of},
    open::identity,
    operate::asking::Asked,
};
use bureaucrat_model::{ShardGroup, ShardId};
use bureaucrat_store::{Table, records};
use bureaucrat_wire::{Unreadable, failure_details};
use std::sync::atomic::Ordering;

impl Router {
    /// Whether this engine has consumed from its queues since it started. Until then another engine may be using them, and
    /// would get the answers to what this one sends.
    pub fn is_active(&self) -> bool {
        self.is_active.load(Ordering::Acquire)
    }
}

impl Router {
    /// What another engine has forwarded, and what it is for.
    fn forwarded(&self, mut delivery: Delivery) -> (Delivery, Arrival) {
        let unreadable = Arrival::Unreadable(Unreadable::Forward);
        let Some((signature, content)) = content_of(&delivery.body) else {
            return (delivery, unreadable);
        };
        // Compared as a whole: how long it takes says nothing about a signature that nobody has.
        if self.signature(content) != *signature {
            return (delivery, unreadable);
        }
        // It is stored nowhere under a key; the outbox of its sender has it as a message.
        match records::decode(Table::Outbox, &[], content) {
            Ok(Forwarded::Message {
                source,
                shard,
                properties,
                body,
                receipts,
            }) => {
                let Some(source) = source_of(source) else {
                    return (delivery, unreadable);
                };
                delivery.handle.source = source;
                delivery.properties = properties;
                delivery.body = body.into_vec();
                delivery.shard = shard.map(ShardId);
                if let Some((number, asker)) = receipts {
                    delivery.sender = self.receipts(number, asker);
                }
                let arrival = self.arrival(&delivery);
                (delivery, arrival)
            }
            Ok(Forwarded::Event {
                group,
                origin: (shard, sequence),
                part,
            }) => {
                let Some(group) = ShardGroup::new(group) else {
                    return (delivery, unreadable);
                };
                let place = [&[group.number(), shard][..], &sequence.to_be_bytes()].concat();
                let shard = group.first();
                let seen = identity::seen(&self.secret, shard, "part", &[&place]);
                let part = Box::new(part);
                (delivery, Arrival::EventPart { shard, part, seen })
            }
            Ok(Forwarded::Between(between)) => (delivery, Arrival::Between(Box::new(between))),
            Err(_) => (delivery, unreadable),
        }
    }

    /// Sends the receipts of a message to the engine at which it was handed in.
    fn receipts(&self, number: u64, asker: u8) -> Sender {
        let (inputs, group) = (self.sender.clone(), ShardGroup::new(asker));
        Sender::new(move |receipt| {
            let (Some(group), Ok(receipt)) = (group, serde_json::to_string(&receipt)) else {
                return;
            };
            let asked = Box::new(Asked::Receipt { number, receipt });
            let _ = inputs.send(Incoming::SentOn { group, asked });
        })
    }
}

impl BrokerEvents for Router {
    fn receive(&self, event: BrokerEvent) {
        self.send(match event {
            BrokerEvent::Delivered(delivery) => {
                let (delivery, arrival) = match delivery.handle.way {
                    Way::Forwarded if is_forward(&delivery) => self.forwarded(delivery),
                    // Results of calls come to the queue of the caller's group.
                    Way::Forwarded | Way::Own => {
                        let arrival = self.arrival(&delivery);
                        (delivery, arrival)
                    }
                };
                Incoming::Arrived { delivery, arrival }
            }
            BrokerEvent::TaskEvents(body) => {
                let explained = failure_details(&body, &self.config.wire_limits);
                if explained.is_empty() {
                    return;
                }
                Incoming::Explained(explained)
            }
            BrokerEvent::Published { ticket, outcome } => Incoming::Published { ticket, outcome },
            BrokerEvent::PublishingUp => Incoming::PublishingUp,
            BrokerEvent::PublishingDown => Incoming::PublishingDown,
            BrokerEvent::ConsumingUp {
                generation,
                waiting,
            } => {
                self.is_active.store(true, Ordering::Release);
                Incoming::ConsumingUp {
                    generation,
                    waiting,
                }
            }
            BrokerEvent::ConsumingDown { generation } => Incoming::ConsumingDown { generation },
        });
    }
}
