//! Acts on what is durable: acknowledgements, publishes, timers.
//!
//! Nothing here decides what a process does; it carries out plans once their tickets have come
//! back.

pub mod aside;
mod landing;
mod lane;
pub mod outbox;
pub(crate) mod outgoing;
mod removals;
pub mod standing;
pub mod timers;
mod trims;
pub mod troubles;

use crate::{
    commit::{Durable, Plan},
    operate::Told,
    plan::transaction::{After, Publish, Unneeded},
    shared::Shared,
    tenants::AccountOf,
};
use aside::{Gone, SettingAside};
use bureaucrat_model::{ProcessId, ShardId, Timestamp};
use bureaucrat_store::{Epoch, Owner, StoreError, Table, Write, keys::OutboxKey, records};
use outbox::{Outbox, Place, Reach, Withdrawn};
use removals::Removals;
use std::{collections::BTreeMap, sync::Arc};
use timers::{Timers, WaitKey};
use trims::Trims;

/// Sends what leaves the engine, and keeps its timers.
pub struct Actor {
    shared: Arc<Shared>,
    pub(crate) outbox: Outbox,
    pub(crate) trims: Trims,
    pub(crate) aside: SettingAside,
    pub(crate) timers: Timers,
    pub(crate) removals: Removals,
}

impl Actor {
    pub fn new(shared: Arc<Shared>, fired: Timestamp) -> Self {
        let in_flight = shared.config.publishes_in_flight;
        Self {
            outbox: Outbox::new(in_flight, shared.large.clone(), shared.full.clone()),
            trims: Trims::default(),
            aside: SettingAside::default(),
            timers: Timers::new(fired, shared.config.sharing.groups()),
            removals: Removals::default(),
            shared,
        }
    }

    /// Adds the rows of a plan's messages before it is submitted, and notes what is being sent.
    ///
    /// # Errors
    /// If a message cannot be encoded.
    pub fn plan(
        &mut self,
        plan: &mut Plan,
        withdrawn: Vec<Unneeded>,
        account: impl Fn(ProcessId) -> AccountOf,
    ) -> Result<(), StoreError> {
        for unneeded in withdrawn {
            self.withdraw(plan, unneeded)?;
        }
        let now = self.now();
        for publish in &mut plan.after.publish {
            let (key, message) = (publish.key, &publish.message);
            // A task that is sent again before it has left leaves once.
            if self.outbox.has(key) {
                continue;
            }
            let value = records::encode(message)?;
            publish.place = self.outbox.plan(key, message, account(key.process), now);
            self.trims.keep(Gone {
                key,
                place: publish.place,
            });
            match publish.place {
                Place::Outbox => plan.unit.writes.push(Write::Put {
                    table: Table::Outbox,
                    key: key.to_bytes(),
                    value,
                }),
                Place::Aside(hash) => {
                    let (exchange, routing_key) = (&message.exchange, &message.routing_key);
                    let rows = aside::rows(key, hash, exchange, routing_key, value)?;
                    plan.unit.writes.extend(rows);
                }
            }
        }
        for (due, wait) in &plan.after.timers {
            self.timers.plan(*due, *wait);
        }
        Ok(())
    }

    /// Removes a row that is no longer needed, and tells the participant that may have got its
    /// message.
    fn withdraw(&mut self, plan: &mut Plan, unneeded: Unneeded) -> Result<(), StoreError> {
        let Unneeded { key, tell } = unneeded;
        if !tell.is_empty() && self.may_have_left(key)? {
            let publishes = tell.into_iter().map(|(key, message)| Publish {
                key,
                message,
                place: Place::Outbox,
            });
            plan.after.publish.extend(publishes);
        }
        match self.outbox.withdraw(key) {
            Withdrawn::Row(place) => {
                plan.unit.writes.extend(Gone { key, place }.writes());
                plan.after.left.push(key);
            }
            // A row that is about to be set aside is still in the outbox's table.
            Withdrawn::Perhaps => {
                self.aside.withdraw(key);
                plan.after.left.push(key);
                for table in [Table::Aside, Table::Outbox] {
                    let key = key.to_bytes();
                    plan.unit.writes.push(Write::Delete { table, key });
                }
            }
            Withdrawn::Nothing => {}
        }
        Ok(())
    }

    /// Whether the broker may have a message. What was set aside was returned, or never tried. While
    /// that is not durable, it counts as sent: a notice too many does no harm.
    fn may_have_left(&self, key: OutboxKey) -> Result<bool, StoreError> {
        match self.outbox.reach(key) {
            Reach::Here => Ok(false),
            Reach::Perhaps => Ok(true),
            Reach::Aside => {
                let is_going = self.aside.destination_of(key).is_some();
                match self.shared.store.get(Table::Aside, &key.to_bytes()) {
                    Ok(row) => Ok(!is_going && row.is_none()),
                    Err(StoreError::Damaged { .. }) => Ok(false),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Does what follows from a durable plan, except for new work, which is left in it.
    pub fn act(&mut self, durable: &mut Durable) {
        let now = || self.shared.time.now();
        self.shared.meters.durable(&durable.after, now);
        let After {
            acknowledge,
            publish,
            moved,
            left,
            timers,
            stopped,
            uses,
            unused,
            told,
            ..
        } = &mut durable.after;
        for handle in acknowledge.drain(..) {
            self.shared.broker.acknowledge(handle);
        }
        for Publish {
            key,
            place,
            message,
        } in publish.drain(..)
        {
            self.outbox.activate(key, place, message);
        }
        for key in left.drain(..) {
            self.outbox.troubles.left(key);
        }
        for moved in moved.drain(..) {
            self.outbox.troubles.durable(&moved);
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
        told.drain(..).for_each(Told::tell);
    }

    /// The plans that set rows aside and delete finished ones, one plan per shard.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn tidy(&mut self) -> Result<Vec<Plan>, StoreError> {
        let epoch = self.shared.epoch;
        let mut plans: BTreeMap<ShardId, Plan> = BTreeMap::new();
        for moved in self.aside.take() {
            let writes = SettingAside::writes(&*self.shared.store, &moved)?;
            let plan = plan_of(&mut plans, moved.key, epoch);
            plan.unit.writes.extend(writes);
            plan.after.moved.push(moved.destination);
        }
        for gone in self.trims.take() {
            let plan = plan_of(&mut plans, gone.key, epoch);
            plan.unit.writes.extend(gone.writes());
            plan.after.left.push(gone.key);
        }
        Ok(plans.into_values().collect())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.time.now()
    }
}

/// A timer that is due.
pub type Due = (Timestamp, WaitKey);

/// The plan of a row's shard.
fn plan_of(plans: &mut BTreeMap<ShardId, Plan>, key: OutboxKey, epoch: Epoch) -> &mut Plan {
    let shard = key.process.shard();
    let empty = || Plan::empty(Owner::Shard(shard, epoch));
    plans.entry(shard).or_insert_with(empty)
}
