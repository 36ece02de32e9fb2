//! The host on any store, polled by hand: a broker that takes everything, jobs that finish at once,
//! a clock that is set.

use crate::simulation::SimulatedClock;
use bureaucrat_host::{
    Driver, HostConfig, HostError, Opened, Progress,
    broker::{
        Broker, BrokerEvent, BrokerEvents, Delivery, DeliveryHandle, Hold, PublishOutcome, Sender,
        Source, Ticket, Way,
    },
    commands::{Command, Order, OrderOutcome},
    commit::{self, Batch, CommitOutcome, Committer},
    compute::{Compute, Job, perform},
    damage::Damages,
    definitions::Definitions,
    router::{Incoming, Router},
};
use bureaucrat_model::{Operator, ProcessId, lock};
use bureaucrat_sandbox::{RuntimeClass, Sandbox, SandboxConfig, SandboxLimits, WorkerCommand};
use bureaucrat_store::{Store, StoreError};
use bureaucrat_wire::{Outgoing, Properties};
use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};

/// Who gives orders.
pub const OPERATOR: &str = "ada";

#[derive(Default)]
struct Taken {
    published: Vec<(Ticket, Outgoing)>,
    acknowledged: Vec<DeliveryHandle>,
    jobs: Vec<Job>,
    batches: Vec<Batch>,
}

/// What the host hands out.
#[derive(Default)]
struct Outside(Mutex<Taken>);

impl Outside {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        lock(&self.0)
    }
}

impl Broker for Outside {
    fn acknowledge(&self, delivery: DeliveryHandle) {
        self.lock().acknowledged.push(delivery);
    }

    fn publish(&self, ticket: Ticket, message: Outgoing) {
        self.lock().published.push((ticket, message));
    }
}

impl Committer for Outside {
    fn submit(&self, batch: Batch) -> Option<CommitOutcome> {
        self.lock().batches.push(batch);
        None
    }
}

impl Compute for Outside {
    fn submit(&self, job: Job) {
        self.lock().jobs.push(job);
    }
}

/// An operator retries a process.
pub fn retry() -> Order {
    Order::Retry {
        reason: "a test".into(),
    }
}

/// A sandbox for conditions of definitions; it compiles no uploaded module.
///
/// # Errors
/// When it can't be set up.
pub fn sandbox() -> Result<Sandbox, String> {
    sandbox_with(WorkerCommand {
        program: "false".into(),
        arguments: Vec::new(),
    })
}

