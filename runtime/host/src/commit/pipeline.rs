//! The planner's side of commits: plans are submitted while earlier ones are being written.

use super::{Batch, CommitOutcome, CommitTicket, Committer};
use crate::{intake::large::LargeClaim, plan::transaction::After};
use bureaucrat_model::ProcessId;
use bureaucrat_store::{Owner, StoreError, Unit, Verdict};
use std::{collections::VecDeque, sync::Arc};

/// The result of a transaction: what to write, and what to do once it is durable.
#[derive(Debug)]
pub struct Plan {
    pub unit: Unit,
    /// The processes that it changes or removes.
    pub processes: Vec<ProcessId>,
    pub after: After,
}

impl Plan {
    /// A plan that changes nothing yet.
    pub fn empty(owner: Owner) -> Self {
        Self {
            unit: Unit {
                owner,
                writes: Vec::new(),
            },
            processes: Vec::new(),
            after: After::default(),
        }
    }
}

/// A plan that is durable.
#[derive(Debug)]
pub struct Durable {
    pub processes: Vec<ProcessId>,
    pub after: After,
}

struct Submitted {
    ticket: CommitTicket,
    plans: Vec<Durable>,
    bytes: usize,
    /// Counts large messages until they are stored.
    _large: Vec<LargeClaim>,
}

/// Submissions in order, with what follows from each.
pub struct Pipeline {
    committer: Arc<dyn Committer>,
    count: u64,
    submitted: VecDeque<Submitted>,
    bytes: usize,
}

impl Pipeline {
    pub fn new(committer: Arc<dyn Committer>) -> Self {
        Self {
            committer,
            count: 0,
            submitted: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Bytes that were submitted and are not durable yet.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether everything that was submitted is durable.
    pub fn is_settled(&self) -> bool {
        self.submitted.is_empty()
    }

    /// The number of the next submission.
    pub const fn next(&self) -> u64 {
        self.count + 1
    }

    /// The last submission up to which all are durable.
    pub fn durable(&self) -> u64 {
        let oldest = self.submitted.front();
        oldest.map_or(self.count, |oldest| oldest.ticket.0.saturating_sub(1))
    }

    /// Submits plans, with a unit of the engine's own and the claims of large messages among them. Returns the outcome, if
    /// it is known at once.
    pub fn submit(
        &mut self,
        plans: Vec<Plan>,
        closing: Unit,
        large: Vec<LargeClaim>,
    ) -> Option<CommitOutcome> {
        self.count += 1;
        let ticket = CommitTicket(self.count);
        let mut units = Vec::with_capacity(plans.len() + 1);
        let mut follows = Vec::with_capacity(plans.len());
        for plan in plans {
            units.push(plan.unit);
            follows.push(Durable {
                processes: plan.processes,
                after: plan.after,
            });
        }
        units.push(closing);
        let bytes = units.iter().map(Unit::bytes).sum();
        self.bytes += bytes;
        self.submitted.push_back(Submitted {
            ticket,
            plans: follows,
            bytes,
            _large: large,
        });
        self.committer.submit(Batch {
            ticket,
            units,
            bytes,
        })
    }

    /// What may be acted on now that the oldest submission is durable.
    ///
    /// # Errors
    /// If the commit failed, or another engine owns one of its shards: then nothing that was
    /// submitted counts any more.
    pub fn settle(&mut self, outcome: CommitOutcome) -> Result<Vec<Durable>, StoreError> {
        let verdicts = outcome.verdicts?;
        for verdict in verdicts {
            if let Verdict::Fenced { present } = verdict {
                return Err(StoreError::Fenced { present: present.0 });
            }
        }
        match self.submitted.pop_front() {
            Some(oldest) if oldest.ticket == outcome.ticket => {
                self.bytes -= oldest.bytes;
                Ok(oldest.plans)
            }
            oldest => Err(StoreError::Write(format!(
                "commits came back out of order: {:?}, expected was {:?}",
                outcome.ticket,
                oldest.map(|oldest| oldest.ticket)
            ))),
        }
    }
}
