//! Acting on what is durable: acknowledgements, publishes, timers.
//!
//! Nothing here decides what a process does; it carries out what plans say, once their tickets have come back.

pub mod outbox;
mod outgoing;
mod removals;
pub mod timers;
mod trims;

use crate::{
    commit::{Durable, Plan},
    plan::transaction::After,
    shared::Shared,
    tenants::AccountOf,
};
use bureaucrat_model::{ProcessId, Timestamp};
use bureaucrat_store::{StoreError, Table, Write, keys::OutboxKey, records};
use outbox::Outbox;
use removals::Removals;
use std::sync::Arc;
use timers::{Timers, WaitKey};
use trims::Trims;

/// What leaves the engine, and what wakes it.
pub struct Actor {
    shared: Arc<Shared>,
    pub(crate) outbox: Outbox,
    pub(crate) trims: Trims,
    pub(crate) timers: Timers,
    pub(crate) removals: Removals,
}

impl Actor {
    pub fn new(shared: Arc<Shared>, fired: Timestamp) -> Self {
        let in_flight = shared.config.publishes_in_flight;
        Self {
            outbox: Outbox::new(in_flight, shared.large.clone()),
            trims: Trims::default(),
            timers: Timers::new(fired),
            removals: Removals::default(),
            shared,
        }
    }

    /// Completes a plan that is about to be submitted with the rows of its messages, and notes what is on its way.
    ///
    /// # Errors
    /// When a message can't be encoded.
    pub fn plan(
        &mut self,
        plan: &mut Plan,
        withdrawn: Vec<OutboxKey>,
        account: impl Fn(ProcessId) -> AccountOf,
    ) -> Result<(), StoreError> {
        for (key, message) in &plan.after.publish {
            let value = records::encode(message)?;
            self.outbox
                .plan(*key, message.body.len(), account(key.process));
            plan.unit.writes.push(Write::Put {
                table: Table::Outbox,
                key: key.to_bytes(),
                value,
            });
        }
        for key in withdrawn {
            if self.outbox.withdraw(key) {
                plan.unit.writes.push(Write::Delete {
                    table: Table::Outbox,
                    key: key.to_bytes(),
                });
            }
        }
        for (due, wait) in &plan.after.timers {
            self.timers.plan(*due, *wait);
        }
        Ok(())
    }

    /// Does what follows from a durable plan, but for what becomes new work; that is left in it.
    pub fn act(&mut self, durable: &mut Durable) {
        let After {
            acknowledge,
            publish,
            timers,
            stopped,
            uses,
            unused,
            answers,
            ..
        } = &mut durable.after;
        for handle in acknowledge.drain(..) {
            self.shared.broker.acknowledge(handle);
        }
        for (key, message) in publish.drain(..) {
            self.outbox.activate(key, message);
        }
        for (due, wait) in stopped.drain(..) {
            self.timers.remove(due, wait);
        }
        for (due, wait) in timers.drain(..) {
            self.timers.insert(due, wait);
        }
        for used in uses.drain(..) {
            used.keep();
        }
        for program in unused.drain(..) {
            self.shared.programs.end_use(program);
        }
        for (reply, outcome) in answers.drain(..) {
            // Whoever asked may have gone.
            let _ = reply.try_send(outcome);
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.time.now()
    }
}

/// A timer that is due.
pub type Due = (Timestamp, WaitKey);