/// A sandbox that compiles uploaded modules by this worker.
///
/// # Errors
/// When it can't be set up.
pub fn sandbox_with(worker: WorkerCommand) -> Result<Sandbox, String> {
    Sandbox::new(SandboxConfig {
        threads: 2,
        limits: SandboxLimits::default(),
        cache: None,
        runtime_class: RuntimeClass::Refused,
        worker,
    })
    .map_err(|error| error.to_string())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirms {
    All,
    /// Their outcomes do not come, so their rows stay.
    None,
}

/// A host that runs when it is told to.
pub struct Polled {
    driver: Driver,
    store: Arc<dyn Store>,
    router: Arc<Router>,
    outside: Arc<Outside>,
    definitions: Arc<Definitions>,
    sandbox: Sandbox,
    tags: AtomicU64,
    pub confirms: Confirms,
    pub clock: Arc<SimulatedClock>,
    /// The damage that was found.
    pub damages: Arc<Damages>,
}

impl Polled {
    /// Opens a host on a store, with publishing up.
    ///
    /// # Errors
    /// When it does not start.
    pub fn open(
        config: HostConfig,
        store: Arc<dyn Store>,
        clock: Arc<SimulatedClock>,
        sandbox: &Sandbox,
    ) -> Result<Self, HostError> {
        let opened = Opened::new(config, store.clone(), [7; 32])?;
        let outside = Arc::new(Outside::default());
        let definitions = opened.definitions(sandbox);
        let (router, damages) = (opened.router.clone(), opened.damages.clone());
        let shared = opened.share(
            outside.clone(),
            clock.clone(),
            sandbox,
            outside.clone(),
            definitions.clone(),
        );
        let driver = opened.driver(&shared, outside.clone())?;
        router.receive(BrokerEvent::PublishingUp);
        router.receive(BrokerEvent::ConsumingUp {
            generation: 1,
            waiting: 0,
        });
        Ok(Self {
            driver,
            store,
            router,
            outside,
            definitions,
            sandbox: sandbox.clone(),
            tags: AtomicU64::new(0),
            confirms: Confirms::All,
            clock,
            damages,
        })
    }

    /// Delivers a message; returns its tag.
    pub fn deliver(&self, source: Source, message_id: Option<&str>, body: &str) -> u64 {
        let properties = Properties {
            message_id: message_id.map(str::to_owned),
            ..Properties::default()
        };
        self.deliver_with(source, properties, body)
    }

    /// Delivers a message with these properties; gives its tag.
    pub fn deliver_with(
        &self,
        source: Source,
        properties: Properties,
        body: impl AsRef<[u8]>,
    ) -> u64 {
        self.deliver_by(1, source, properties, body)
    }

    /// Delivers a message by a later connection.
    pub fn deliver_again(&self, generation: u64, source: Source, body: &str) -> u64 {
        self.deliver_by(generation, source, Properties::default(), body)
    }

    /// Tells the host something about its connections.
    pub fn broker(&self, event: BrokerEvent) {
        self.router.receive(event);
    }

    fn deliver_by(
        &self,
        generation: u64,
        source: Source,
        properties: Properties,
        body: impl AsRef<[u8]>,
    ) -> u64 {
        let tag = self.tags.fetch_add(1, Ordering::Relaxed);
        let delivery = Delivery {
            handle: DeliveryHandle {
                generation,
                source,
                way: Way::Own,
                tag,
            },
            redelivered: bureaucrat_model::Redelivered::No,
            properties,
            body: body.as_ref().to_vec(),
            hold: Hold::default(),
            sender: Sender::default(),
            shard: None,
        };
        self.router.receive(BrokerEvent::Delivered(delivery));
        tag
    }

    /// Hands an input to the host.
    pub fn send(&self, input: Incoming) {
        self.router.send(input);
    }

    /// Submits an operator's order and carries it out.
    ///
    /// # Errors
    /// If the store fails.
    pub fn order(
        &mut self,
        process: ProcessId,
        order: Order,
    ) -> Result<Option<OrderOutcome>, StoreError> {
        let (command, outcome) = Command::new(process, order, Operator::named(OPERATOR));
        self.router.order(command);
        self.settle()?;
        Ok(outcome.try_recv().ok())
    }

    /// Runs until nothing is left to do for now; publishes are confirmed as [`Self::confirms`]
    /// says. Returns what was published.
    ///
    /// # Errors
    /// If the store fails.
    pub fn settle(&mut self) -> Result<Vec<Outgoing>, StoreError> {
        let mut published = Vec::new();
        loop {
            let progress = self.turn()?;
            let messages = self.publishes();
            let jobs = self.jobs();
            let is_idle = progress == Progress::Idle && messages.is_empty() && jobs == 0;
            published.extend(messages);
            if is_idle {
                return Ok(published);
            }
        }
    }

    /// One loop of the driver, and the commit of what it submits.
    ///
    /// # Errors
    /// If the store fails.
    pub fn turn(&mut self) -> Result<Progress, StoreError> {
        let progress = self.driver.poll()?;
        let batches = std::mem::take(&mut self.outside.lock().batches);
        if batches.is_empty() {
            return Ok(progress);
        }
        for outcome in commit::write(&self.store, batches) {
            self.router.send(Incoming::Committed(outcome));
        }
        Ok(Progress::Busy)
    }

    /// Does the requested jobs; returns how many there were.
    pub fn jobs(&self) -> usize {
        let jobs = std::mem::take(&mut self.outside.lock().jobs);
        let count = jobs.len();
        for job in jobs {
            self.router
                .send(perform(job, &self.definitions, &self.sandbox));
        }
        count
    }

    /// Whose jobs wait to be done.
    pub fn users_of_jobs(&self) -> Vec<Option<String>> {
        let taken = self.outside.lock();
        taken.jobs.iter().map(|job| job.user.clone()).collect()
    }

    fn publishes(&self) -> Vec<Outgoing> {
        let published = std::mem::take(&mut self.outside.lock().published);
        let outcome = |(ticket, message)| {
            if self.confirms == Confirms::All {
                let outcome = PublishOutcome::Confirmed;
                self.router
                    .receive(BrokerEvent::Published { ticket, outcome });
            }
            message
        };
        published.into_iter().map(outcome).collect()
    }

    /// The tags that were acknowledged.
    pub fn acknowledged(&self) -> Vec<u64> {
        let taken = self.outside.lock();
        taken.acknowledged.iter().map(|handle| handle.tag).collect()
    }
}
