//! What the broker reports, as the driver takes it.

use super::{Incoming, Router};
use crate::broker::{BrokerEvent, BrokerEvents};
use bureaucrat_wire::failure_details;
use std::sync::atomic::Ordering;

impl Router {
    /// Whether this engine has consumed from its queues since it started. Until then another engine may be using them, and
    /// would get the answers to what this one sends.
    pub fn is_active(&self) -> bool {
        self.is_active.load(Ordering::Acquire)
    }
}

impl BrokerEvents for Router {
    fn receive(&self, event: BrokerEvent) {
        self.send(match event {
            BrokerEvent::Delivered(delivery) => {
                let arrival = self.arrival(&delivery);
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
