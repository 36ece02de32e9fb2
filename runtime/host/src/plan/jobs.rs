//! What waits for jobs of the compute threads, and the trees of calls that jobs keep.

use super::transaction::{CallStart, Transaction, Work};
use crate::{compute::JobId, intake::deployments::Deployment};
use bureaucrat_model::ProcessId;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What waits for a job.
pub enum Waiting {
    /// A launch, for its definition.
    Launch(ProcessId),
    /// A call, for its definition.
    Call(CallStart),
    /// A module that is to be stored, for its admission.
    Module(Box<Deployment>),
    /// A transaction, for a program or a condition, and the piece of work to continue with.
    Transaction {
        root: ProcessId,
        transaction: Box<Transaction>,
        resume: Box<Work>,
    },
}

/// Whether a job keeps a tree of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Free,
    /// Transactions of the tree wait.
    Busy,
}

/// Jobs under way.
#[derive(Default)]
pub struct Jobs {
    count: u64,
    waiting: HashMap<JobId, Waiting>,
    /// By the root of the tree.
    busy: BTreeMap<ProcessId, VecDeque<Transaction>>,
}

impl Jobs {
    /// Notes what waits for a new job.
    pub fn add(&mut self, waiting: Waiting) -> JobId {
        self.count += 1;
        let id = JobId(self.count);
        if let Waiting::Transaction { root, .. } = &waiting {
            self.busy.entry(*root).or_default();
        }
        self.waiting.insert(id, waiting);
        id
    }

    /// What waited for a job that is done.
    pub fn take(&mut self, job: JobId) -> Option<Waiting> {
        self.waiting.remove(&job)
    }

    /// Whether no tree is kept.
    pub fn are_idle(&self) -> bool {
        self.busy.is_empty()
    }

    pub fn keeps(&self, root: ProcessId) -> Kept {
        if self.busy.contains_key(&root) {
            Kept::Busy
        } else {
            Kept::Free
        }
    }

    /// Lets a transaction wait until its tree is free; gives it back when it is.
    pub fn wait(&mut self, root: ProcessId, transaction: Transaction) -> Option<Transaction> {
        match self.busy.get_mut(&root) {
            Some(queue) => {
                queue.push_back(transaction);
                None
            }
            None => Some(transaction),
        }
    }

    /// Frees a tree; what waited for it is to be done in order.
    pub fn free(&mut self, root: ProcessId) -> VecDeque<Transaction> {
        self.busy.remove(&root).unwrap_or_default()
    }

    /// Takes out what waits on behalf of deliveries that come again, as `is_stale` says. Returns the transactions that are
    /// given up, with the trees that they kept.
    pub fn drop_stale(
        &mut self,
        is_stale: impl Fn(&Transaction) -> bool,
        is_stale_module: impl Fn(&Deployment) -> bool,
    ) -> Vec<(Option<ProcessId>, Transaction)> {
        let stale: Vec<JobId> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| match waiting {
                Waiting::Transaction { transaction, .. } => is_stale(transaction),
                Waiting::Module(deployment) => is_stale_module(deployment),
                Waiting::Launch(_) | Waiting::Call(_) => false,
            })
            .map(|(id, _)| *id)
            .collect();
        let mut given_up = Vec::new();
        // What waits behind others goes first, so that none of it is run when those are given up.
        for queue in self.busy.values_mut() {
            let (stale, current): (VecDeque<_>, _) = queue.drain(..).partition(&is_stale);
            *queue = current;
            given_up.extend(stale.into_iter().map(|transaction| (None, transaction)));
        }
        for id in stale {
            if let Some(Waiting::Transaction {
                root, transaction, ..
            }) = self.waiting.remove(&id)
            {
                given_up.push((Some(root), *transaction));
            }
        }
        given_up
    }
}
