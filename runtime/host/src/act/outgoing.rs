//! Sends the outbox: publishes, removes what was confirmed and not returned, sets aside what no
//! queue takes.

use super::{
    Actor,
    aside::{Gone, Moved},
    outbox::{Landed, Place, RowGone},
    troubles::{Destination, News, Next, Reason},
};
use crate::broker::{PublishOutcome, Ticket};
use bureaucrat_model::Timestamp;
use bureaucrat_store::{
    StoreError, Table,
    keys::{DestinationHash, OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::{Outgoing, without_expiry};

/// Rows of the index per read.
const PORTION: usize = 64;

/// Index entries examined per try. Entries of withdrawn messages are skipped.
const TRIED: usize = 256;

/// What a process must know of a message that it sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForProcess {
    /// The broker does not take it.
    Unsendable { key: OutboxKey, words: String },
    /// A task has left that had waited for a connection.
    Delayed { key: OutboxKey, until: Timestamp },
}

impl Actor {
    /// Publishes what the windows allow: first what can be sent, then what was set aside for
    /// destinations that work again.
    pub(crate) fn drain(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        while !self.aside.is_full()
            && let Some((key, message)) = self.outbox.next()
        {
            let message = match message {
                Some(message) => Some(message),
                None => self.stored_message(Table::Outbox, key)?,
            };
            let Some(mut message) = message else {
                self.outbox.withdraw(key);
                continue;
            };
            if self.outbox.is_delayed(key) {
                without_expiry(&mut message.properties);
            }
            match self.outbox.take_ticket(key, &message, now) {
                Ok(ticket) => self.shared.broker.publish(ticket, message),
                Err(hash) => self.aside.add(Moved::of(key, hash, &message)),
            }
        }
        self.try_destinations()?;
        self.serve_destinations()
    }

    /// Tries each failing destination whose time has come, with the first message that was set
    /// aside for it.
    fn try_destinations(&mut self) -> Result<(), StoreError> {
        while self.outbox.is_open() {
            let now = self.now();
            let Some((destination, hash)) = self.outbox.troubles.due(now) else {
                break;
            };
            let mut from = None;
            for _ in 0..TRIED {
                let keys = self.aside_of(hash, from, 1)?;
                let Some(key) = keys.first().copied() else {
                    // A row that is being sent still has its entry: look again later.
                    if from.is_none()
                        && self.outbox.troubles.nothing_to_try(&destination, now) == News::Ended
                    {
                        tracing::info!(
                            exchange = destination.0,
                            routing_key = destination.1,
                            "no message waits for this destination any longer"
                        );
                    }
                    break;
                };
                if self.publish_aside(&destination, hash, key)? {
                    break;
                }
                from = Some(key);
            }
            self.outbox.troubles.was_not_tried(&destination, now);
        }
        Ok(())
    }

    /// Serves destinations that take messages again, in turn.
    fn serve_destinations(&mut self) -> Result<(), StoreError> {
        let mut idle = 0;
        while self.outbox.is_open() && idle < self.outbox.troubles.served() {
            let Some((destination, hash, next)) = self.outbox.troubles.serve() else {
                break;
            };
            idle += 1;
            match next {
                Next::Publish(key) => {
                    self.publish_aside(&destination, hash, key)?;
                    idle = 0;
                }
                Next::Read(from) => {
                    let keys = self.aside_of(hash, from, PORTION)?;
                    if !keys.is_empty() {
                        idle = 0;
                    }
                    if self.outbox.troubles.read(&destination, keys) == News::Ended {
                        tracing::info!(
                            exchange = destination.0,
                            routing_key = destination.1,
                            "messages are delivered again; all that waited have been sent"
                        );
                    }
                }
                Next::Nothing => {}
            }
        }
        Ok(())
    }

    /// What waits for a destination: other engines have what is in other groups.
    fn aside_of(
        &self,
        hash: DestinationHash,
        from: Option<OutboxKey>,
        limit: usize,
    ) -> Result<Vec<OutboxKey>, StoreError> {
        let groups = self.shared.config.sharing.groups();
        let store = &*self.shared.store;
        self.aside.index(store, groups, hash, from, limit)
    }

    /// Publishes a message that was set aside; returns false if it is gone.
    fn publish_aside(
        &mut self,
        destination: &Destination,
        hash: DestinationHash,
        key: OutboxKey,
    ) -> Result<bool, StoreError> {
        if self.outbox.troubles.is_leaving(key) {
            return Ok(false);
        }
        let Some(message) = self.stored_message(Table::Aside, key)? else {
            // It was withdrawn; update the index now.
            self.outbox.troubles.gone(destination, key, 0);
            self.trim(key, Place::Aside(hash));
            return Ok(false);
        };
        let ticket = self.outbox.take_ticket_aside(key, &message, hash);
        self.shared.broker.publish(ticket, message);
        Ok(true)
    }

    /// The message of a row. `None` if it is gone or damaged; a damaged one stays where it is, and
    /// its process is an incident.
    fn stored_message(&self, table: Table, key: OutboxKey) -> Result<Option<Outgoing>, StoreError> {
        let bytes = key.to_bytes();
        let message = records::read(&*self.shared.store, table, &bytes);
        let message = self.shared.damages.around(Some(key.process), message)?;
        Ok(message.flatten())
    }

    /// Takes the outcome of a publish. Returns what its process must know.
    pub(crate) fn published(
        &mut self,
        ticket: Ticket,
        outcome: PublishOutcome,
    ) -> Option<ForProcess> {
        let now = self.now();
        match outcome {
            PublishOutcome::Confirmed => {
                let landed = self.outbox.confirmed(ticket)?;
                self.settle(&landed);
                let is_delayed = landed.row == Some(RowGone::Delayed);
                is_delayed.then_some(ForProcess::Delayed {
                    key: landed.key,
                    until: now,
                })
            }
            PublishOutcome::Unroutable => self.not_taken(ticket, &Reason::NoQueue),
            PublishOutcome::Refused(words) => self.not_taken(ticket, &Reason::Refused { words }),
            PublishOutcome::Unsendable(words) => self.unsendable(ticket, words),
            PublishOutcome::Lost => {
                self.outbox.lost(ticket, now);
                None
            }
        }
    }

    fn not_taken(&mut self, ticket: Ticket, reason: &Reason) -> Option<ForProcess> {
        if self.outbox.kind_of(ticket)? == OutboxKind::Message {
            return self.unsendable(ticket, reason.to_string());
        }
        let landed = self.outbox.refused(ticket, reason, self.now())?;
        self.refused(&landed, &reason.to_string());
        None
    }

    fn refused(&mut self, landed: &Landed, reason: &str) {
        let (exchange, routing_key) = &landed.destination;
        match landed.key.kind {
            OutboxKind::Reply
            | OutboxKind::Notice
            | OutboxKind::Withdrawal
            | OutboxKind::Revocation
            | OutboxKind::Message => tracing::debug!(
                exchange,
                routing_key,
                reason,
                "a message about a process could not be delivered"
            ),
            OutboxKind::Task
            | OutboxKind::DeadLetter
            | OutboxKind::Resent
            | OutboxKind::Forward
            | OutboxKind::Call => {
                if landed.news == News::Began {
                    tracing::warn!(
                        exchange,
                        routing_key,
                        process = %landed.key.process,
                        reason,
                        "messages can't be delivered; the engine keeps them and tries again"
                    );
                }
            }
        }
        self.settle(landed);
    }

    /// The broker never takes this message. A task's activity fails; a dead letter stays in the
    /// outbox, whole, and the next start tries it again.
    fn unsendable(&mut self, ticket: Ticket, words: String) -> Option<ForProcess> {
        let now = self.now();
        match self.outbox.kind_of(ticket)? {
            OutboxKind::Task | OutboxKind::Message => {
                let key = self.outbox.unsendable(ticket, now)?;
                Some(ForProcess::Unsendable { key, words })
            }
            OutboxKind::DeadLetter | OutboxKind::Resent | OutboxKind::Forward => {
                self.outbox.unsendable(ticket, now);
                tracing::error!(
                    reason = words,
                    "the broker does not accept a dead letter or a forwarded message; it stays in the storage until the \
                     next start, which tries again"
                );
                None
            }
            OutboxKind::Reply
            | OutboxKind::Notice
            | OutboxKind::Withdrawal
            | OutboxKind::Revocation
            | OutboxKind::Call => {
                let landed = self.outbox.left(ticket)?;
                self.refused(&landed, &words);
                None
            }
        }
    }

    fn settle(&mut self, landed: &Landed) {
        match landed.row {
            Some(RowGone::Left) => self.trim(landed.key, landed.place),
            Some(RowGone::SetAside(hash)) => self.aside.add(Moved {
                key: landed.key,
                hash,
                destination: landed.destination.clone(),
            }),
            Some(RowGone::Stays | RowGone::Delayed) | None => {}
        }
    }

    fn trim(&mut self, key: OutboxKey, place: Place) {
        let now = self.now();
        self.trims.add(Gone { key, place }, now);
    }
}
