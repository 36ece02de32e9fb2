//! What a turn takes in, and what has to wait: for room in the outbox, for the next commit, or, if it is large, for others like
//! it. What waits is kept here, unacknowledged; the broker's side bounds how much that can be.

use super::{Shard, Stopping};
use crate::{
    outbox::{Outbox, Publishing},
    planted::{Fault, planted},
    router::ShardInput,
};
use bureaucrat_store::StoreError;

impl Shard {
    pub(super) fn take(&mut self, input: ShardInput) -> Result<(), StoreError> {
        match input {
            ShardInput::Arrived { .. } if self.is_full() => {
                if !planted(Fault::HeldBackDropped) {
                    self.held_back.push_back(input);
                }
                Ok(())
            }
            ShardInput::Arrived { delivery, arrival } => {
                if self.shared.large.concerns(delivery.body.len()) {
                    self.large.push_back((delivery, arrival));
                    return Ok(());
                }
                self.arrived(delivery, arrival)
            }
            ShardInput::ConsumingDown { .. } => Ok(()),
            ShardInput::Published { ticket, outcome } => {
                self.published(ticket, outcome);
                Ok(())
            }
            ShardInput::PublishingUp => {
                self.outbox.set_publishing(Publishing::Up);
                Ok(())
            }
            ShardInput::PublishingDown => {
                if planted(Fault::ForgetOutboxOnReconnect) {
                    let in_flight = self.shared.config.publishes_in_flight;
                    self.outbox = Outbox::new(self.id, in_flight, self.shared.large.clone());
                }
                self.outbox.set_publishing(Publishing::Down);
                Ok(())
            }
            ShardInput::Done { job, outcome } => {
                self.done(job, outcome)?;
                self.handout_is_blocked().map(|_| ())
            }
            ShardInput::HandOut(handout) => {
                self.handouts.push_back(handout);
                Ok(())
            }
            ShardInput::Ordered(command) => self.ordered(command),
            ShardInput::Stop => {
                if self.stopping == Stopping::No {
                    self.stopping = Stopping::Yes { since: self.now() };
                }
                Ok(())
            }
        }
    }

    /// Whether the outbox holds so much that nothing more is taken in.
    pub(super) fn is_full(&self) -> bool {
        self.outbox.len() >= self.shared.config.outbox_rows
    }

    pub(super) fn can_unhold(&self) -> bool {
        !self.held_back.is_empty() && !self.is_full() && !self.has_much()
    }

    /// Whether there is so much to write that it goes before anything more is taken.
    pub(super) fn has_much(&self) -> bool {
        self.finished_bytes >= self.shared.config.group_bytes
    }

    pub(super) fn unhold(&mut self) -> Result<(), StoreError> {
        while self.can_unhold() {
            let Some(input) = self.held_back.pop_front() else {
                break;
            };
            self.take(input)?;
        }
        Ok(())
    }

    /// Takes large messages as long as there is room; returns how many.
    pub(super) fn serve_large(&mut self) -> Result<usize, StoreError> {
        let mut served = 0;
        while !self.is_full() && !self.has_much() && self.shared.large.has_room() {
            let Some((delivery, arrival)) = self.large.pop_front() else {
                break;
            };
            let claim = self.shared.large.claim(delivery.body.len());
            self.large_in_turn.push(claim);
            self.arrived(delivery, arrival)?;
            served += 1;
        }
        Ok(served)
    }
}
