//! The engine as it runs on a machine: the host's own shards, router and definitions, polled instead of run by threads.

use super::SimulatedClock;
use bureaucrat_host::{
    HostConfig, HostError, Opened,
    broker::{Broker, BrokerEvent, BrokerEvents},
    commands::{Command, Order},
    compute::{Compute, Job, perform},
    definitions::Definitions,
    router::Router,
    shard::{Progress, Shard},
};
use bureaucrat_model::ProcessId;
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{Store, StoreError};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Jobs that wait until the simulation does them.
#[derive(Default)]
struct Jobs(Mutex<VecDeque<Job>>);

impl Compute for Jobs {
    fn submit(&self, job: Job) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(job);
    }
}

/// An engine; gone with its machine.
pub struct Engine {
    shards: Vec<Option<Shard>>,
    router: Arc<Router>,
    jobs: Arc<Jobs>,
    definitions: Arc<Definitions>,
    sandbox: Sandbox,
}

impl Engine {
    /// Starts an engine over what its disk holds.
    ///
    /// # Errors
    /// When the store fails.
    pub fn start(
        config: HostConfig,
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        clock: &Arc<SimulatedClock>,
        sandbox: &Sandbox,
    ) -> Result<Self, HostError> {
        let opened = Opened::new(config, store, [7; 32])?;
        let jobs = Arc::new(Jobs::default());
        let definitions = opened.definitions(sandbox);
        let router = opened.router.clone();
        let shared = opened.share(
            broker,
            clock.clone(),
            sandbox,
            jobs.clone(),
            definitions.clone(),
        );
        let shards = opened.shards(&shared)?;
        Ok(Self {
            shards: shards.into_iter().map(Some).collect(),
            router,
            jobs,
            definitions,
            sandbox: sandbox.clone(),
        })
    }

    /// How many shards it has.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Whether every shard has ended.
    pub fn has_ended(&self) -> bool {
        self.shards.iter().all(Option::is_none)
    }

    /// Tells it something of the broker.
    pub fn receive(&self, event: BrokerEvent) {
        self.router.receive(event);
    }

    /// Lets a shard take its turn.
    ///
    /// # Errors
    /// When the store fails; the engine can't go on then.
    pub fn poll(&mut self, place: usize) -> Result<(), StoreError> {
        let Some(shard) = self.shards.get_mut(place) else {
            return Ok(());
        };
        let Some(running) = shard else { return Ok(()) };
        match running.poll() {
            Ok(Progress::Busy | Progress::Idle) => Ok(()),
            Ok(Progress::Ended) => {
                *shard = None;
                Ok(())
            }
            Err(error) => {
                *shard = None;
                Err(error)
            }
        }
    }

    /// Gives an operator's order; nobody waits for its outcome.
    pub fn order(&self, process: ProcessId, order: Order) {
        self.router.order(Command::new(process, order).0);
    }

    /// Tells every shard to finish.
    pub fn stop(&self) {
        self.router.stop();
    }

    /// Does one job, not necessarily the first; false when there is none.
    pub fn do_job(&self, place: usize) -> bool {
        let mut jobs = self.jobs.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = place.min(jobs.len().saturating_sub(1));
        let job = jobs.remove(place);
        drop(jobs);
        let Some(job) = job else { return false };
        let (shard, input) = perform(job, &self.definitions, &self.sandbox);
        self.router.send(shard, input);
        true
    }
}
