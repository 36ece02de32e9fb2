//! The host as a whole: opens the store, starts the driver, answers questions, shuts down.

use crate::{
    broker::{Broker, BrokerEvents},
    clock::ClockSource,
    commit::CommitThread,
    compute::ComputeThreads,
    config::HostConfig,
    damage::Damages,
    driver::{Driver, Progress},
    intake::{
        deploying::{DefinitionCommand, DefinitionOrder},
        router::{Incoming, Router},
    },
    open::Opened,
    operate::{
        commands::{Command, Order, OrderOutcome},
        definitions::{self, DefinitionAnswer, DefinitionQuery},
        facts::{self, FactQuery},
        letters::{self, LetterAnswer, LetterCommand, LetterQuery, Looked},
        modules::{ModuleQuery, Ordering},
        query::{Query, QueryAnswer},
        questions::{self, Asked},
        tasks,
    },
    shared::Shared,
    tenants::Tenants,
};
use bureaucrat_model::{DefinitionName, DefinitionRef, Operator, ProcessId, Timestamp, Version};
use bureaucrat_policy::Policy;
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{Store, StoreError};
use crossbeam_channel::Receiver;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

/// Why the host cannot start or continue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The store failed. After a failed commit nothing more is acknowledged; the broker still has the messages.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the storage says about itself cannot be read.
    #[error(
        "{0}. The engine does not guess: `bureaucrat fsck --repair` rebuilds time, sequence and \
         the count of runs; only a backup brings back the identity (the secret that ids are \
         derived from, and the number of shards)"
    )]
    Meta(StoreError),
    /// The configuration is invalid.
    #[error("the configuration is not valid: {0}")]
    Config(String),
    /// The system cannot start a thread.
    #[error("cannot start a thread: {0}")]
    Thread(String),
    /// A bug in the engine.
    #[error("the driver panicked; nothing was acknowledged that was not durable")]
    Panic,
}

/// How long deploying may take: modules of a definition may have to be compiled.
const DEPLOY_PATIENCE: Duration = Duration::from_secs(300);
/// How long an order may take.
const ORDER_PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Running {
    driver: Option<JoinHandle<()>>,
    compute: Option<Arc<ComputeThreads>>,
    committer: Option<Arc<CommitThread>>,
}

struct Inner {
    config: Arc<HostConfig>,
    store: Arc<dyn Store>,
    clock: Arc<dyn ClockSource>,
    sandbox: Sandbox,
    router: Arc<Router>,
    tenants: Arc<Tenants>,
    opened: Mutex<Option<Opened>>,
    running: Mutex<Running>,
    failure: Mutex<Option<HostError>>,
    ended: (crossbeam_channel::Sender<()>, Receiver<()>),
    now: Mutex<Option<Arc<Shared>>>,
    /// Held while a condition is evaluated for an operator.
    evaluating: Mutex<()>,
}

/// The host. Clones share one.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

impl Host {
    /// Reads the store; nothing runs yet. A new store gets `secret_if_new` as its secret.
    ///
    /// # Errors
    /// If the store fails, or the configuration is invalid.
    pub fn open(
        config: HostConfig,
        store: Arc<dyn Store>,
        clock: Arc<dyn ClockSource>,
        sandbox: Sandbox,
        secret_if_new: [u8; 32],
    ) -> Result<Self, HostError> {
        let opened = Opened::new(config, store.clone(), secret_if_new)?;
        Ok(Self(Arc::new(Inner {
            config: opened.config.clone(),
            store,
            clock,
            sandbox,
            router: opened.router.clone(),
            tenants: opened.tenants.clone(),
            opened: Mutex::new(Some(opened)),
            running: Mutex::default(),
            failure: Mutex::new(None),
            ended: crossbeam_channel::bounded(1),
            now: Mutex::new(None),
            evaluating: Mutex::new(()),
        })))
    }

    /// The receiver of the broker's events.
    pub fn events(&self) -> Arc<dyn BrokerEvents> {
        self.0.router.clone()
    }

    /// Identifies the storage for the broker side; not secret.
    pub fn storage_id(&self) -> String {
        self.0.router.storage_id()
    }

    /// Puts another policy in force from now on. Does nothing if the host was opened without one.
    pub fn replace_policy(&self, policy: Arc<Policy>) {
        self.0.tenants.replace(policy);
    }

