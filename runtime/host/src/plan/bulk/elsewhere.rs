//! Processes of a bulk job that another engine has: that engine gets the order, writes what became of it in the commit of the
//! order, and tells this one.
//!
//! An order that comes again is not carried out again, since its outcome is there; that is told again. So a job that continues
//! after a restart sends again what it does not know the outcome of.

use crate::{
    broker::Delivery,
    open::identity,
    operate::{
        asking::{Between, BulkOrdered},
        bulk::{BulkOutcome, BulkOutcomeRecord},
        commands::{Bulk, Command},
        query::Place,
    },
    plan::{
        Planner,
        bulk::{BulkNews, Running},
        transaction::{Transaction, Work},
    },
    sharing::Sharing,
};
use bureaucrat_model::{Initiator, ShardGroup};
use bureaucrat_store::{StoreError, Table, keys, records};
use std::sync::Arc;

impl Planner {
    /// Sends an order of a job to the engine that has the process.
    pub(super) fn order_elsewhere(
        &mut self,
        job: u64,
        running: &Running,
        place: Place,
    ) -> Result<(), StoreError> {
        let group = place.process.shard().group();
        let mut transaction = Transaction::new(ShardGroup::COMMON.first());
        let ordered = Between::BulkOrder(BulkOrdered {
            job,
            place,
            by: running.record.by.clone(),
            order: running.record.order.clone(),
            wanted: running.record.wanted.clone(),
        });
        self.send_between(&mut transaction, group, ordered)?;
        self.finish(transaction)
    }

    /// An order of a job that another engine carries on.
    pub(crate) fn bulk_order_arrived(
        &mut self,
        delivery: &Delivery,
        ordered: BulkOrdered,
    ) -> Result<(), StoreError> {
        let BulkOrdered {
            job,
            place,
            by,
            order,
            wanted,
        } = ordered;
        let process = place.process;
        let mut transaction = Transaction::acknowledging(process.shard(), delivery.handle);
        match (serde_json::from_str(&order), serde_json::from_str(&wanted)) {
            (Ok(order), Ok(wanted)) => {
                let bulk = Bulk {
                    job,
                    place,
                    wanted: Arc::new(wanted),
                };
                let command = Command::bulk(process, order, Initiator::Operator(by), bulk);
                let work = Work::Order(Box::new(command));
                self.begin(process, transaction.then(work))
            }
            _ => {
                let outcome = BulkOutcome::Refused(String::new());
                self.note_in_bulk(&mut transaction, (job, place), outcome)?;
                self.finish(transaction)
            }
        }
    }

    /// Whether a process has had the order of a job before; then what became of it is told again. Only where engines share can
    /// an order come twice: by a message, and by the job itself once the same engine carries that on.
    pub(in crate::plan) fn was_ordered(
        &self,
        transaction: &mut Transaction,
        (job, place): (u64, Place),
    ) -> Result<bool, StoreError> {
        if self.shared.config.sharing == Sharing::Alone
            || self.seen_before(&self.seen_in_bulk(job, place))?.is_none()
        {
            return Ok(false);
        }
        let (store, key) = (&*self.shared.store, keys::bulk_outcome(job, place));
        let known = records::read::<BulkOutcomeRecord>(store, Table::BulkOutcomes, &key)?;
        // One that is not durable yet is told once it is.
        if let Some(known) = known {
            self.tell_of_bulk(transaction, (job, place), known.outcome)?;
        }
        Ok(true)
    }

    /// A process has had the order of a job.
    pub(super) fn remember_in_bulk(
        &mut self,
        transaction: &mut Transaction,
        (job, place): (u64, Place),
    ) -> Result<(), StoreError> {
        match self.shared.config.sharing {
            Sharing::Alone => Ok(()),
            Sharing::Shared(_) => {
                let seen = self.seen_in_bulk(job, place);
                self.remember(transaction, Some(seen), None)
            }
        }
    }

    fn seen_in_bulk(&self, job: u64, place: Place) -> [u8; 32] {
        let parts = [&job.to_be_bytes()[..], place.process.as_bytes()];
        identity::seen(&self.shared.secret, place.process.shard(), "bulk", &parts)
    }

    /// Tells the engine that carries a job on what became of a process.
    pub(super) fn tell_of_bulk(
        &self,
        transaction: &mut Transaction,
        (job, place): (u64, Place),
        outcome: BulkOutcome,
    ) -> Result<(), StoreError> {
        if self.shared.config.sharing.has_common() {
            let outcome = Some((place, outcome));
            transaction.after.bulk.push(BulkNews { job, outcome });
            return Ok(());
        }
        let news = Between::BulkNews {
            job,
            place,
            outcome,
        };
        self.send_between(transaction, ShardGroup::COMMON, news)
    }

    /// Another engine tells what became of a process of a job.
    pub(crate) fn bulk_news_arrived(
        &mut self,
        delivery: &Delivery,
        (job, place): (u64, Place),
        outcome: BulkOutcome,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::acknowledging(self.some_shard(), delivery.handle);
        let outcome = Some((place, outcome));
        transaction.after.bulk.push(BulkNews { job, outcome });
        self.finish(transaction)
    }
}
