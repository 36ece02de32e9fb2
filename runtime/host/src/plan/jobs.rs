//! What waits for jobs of the compute threads, and the call trees that jobs block.

use super::{
    calls::CallStart,
    decided::LaunchRecord,
    transaction::{Transaction, Work},
};
use crate::{
    broker::DeliveryHandle,
    compute::JobId,
    intake::{deploying::Deploying, modules::Deployment},
};
use bureaucrat_model::{DefinitionName, ProcessId};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What waits for a job.
pub enum Waiting {
    /// A launch that waits for its definition.
    Launch(ProcessId),
    /// A call that waits for its definition.
    Call(CallStart),
    /// A process that is certain to start and waits for its definition.
    Decided(ProcessId, Box<LaunchRecord>),
    /// A schedule that is due.
    Scheduled(DefinitionName),
    /// A module that waits for its admission.
    Module(Box<Deployment>),
    /// A definition to store that is being compiled.
    Definition(Box<Deploying>),
    /// A transaction that waits for a program or a condition, and the work item to continue with.
    Transaction {
        root: ProcessId,
        transaction: Box<Transaction>,
        resume: Box<Work>,
    },
}

/// Whether a job blocks a call tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Free,
    /// Transactions of the tree wait.
    Busy,
}

/// Jobs in progress.
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

    /// What waited for a finished job.
    pub fn take(&mut self, job: JobId) -> Option<Waiting> {
        self.waiting.remove(&job)
    }

    /// Whether no call tree is blocked.
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

    /// Makes a transaction wait until its call tree is free; returns it if it is.
    pub fn wait(&mut self, root: ProcessId, transaction: Transaction) -> Option<Transaction> {
        match self.busy.get_mut(&root) {
            Some(queue) => {
                queue.push_back(transaction);
                None
            }
            None => Some(transaction),
        }
    }

    /// Frees a call tree; returns what waited for it, in order.
    pub fn free(&mut self, root: ProcessId) -> VecDeque<Transaction> {
        self.busy.remove(&root).unwrap_or_default()
    }

    /// Removes what waits for deliveries that will be redelivered, as `is_stale` says. Returns the
    /// abandoned transactions, with the call trees that they blocked.
    pub fn drop_stale(
        &mut self,
        is_stale: impl Fn(&Transaction) -> bool,
        is_stale_handle: impl Fn(&DeliveryHandle) -> bool,
    ) -> Vec<(Option<ProcessId>, Transaction)> {
        let stale: Vec<JobId> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| match waiting {
                Waiting::Transaction { transaction, .. } => is_stale(transaction),
                Waiting::Module(deployment) => {
                    deployment.handle().as_ref().is_some_and(&is_stale_handle)
                }
                Waiting::Definition(deploying) => {
                    deploying.handle().as_ref().is_some_and(&is_stale_handle)
                }
                Waiting::Launch(_)
                | Waiting::Call(_)
                | Waiting::Decided(..)
                | Waiting::Scheduled(_) => false,
            })
            .map(|(id, _)| *id)
            .collect();
        let mut given_up = Vec::new();
        // What waits behind others is removed first, so that none of it runs when those are
        // abandoned.
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
