//! Draining the outbox: publish, and trim what was confirmed and not returned.

use super::{Actor, outbox::Notice};
use crate::broker::{PublishOutcome, Ticket};
use bureaucrat_store::{
    StoreError, Table,
    keys::{OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::Outgoing;

impl Actor {
    /// Publishes what the window allows.
    pub(crate) fn drain(&mut self) -> Result<(), StoreError> {
        while let Some((key, message)) = self.outbox.next() {
            let message = match message {
                Some(message) => message,
                None => match self.stored_message(key)? {
                    Some(message) => message,
                    None => {
                        self.outbox.withdraw(key);
                        continue;
                    }
                },
            };
            let destination = (message.exchange.clone(), message.routing_key.clone());
            let bytes = message.body.len();
            if let Some(ticket) = self.outbox.take_ticket(key, destination, bytes) {
                self.shared.broker.publish(ticket, message);
            }
        }
        Ok(())
    }

    /// The message of a row; none when it is gone, or damaged: then it stays where it is, and its process is an incident.
    fn stored_message(&self, key: OutboxKey) -> Result<Option<Outgoing>, StoreError> {
        let bytes = key.to_bytes();
        let message = records::read(&*self.shared.store, Table::Outbox, &bytes);
        let message = self.shared.damages.around(Some(key.process), message)?;
        Ok(message.flatten())
    }

    pub(crate) fn published(&mut self, ticket: Ticket, outcome: PublishOutcome) {
        match outcome {
            PublishOutcome::Confirmed => {
                let (row, notice, destination) = self.outbox.confirmed(ticket);
                self.trim(row);
                if let (Notice::TroubleEnded, Some((exchange, routing_key))) = (notice, destination)
                {
                    tracing::info!(
                        exchange,
                        routing_key,
                        "the destination takes messages again"
                    );
                }
            }
            PublishOutcome::Unroutable => self.refused(ticket, "no queue takes them"),
            PublishOutcome::Refused(reason) => self.refused(ticket, &reason),
            PublishOutcome::Lost => self.outbox.lost(ticket),
        }
    }

    fn refused(&mut self, ticket: Ticket, reason: &str) {
        let now = self.now();
        let (notice, row) = self.outbox.refused(ticket, now);
        let Some((key, (exchange, routing_key))) = row else {
            return;
        };
        match key.kind {
            // Nobody is there to be told any more: whoever gave the address has gone.
            OutboxKind::Reply | OutboxKind::Notice => {
                tracing::debug!(
                    exchange,
                    routing_key,
                    reason,
                    "a message about a process could not be delivered"
                );
                self.outbox.withdraw(key);
                self.trim(Some(key));
            }
            OutboxKind::Task | OutboxKind::DeadLetter | OutboxKind::Call => {
                if notice == Notice::TroubleBegan {
                    tracing::warn!(
                        exchange,
                        routing_key,
                        process = %key.process,
                        reason,
                        "messages can't be delivered; they stay in the outbox and are tried again"
                    );
                }
            }
        }
    }

    fn trim(&mut self, row: Option<OutboxKey>) {
        if let Some(key) = row {
            let now = self.now();
            self.trims.add(key, now);
        }
    }
}
