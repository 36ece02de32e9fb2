//! Planning: an input and what is known become plans, which say what to write and what to do once
//! it is durable.
//!
//! The planner knows no sockets and no threads. It reads the store if memory does not know better,
//! sees everything that it planned before, durable or not, and writes nothing itself. The order of
//! work within a transaction is always the same: all effects of a step are applied before any
//! result is fed back, and conditions are answered in the order in which they were requested,
//! whether on this thread or by a job.

pub(crate) mod audit_log;
pub(crate) mod bulk;
pub(crate) mod business;
mod calls;
mod cause;
pub(crate) mod costs;
pub mod decided;
mod effects;
mod ending;
mod evaluating;
pub mod events;
mod evidence;
pub(crate) mod freshness;
mod handing_out;
mod happened;
mod incidents;
mod instances;
pub(crate) mod jobs;
pub mod kept;
pub(crate) mod launch_keys;
pub(crate) mod letters;
mod messages;
mod migrating;
mod modifying;
mod orders;
mod recalling;
pub(crate) mod residents;
pub mod schedules;
mod sending;
mod starting;
pub(crate) mod tasks;
mod tenancy;
pub(crate) mod transaction;
pub(crate) mod upkeep;
mod work;

use crate::{
    broker::DeliveryHandle,
    catalog::Catalog,
    commit::Plan,
    compute::{Job, JobId, JobOutcome, Task},
    fair::User,
    intake::launching::Launching,
    module_catalog::ModuleCatalog,
    shared::Shared,
};
use audit_log::AuditLog;
use bulk::BulkJobs;
use bureaucrat_model::{ProcessId, Timestamp};
use bureaucrat_policy::Policy;
use bureaucrat_store::StoreError;
use business::BusinessKeys;
use decided::Delayed;
use events::Handouts;
use freshness::Freshness;
use jobs::{Jobs, Waiting};
use kept::KeptEvents;
use letters::Letters;
use residents::Residents;
use schedules::Schedules;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use transaction::{Planned, Transaction, Unneeded};

/// A plan, and the messages that it removes from the outbox.
pub struct Ready {
    pub plan: Plan,
    pub withdrawn: Vec<Unneeded>,
}

/// Makes transactions from what is in memory and in the store.
pub struct Planner {
    pub(crate) shared: Arc<Shared>,
    /// The policy of this loop.
    pub(crate) policy: Arc<Policy>,
    /// When the transaction under way began.
    now: Timestamp,
    pub(crate) residents: Residents,
    pub(crate) jobs: Jobs,
    pub(crate) launching: Launching,
    pub(crate) handouts: Handouts,
    pub(crate) letters: Letters,
    pub(crate) kept: KeptEvents,
    pub(crate) catalog: Catalog,
    pub(crate) modules: ModuleCatalog,
    pub(crate) business: BusinessKeys,
    pub(crate) delayed: Delayed,
    pub(crate) schedules: Schedules,
    pub(crate) bulk: BulkJobs,
    pub(crate) audit_log: AuditLog,
    pub(crate) freshness: Freshness,
    /// Called processes whose definitions are being compiled.
    calling: BTreeSet<ProcessId>,
    /// Messages that took effect in plans that are not durable yet.
    pub(crate) memories: HashMap<[u8; 32], Option<ProcessId>>,
    ready: Vec<Ready>,
    ready_bytes: usize,
}

impl Planner {
    pub fn new(shared: Arc<Shared>) -> Self {
        let config = &shared.config;
        Self {
            policy: shared.tenants.policy(),
            now: shared.time.now(),
            residents: Residents::new(config.residents, config.residents_bytes),
            jobs: Jobs::default(),
            launching: Launching::default(),
            handouts: Handouts::default(),
            letters: Letters::default(),
            kept: KeptEvents::default(),
            catalog: Catalog::default(),
            modules: ModuleCatalog::default(),
            business: BusinessKeys::default(),
            delayed: Delayed::default(),
            schedules: Schedules::default(),
            bulk: BulkJobs::default(),
            audit_log: AuditLog::default(),
            freshness: Freshness::default(),
            calling: BTreeSet::new(),
            memories: HashMap::new(),
            ready: Vec::new(),
            ready_bytes: 0,
            shared,
        }
    }

