//! Commits: plans go in, all waiting ones are written with one sync, and outcomes come back in
//! order.
//!
//! `Pipeline` is the planner's side: it numbers submissions and keeps what follows from them until
//! their tickets come back. [`Committer`] does the writing: the driver's own thread where the disk is
//! near, a thread of its own where it is not, a schedule in the simulation. All use [`write()`], so
//! batches are merged in the same way. Nothing of a plan is acted on before its ticket, and after a
//! failed commit nothing later succeeds, because the store refuses it.

mod inline;
mod pipeline;
mod thread;

pub(crate) use inline::Inline;
pub(crate) use pipeline::{Durable, Pipeline, Plan};
pub(crate) use thread::CommitThread;

use bureaucrat_store::{Group, Store, StoreError, Unit, Verdict};
use std::sync::Arc;

/// The number of a submission; submissions become durable in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitTicket(u64);

/// Units that were submitted together.
#[derive(Debug)]
pub struct Batch {
    ticket: CommitTicket,
    units: Vec<Unit>,
    bytes: usize,
}

/// The outcome of a batch: a verdict for each of its units.
#[derive(Debug)]
pub struct CommitOutcome {
    ticket: CommitTicket,
    verdicts: Result<Vec<Verdict>, StoreError>,
}

/// Takes batches and writes them in order.
pub trait Committer: Send + Sync {
    /// The outcome, if the batch is written at once; otherwise it arrives as an input of the driver.
    fn submit(&self, batch: Batch) -> Option<CommitOutcome>;
}

/// Bytes of batches that are written together.
const GROUP_BYTES: usize = 4 << 20;

/// How many of the waiting batches, oldest first, are written together.
pub fn together<'a>(waiting: impl IntoIterator<Item = &'a Batch>) -> usize {
    let mut bytes = 0;
    let fits = |batch: &&Batch| {
        let is_first = bytes == 0;
        bytes += batch.bytes.max(1);
        is_first || bytes <= GROUP_BYTES
    };
    waiting.into_iter().take_while(fits).count()
}

/// Writes batches with one sync. Returns the outcome of each.
pub fn write(store: &Arc<dyn Store>, batches: Vec<Batch>) -> Vec<CommitOutcome> {
    let mut group = Group::default();
    let mut tickets = Vec::with_capacity(batches.len());
    for batch in batches {
        tickets.push((batch.ticket, batch.units.len()));
        group.units.extend(batch.units);
    }
    let written = store.commit_whole(&group);
    let mut verdicts = written.map(Vec::into_iter);
    let outcome = |(ticket, units)| {
        let verdicts = match &mut verdicts {
            Ok(verdicts) => Ok(verdicts.by_ref().take(units).collect()),
            Err(error) => Err(error.clone()),
        };
        CommitOutcome { ticket, verdicts }
    };
    tickets.into_iter().map(outcome).collect()
}
