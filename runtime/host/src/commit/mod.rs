//! Commits: plans go in, one write and one sync are made of all that wait, outcomes come back in order.
//!
//! `Pipeline` is the planner's side: it numbers what is submitted and keeps what follows until its ticket comes back.
//! [`Committer`] is the seam to whatever writes: a thread in production, the schedule in the simulation. Both use
//! [`write()`], so that the merging is the same. Nothing of a plan is acted on before its ticket, and after a failed commit
//! nothing later succeeds: the store refuses it.

mod pipeline;
mod thread;

pub(crate) use pipeline::{Durable, Pipeline, Plan};
pub(crate) use thread::CommitThread;

use crate::intake::router::Incoming;
use bureaucrat_store::{Group, Store, StoreError, Unit, Verdict};
use std::sync::Arc;

/// The number of one submission; they become durable in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitTicket(u64);

/// Units that were submitted together.
#[derive(Debug)]
pub struct Batch {
    ticket: CommitTicket,
    units: Vec<Unit>,
    bytes: usize,
}

/// What became of a batch: a verdict for each of its units.
#[derive(Debug)]
pub struct CommitOutcome {
    ticket: CommitTicket,
    verdicts: Result<Vec<Verdict>, StoreError>,
}

/// Takes batches and has each written, in order. Returns at once; the outcome comes as an input of the driver.
pub trait Committer: Send + Sync {
    fn submit(&self, batch: Batch);
}

/// Bytes of batches that one write takes together.
const GROUP_BYTES: usize = 4 << 20;

/// How many of the batches that wait, oldest first, go into one write.
pub fn together<'a>(waiting: impl IntoIterator<Item = &'a Batch>) -> usize {
    let mut bytes = 0;
    let fits = |batch: &&Batch| {
        let is_first = bytes == 0;
        bytes += batch.bytes.max(1);
        is_first || bytes <= GROUP_BYTES
    };
    waiting.into_iter().take_while(fits).count()
}

/// Writes batches with one sync. Returns what to tell the driver of each.
pub fn write(store: &Arc<dyn Store>, batches: Vec<Batch>) -> Vec<Incoming> {
    let mut group = Group::default();
    let mut tickets = Vec::with_capacity(batches.len());
    for batch in batches {
        tickets.push((batch.ticket, batch.units.len()));
        group.units.extend(batch.units);
    }
    let written = store.commit(&group);
    let mut verdicts = written.map(Vec::into_iter);
    let outcome = |(ticket, units)| {
        let verdicts = match &mut verdicts {
            Ok(verdicts) => Ok(verdicts.by_ref().take(units).collect()),
            Err(error) => Err(error.clone()),
        };
        Incoming::Committed(CommitOutcome { ticket, verdicts })
    };
    tickets.into_iter().map(outcome).collect()
}
