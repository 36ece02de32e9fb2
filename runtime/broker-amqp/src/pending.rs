//! A ticket that waits for its outcome.

use bureaucrat_host::broker::{BrokerEvent, BrokerEvents, PublishOutcome, Ticket};
use std::sync::Arc;

/// A ticket without an outcome. It gets exactly one: the one that it is settled with, or
/// [`PublishOutcome::Lost`] if it is dropped, wherever that happens.
pub(crate) struct Pending {
    ticket: Ticket,
    outcome: Option<PublishOutcome>,
    events: Arc<dyn BrokerEvents>,
}

impl Pending {
    pub fn new(ticket: Ticket, events: Arc<dyn BrokerEvents>) -> Self {
        Self {
            ticket,
            outcome: None,
            events,
        }
    }

    pub fn settle(mut self, outcome: PublishOutcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.events.receive(BrokerEvent::Published {
            ticket: self.ticket,
            outcome: self.outcome.take().unwrap_or(PublishOutcome::Lost),
        });
    }
}
