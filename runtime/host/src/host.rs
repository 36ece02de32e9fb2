//! The host as a whole: opens the store, starts the driver, answers questions, shuts down.

mod answering;
mod asking;

use crate::{
    act::standing::{Ask, Standing},
    broker::{Broker, BrokerEvents},
    clock::ClockSource,
    commit::{CommitThread, Committer, Inline},
    compute::ComputeThreads,
    config::{Committing, HostConfig},
    driver::{Driver, Progress},
    error::HostError,
    intake::router::{Incoming, Router},
    meters::Meters,
    open::Opened,
    operate::handing_in::HandedIn,
    shared::Shared,
    sharing::Sharing,
    tenants::Tenants,
};
use bureaucrat_model::lock;
use bureaucrat_policy::Policy;
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{Store, StoreError};
use crossbeam_channel::Receiver;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How long the driver may take to say how full the outbox is.
const STANDING_PATIENCE: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Running {
    driver: Option<JoinHandle<()>>,
    compute: Option<Arc<ComputeThreads>>,
    committer: Option<Arc<CommitThread>>,
    /// What answers other engines.
    desks: Vec<JoinHandle<()>>,
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
    /// Messages that were handed in.
    handed_in: AtomicU64,
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
            handed_in: AtomicU64::new(0),
        })))
    }

    /// The receiver of the broker's events.
    pub fn events(&self) -> Arc<dyn BrokerEvents> {
        self.0.router.clone()
    }

    /// Takes a message as if the broker had delivered it. Returns at once; its sender is told.
    pub fn hand_in(&self, message: HandedIn) {
        let tag = self.0.handed_in.fetch_add(1, Ordering::Relaxed);
        let delivery = message.into_delivery(tag);
        let arrival = self.0.router.arrival(&delivery);
        self.0.router.send(Incoming::Arrived { delivery, arrival });
    }

    /// Whether the broker's queues have been this engine's in this run; if not, it may be standing by for another one.
    pub fn is_active(&self) -> bool {
        self.0.router.is_active()
    }

    /// A number that grows with each commit of this run.
    pub fn commits(&self) -> u64 {
        let shared = lock(&self.0.now);
        let shared = shared.as_ref();
        shared.map_or(0, |shared| shared.meters.commits.get())
    }

    /// What was counted in this run, once it has started.
    pub fn meters(&self) -> Option<Arc<Meters>> {
        Some(lock(&self.0.now).as_ref()?.meters.clone())
    }

    /// How the driver stands; none if it is too busy to say.
    pub fn standing(&self) -> Option<Standing> {
        let (reply, standing) = crossbeam_channel::bounded(1);
        let keys = Vec::new();
        self.0.router.ask(Ask::Rows { keys, reply });
        standing.recv_timeout(STANDING_PATIENCE).ok()
    }

    /// Whether the policy shares a definition of others with a user.
    pub fn shares(&self, user: &str, definition: &str) -> bool {
        let policy = self.0.tenants.policy();
        policy.of(Some(user)).definitions.matches(definition)
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
        let (store, meters) = (inner.store.clone(), shared.meters.clone());
        let (committer, beside): (Arc<dyn Committer>, _) = match inner.config.committing {
            Committing::Inline => (Arc::new(Inline::new(store, meters)), None),
            Committing::Beside => {
                let started = CommitThread::start(store, opened.router.clone(), meters);
                let beside = Arc::new(started.map_err(thread)?);
                (beside.clone(), Some(beside))
            }
        };
        let driver = opened.driver(&shared, committer)?;
        let mut desks = Vec::new();
        if inner.config.sharing != Sharing::Alone {
            for _ in 0..asking::DESKS {
                let (host, shared) = (self.clone(), shared.clone());
                let builder = std::thread::Builder::new().name("desk".into());
                let desk = builder.spawn(move || host.answer_others(&shared));
                desks.push(desk.map_err(thread)?);
            }
        }
        let host = self.clone();
        let builder = std::thread::Builder::new().name("driver".into());
        let driver = builder.spawn(move || host.run(driver)).map_err(thread)?;
        *lock(&inner.running) = Running {
            driver: Some(driver),
            compute: Some(compute),
            committer: beside,
            desks,
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
        match (&error, &self.0.config.sharing) {
            // The engine opens its records again, with other shards.
            (HostError::Store(StoreError::Fenced { .. }), Sharing::Shared(_)) => {
                tracing::info!(
                    "another engine has taken shards of this one; it acknowledges nothing more until it has others"
                );
            }
            _ => {
                tracing::error!(%error, "the engine cannot continue; it acknowledges nothing more");
            }
        }
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

    /// Those who wait for what another engine has are told that nothing is known, so that they hold up nobody.
    pub fn wait_for_no_others(&self) {
        if let Some(shared) = &*lock(&self.0.now) {
            shared.asking.close();
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
        if let Some(shared) = &*lock(&self.0.now) {
            shared.asking.end(running.desks.len());
        }
        for desk in running.desks {
            let _ = desk.join();
        }
        if let Some(compute) = running.compute {
            compute.stop();
        }
    }
}