    /// Begins a loop of the driver, with the current policy.
    pub fn begin_turn(&mut self) {
        self.policy = self.shared.tenants.policy();
        self.look_at_clock();
    }

    /// Reads the clock. What a transaction does happens at one time, and each looks once.
    fn look_at_clock(&mut self) {
        self.now = self.shared.time.now();
    }

    /// Bytes that the plans of this loop will write.
    pub const fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// When something that waits for its time is due.
    pub fn next(&self) -> Option<Timestamp> {
        let (delayed, schedules) = (self.delayed.next(), self.schedules.next());
        let (kept, bulk) = (self.kept.next_look(), self.bulk.next());
        [delayed, schedules, kept, bulk].into_iter().flatten().min()
    }

    /// The plans since the last time.
    pub fn take_ready(&mut self) -> Vec<Ready> {
        self.ready_bytes = 0;
        std::mem::take(&mut self.ready)
    }

    /// The store remembers these messages from now on.
    pub fn remembered(&mut self, hashes: &[[u8; 32]]) {
        for hash in hashes {
            self.memories.remove(hash);
        }
    }

    /// A connection ended: what waits here for its deliveries is dropped, because they will be
    /// redelivered.
    pub fn drop_stale(&mut self, generation: u64) -> Result<(), StoreError> {
        self.launching.drop_stale(generation);
        let is_stale = |handle: &DeliveryHandle| handle.generation <= generation;
        let given_up = self
            .jobs
            .drop_stale(|transaction| transaction.is_stale(generation), is_stale);
        for (root, transaction) in given_up {
            self.give_up(transaction);
            if let Some(root) = root {
                self.free(root)?;
            }
        }
        Ok(())
    }

    /// A job is done.
    pub fn done(&mut self, job: JobId, outcome: JobOutcome) -> Result<(), StoreError> {
        match self.jobs.take(job) {
            Some(Waiting::Launch(process)) => {
                self.launching.compiled();
                self.launch_compiled(process, outcome)
            }
            Some(Waiting::Call(call)) => self.call_compiled(call, outcome),
            Some(Waiting::Decided(process, record)) => {
                self.decided_loaded(process, *record, outcome)
            }
            Some(Waiting::Scheduled(name)) => self.scheduled_loaded(&name, outcome),
            Some(Waiting::Module(delivery)) => self.module_admitted(&delivery, outcome),
            Some(Waiting::Definition(deploying)) => self.definition_compiled(*deploying, outcome),
            Some(Waiting::Transaction {
                root,
                transaction,
                resume,
            }) => self.resume_after(root, *transaction, *resume, outcome),
            None => Ok(()),
        }
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn submit(&mut self, user: User, task: Task, waiting: Waiting) {
        let id = self.jobs.add(waiting);
        self.shared.compute.submit(Job { id, user, task });
    }

    /// A transaction is complete: its result goes into the next submission.
    pub(crate) fn finish(&mut self, mut transaction: Transaction) -> Result<(), StoreError> {
        let entries_max = self.shared.config.history_entries;
        transaction.write_histories(&*self.shared.store, entries_max)?;
        let entry = transaction.audited.take();
        self.write_audit_log(&mut transaction, entry)?;
        self.tell_of_deployments(&mut transaction)?;
        let Planned {
            plan,
            withdrawn,
            changed,
            unchanged,
        } = transaction.into_plan(self.shared.epoch)?;
        for used in &plan.after.uses {
            used.is_stored();
        }
        self.keys_planned(&plan.after.keys);
        for (process, held) in changed {
            self.residents.plan(process, held);
        }
        for (process, held) in unchanged {
            self.residents.remember(process, held);
        }
        let messages = plan.after.publish.iter();
        let bodies: usize = messages.map(|publish| publish.message.body.len()).sum();
        self.ready_bytes += plan.unit.bytes() + bodies;
        self.ready.push(Ready { plan, withdrawn });
        Ok(())
    }
}