    /// Starts the driver and its worker threads. A second call does nothing.
    ///
    /// # Errors
    /// If the store cannot be read or the system cannot start a thread.
    pub fn start(&self, broker: Arc<dyn Broker>) -> Result<(), HostError> {
        let Some(opened) = lock(&self.0.opened).take() else {
            return Ok(());
        };
        let inner = &self.0;
        let definitions = opened.definitions(&inner.sandbox);
        let thread = |error: std::io::Error| HostError::Thread(error.to_string());
        let compute = Arc::new(
            ComputeThreads::start(2, &definitions, &inner.sandbox, &opened.router)
                .map_err(thread)?,
        );
        let shared = opened.share(
            broker,
            inner.clock.clone(),
            &inner.sandbox,
            compute.clone(),
            definitions,
        );
        *lock(&inner.now) = Some(shared.clone());
        let committer = CommitThread::start(inner.store.clone(), opened.router.clone());
        let committer = Arc::new(committer.map_err(thread)?);
        let driver = opened.driver(&shared, committer.clone())?;
        let host = self.clone();
        let builder = std::thread::Builder::new().name("driver".into());
        let driver = builder.spawn(move || host.run(driver)).map_err(thread)?;
        *lock(&inner.running) = Running {
            driver: Some(driver),
            compute: Some(compute),
            committer: Some(committer),
        };
        Ok(())
    }

