//! Draining the outbox: publish, and trim what was confirmed and not returned.

use super::Shard;
use crate::{
    broker::{PublishOutcome, Ticket},
    outbox::Notice,
    planted::{Fault, planted},
};
use bureaucrat_store::{
    StoreError, Table,
    keys::{OutboxKey, OutboxKind},
    reading::scan_all,
    records,
};
use bureaucrat_wire::Outgoing;

impl Shard {
    /// Reads the outbox of an earlier run: what is to be published, and calls whose child was not started.
    pub(super) fn read_outbox(&mut self) -> Result<(), StoreError> {
        let (from, to) = self.range();
        for kind in OutboxKind::ALL {
            let bound = |end: &[u8]| [&[kind as u8], end].concat();
            for key in self.outbox_scan(&bound(&from), &bound(&to))? {
                match key.kind {
                    OutboxKind::Call if planted(Fault::CallForgottenAtStart) => {}
                    OutboxKind::Call => self.restart_call(key)?,
                    OutboxKind::Task
                    | OutboxKind::Reply
                    | OutboxKind::Notice
                    | OutboxKind::DeadLetter => {
                        let tenants = &self.shared.tenants;
                        let account = tenants.account_of(&*self.shared.store, key.process)?;
                        self.outbox.insert(key, None, account);
                    }
                }
            }
        }
        Ok(())
    }

    fn outbox_scan(&self, from: &[u8], to: &[u8]) -> Result<Vec<OutboxKey>, StoreError> {
        let mut found = Vec::new();
        let damages = &self.shared.damages;
        let store = &*self.shared.store;
        let gaps = scan_all(store, Table::Outbox, from, to, |key, _| {
            match OutboxKey::from_bytes(&key) {
                Ok(key) => found.push(key),
                Err(_) => damages.note_key(Table::Outbox, &key),
            }
            Ok(())
        })?;
        damages.note_gaps(Table::Outbox, &gaps);
        Ok(found)
    }

    /// Publishes what the window allows.
    pub(super) fn drain(&mut self) -> Result<(), StoreError> {
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
                if planted(Fault::TrimOnPublish) {
                    self.trim(Some(key));
                }
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

    pub(super) fn published(&mut self, ticket: Ticket, outcome: PublishOutcome) {
        let is_taken_for_confirmed = match &outcome {
            PublishOutcome::Confirmed => false,
            PublishOutcome::Unroutable
            | PublishOutcome::Refused(_)
            | PublishOutcome::Unsendable(_) => planted(Fault::TrimOnReturn),
            PublishOutcome::Lost => planted(Fault::TrimOnLoss),
        };
        let outcome = if is_taken_for_confirmed {
            PublishOutcome::Confirmed
        } else {
            outcome
        };
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
            PublishOutcome::Refused(reason) | PublishOutcome::Unsendable(reason) => {
                self.refused(ticket, &reason);
            }
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
            if self.trims.is_empty() {
                self.trims_since = self.now();
            }
            self.trims.push(key);
        }
    }
}
