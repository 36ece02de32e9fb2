//! A process of a bulk job, when its turn has come.

use crate::{
    operate::{
        bulk::{BulkOutcome, BulkOutcomeRecord},
        listing,
        query::{Place, Wanted},
        questions::{Whole, state_of},
    },
    plan::{Planner, transaction::Transaction},
};
use bureaucrat_model::{FiberState, Instance, OpIndex};
use bureaucrat_store::{StoreError, Table, keys, records};

impl Planner {
    /// Whether a process is still as a job wants it.
    pub(in crate::plan) fn is_wanted(
        &self,
        wanted: &Wanted,
        instance: &Instance,
    ) -> Result<bool, StoreError> {
        if !wanted.has(state_of(instance)) {
            return Ok(false);
        }
        let fibers = instance.fibers.iter();
        let fibers: Vec<(OpIndex, &FiberState)> =
            fibers.map(|(_, fiber)| (fiber.at, &fiber.state)).collect();
        let whole = Whole {
            head: instance.head(),
            fibers,
            is_cut: false,
        };
        listing::fits(&self.shared.asked(), wanted, &whole)
    }

    /// Writes what became of a process of a job.
    pub(in crate::plan) fn note_in_bulk(
        &mut self,
        transaction: &mut Transaction,
        (job, place): (u64, Place),
        outcome: BulkOutcome,
    ) -> Result<(), StoreError> {
        let record = BulkOutcomeRecord {
            at: self.now(),
            outcome: outcome.clone(),
        };
        let key = keys::bulk_outcome(job, place);
        transaction.put(Table::BulkOutcomes, key, records::encode(&record)?);
        self.remember_in_bulk(transaction, (job, place))?;
        self.tell_of_bulk(transaction, (job, place), outcome)
    }
}