    fn run(&self, mut driver: Driver) {
        // A panic must not go unnoticed: everything would wait forever.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            loop {
                match driver.wait() {
                    Ok(Progress::Ended) => return Ok(()),
                    Ok(Progress::Busy | Progress::Idle) => {}
                    Err(error) => return Err(error),
                }
            }
        }));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(error.into()),
            Err(_) => self.fail(HostError::Panic),
        }
    }

    fn fail(&self, error: HostError) {
        tracing::error!(%error, "the engine cannot continue; it acknowledges nothing more");
        lock(&self.0.failure).get_or_insert(error);
        let _ = self.0.ended.0.try_send(());
        self.0.router.stop();
    }

    /// Why the host cannot continue, if it has failed.
    pub fn failure(&self) -> Option<HostError> {
        lock(&self.0.failure).clone()
    }

    /// Receives a message when the host has failed.
    pub fn failed(&self) -> Receiver<()> {
        self.0.ended.1.clone()
    }

    /// Answers an operator's question from the committed store, or carries out an order. Blocks for
    /// the store.
    pub fn query(&self, query: &Query, by: &Operator) -> QueryAnswer {
        if let Query::Order { process, order } = query {
            return self.order(*process, order.clone(), by);
        }
        if let Query::Letters(query) = query {
            return self.letters(query);
        }
        if let Query::Definitions(query) = query {
            return self.definitions(query);
        }
        if let Query::Facts(FactQuery::Untaken { process, fiber }) = query {
            let _one = lock(&self.0.evaluating);
            let shared = lock(&self.0.now).clone();
            return facts::untaken(shared.as_deref(), *process, *fiber);
        }
        if let Query::Modules(query) = query {
            return self.modules(query);
        }
        let shared = lock(&self.0.now).clone();
        let now = shared.as_ref().map_or_else(
            || Timestamp(self.0.clock.wall()),
            |shared| shared.time.now(),
        );
        let nothing = Damages::default();
        let asked = Asked {
            store: &*self.0.store,
            now,
            history_entries: self.0.config.history_entries,
            damages: shared.as_ref().map_or(&nothing, |shared| &shared.damages),
        };
        match questions::answer(&asked, query) {
            Some(mut answer) => {
                let ask = |ask| self.0.router.ask(ask);
                let routes = &self.0.config.routes;
                match tasks::tell(asked.store, asked.damages, routes, ask, &mut answer) {
                    Ok(()) => answer,
                    Err(error) => QueryAnswer::Error {
                        reason: error.to_string(),
                    },
                }
            }
            None => QueryAnswer::Error {
                reason: "the engine does not know this question".into(),
            },
        }
    }

    fn definitions(&self, query: &DefinitionQuery) -> QueryAnswer {
        let shared = lock(&self.0.now).clone();
        let nothing = Damages::default();
        let damages = shared.as_ref().map_or(&nothing, |shared| &shared.damages);
        let store = &*self.0.store;
        let wanted = |name: &DefinitionName, version: &Option<Version>| DefinitionRef {
            name: name.clone(),
            version: *version,
        };
        let order = match query {
            DefinitionQuery::List => return told(definitions::list(store, damages)),
            DefinitionQuery::Show { name, version } => {
                let shard = self.0.router.shard_of_definition(name);
                let wanted = wanted(name, version);
                return told(definitions::show(store, damages, shard, &wanted));
            }
            DefinitionQuery::Deploy { source } => DefinitionOrder::Deploy {
                source: Arc::from(source.as_bytes()),
            },
            DefinitionQuery::Retire { name, version } => {
                DefinitionOrder::Retire(wanted(name, version))
            }
        };
        let (command, answer) = DefinitionCommand::new(order);
        self.0.router.send(Incoming::OrderedDefinition(command));
        match answer.recv_timeout(DEPLOY_PATIENCE) {
            Ok(answer) => QueryAnswer::Definitions(answer),
            Err(_) => QueryAnswer::Error {
                reason: "the engine stopped or is too busy; `bureaucrat definitions list` tells \
                         whether it took effect"
                    .into(),
            },
        }
    }

    fn modules(&self, query: &ModuleQuery) -> QueryAnswer {
        let shared = lock(&self.0.now).clone();
        let nothing = Damages::default();
        let damages = shared.as_ref().map_or(&nothing, |shared| &shared.damages);
        let ordering = Ordering {
            store: &*self.0.store,
            damages,
            costs: shared.as_ref().map(|shared| &*shared.costs),
            router: &self.0.router,
        };
        match ordering.carry_out(query) {
            Ok(answer) => QueryAnswer::Modules(answer),
            Err(failure) => QueryAnswer::Error {
                reason: failure.to_string(),
            },
        }
    }

    fn letters(&self, query: &LetterQuery) -> QueryAnswer {
        let looked = letters::look(&*self.0.store, query);
        let (view, order) = match looked {
            Ok(Looked::Answer(answer)) => return QueryAnswer::Letters(answer),
            Ok(Looked::Order(view, order)) => (view, order),
            Err(error) => {
                return QueryAnswer::Error {
                    reason: error.to_string(),
                };
            }
        };
        let (reply, outcome) = crossbeam_channel::bounded(1);
        let letter = view.letter;
        self.0.router.send(Incoming::OrderedLetter(LetterCommand {
            letter,
            order,
            reply,
        }));
        match outcome.recv_timeout(ORDER_PATIENCE) {
            Ok(OrderOutcome::Done) => QueryAnswer::Letters(LetterAnswer::Done(view)),
            Ok(
                OrderOutcome::Unknown
                | OrderOutcome::Planned(_)
                | OrderOutcome::Ended
                | OrderOutcome::Suspended
                | OrderOutcome::NotSuspended
                | OrderOutcome::Damaged
                | OrderOutcome::Refused(_),
            ) => QueryAnswer::Letters(LetterAnswer::Unknown),
            Err(_) => QueryAnswer::Error {
                reason: "the engine stopped or is too busy; `bureaucrat dead list` tells whether \
                         the order took effect"
                    .into(),
            },
        }
    }

    fn order(&self, process: ProcessId, order: Order, by: &Operator) -> QueryAnswer {
        let (command, outcome) = Command::new(process, order, by.clone());
        self.0.router.order(command);
        match outcome.recv_timeout(ORDER_PATIENCE) {
            Ok(outcome) => QueryAnswer::Ordered { outcome },
            Err(_) => QueryAnswer::Error {
                reason: "the engine stopped or is too busy; `bureaucrat show` tells whether the \
                         order took effect"
                    .into(),
            },
        }
    }

    /// Lets what is in progress finish, and waits for it. Stop consuming first.
    pub fn stop(&self) {
        self.0.router.stop();
        let running = std::mem::take(&mut *lock(&self.0.running));
        if running.driver.is_some_and(|driver| driver.join().is_err()) {
            tracing::error!("the driver panicked while it ended");
        }
        if let Some(committer) = running.committer {
            committer.stop();
        }
        if let Some(compute) = running.compute {
            compute.stop();
        }
    }
}

/// The answer to a question about definitions.
fn told(answer: Result<DefinitionAnswer, StoreError>) -> QueryAnswer {
    match answer {
        Ok(answer) => QueryAnswer::Definitions(answer),
        Err(error) => QueryAnswer::Error {
            reason: error.to_string(),
        },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // These values are replaced as a whole, so they are valid even after a panic elsewhere.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
