//! The host as a whole: opens the store, starts the shards, answers questions, ends in order.

use crate::{
    broker::{Broker, BrokerEvents},
    clock::{ClockSource, EngineTime},
    commands::{Command, Order},
    compute::{Compute, ComputeThreads},
    config::{HostConfig, SHARDS_MAX},
    definitions::Definitions,
    events::{self, Handout},
    planted::{Fault, planted},
    query::{Query, QueryAnswer},
    questions,
    router::{Router, ShardInput},
    shard::{Progress, Shard, Shared},
};
use bureaucrat_model::{ProcessId, Timestamp};
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{Group, Store, StoreError, Table, Unit, Write, keys, records};
use crossbeam_channel::Receiver;
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    thread::JoinHandle,
    time::Duration,
};

/// Why the host can't start or go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The store failed. After a failed commit nothing more is acknowledged; the broker still has the messages.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration can't be used.
    #[error("the configuration can't be used: {0}")]
    Config(String),
    /// The system gives no thread.
    #[error("a thread can't be started: {0}")]
    Thread(String),
    /// A shard ended by a panic: a fault of the engine.
    #[error("shard {0} ended by a panic; nothing that it had not committed was acknowledged")]
    Panic(u16),
}

/// What a store says of itself, written when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// What ids are derived with, 32 bytes.
    #[serde(with = "serde_bytes")]
    pub secret: Vec<u8>,
    /// The number of shards.
    pub shards: u16,
}

/// How far time and the order of commits have come, written with every group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The engine's time.
    pub now: Timestamp,
    /// The sequence.
    pub sequence: u64,
}

/// The key of the identity in the table of meta records.
pub(crate) const IDENTITY: &[u8] = b"identity";
/// The key of the number of runs.
pub(crate) const RUNS: &[u8] = b"runs";
/// What the keys of marks begin with.
pub(crate) const MARK: &[u8] = b"mark/";

/// Sequence numbers that a run may have used beyond its last mark.
pub(crate) const SEQUENCE_GAP: u64 = 1 << 20;

/// How long an order may take.
const ORDER_PATIENCE: Duration = Duration::from_secs(30);

/// The key of a shard's mark.
pub(crate) fn mark_key(shard: u16) -> Vec<u8> {
    [MARK, &shard.to_be_bytes()].concat()
}

/// What a store gives to start from; the same for the host and for the simulator.
pub struct Opened {
    /// The configuration, with the number of shards that the store was made with.
    pub config: Arc<HostConfig>,
    /// The secret that ids are derived with.
    pub secret: [u8; 32],
    /// The router.
    pub router: Arc<Router>,
    /// The ends that the shards read from.
    pub receivers: Vec<Receiver<ShardInput>>,
    /// Events to go on with, by shard.
    pub handouts: Vec<Vec<Handout>>,
    /// The highest time of earlier runs.
    pub kept: Timestamp,
    /// Where the order of commits goes on.
    pub sequence: u64,
    /// The store.
    pub store: Arc<dyn Store>,
}

impl Opened {
    /// Reads what a store says of itself, and makes it say so when it is new.
    ///
    /// # Errors
    /// When the store fails, or the configuration can't be used.
    pub fn new(
        mut config: HostConfig,
        store: Arc<dyn Store>,
        secret_if_new: [u8; 32],
    ) -> Result<Self, HostError> {
        if config.shards == 0 || config.shards > SHARDS_MAX {
            return Err(HostError::Config(format!(
                "shards must be from 1 to {SHARDS_MAX}, not {}",
                config.shards
            )));
        }
        let mut unit = Unit::default();
        let identity = match store.get(Table::Meta, IDENTITY)? {
            Some(record) => records::decode(Table::Meta, IDENTITY, &record)?,
            None => {
                let identity = Identity {
                    secret: secret_if_new.to_vec(),
                    shards: config.shards,
                };
                put(&mut unit, IDENTITY, records::encode(&identity)?);
                identity
            }
        };
        let run = match store.get(Table::Meta, RUNS)? {
            Some(record) => records::decode::<u64>(Table::Meta, RUNS, &record)? + 1,
            None => 1,
        };
        put(&mut unit, RUNS, records::encode(&run)?);
        if identity.shards != config.shards {
            tracing::info!(
                shards = identity.shards,
                "the storage keeps the number of shards that it was made with"
            );
            config.shards = identity.shards;
        }
        let secret = identity
            .secret
            .as_slice()
            .try_into()
            .map_err(|_| StoreError::Damaged {
                table: Table::Meta,
                key: records::hexadecimal(IDENTITY),
                reason: "the secret is not 32 bytes long".into(),
            })?;
        let (mut kept, mut sequence) = (Timestamp(0), 0);
        for shard in 0..config.shards {
            let key = mark_key(shard);
            if let Some(record) = store.get(Table::Meta, &key)? {
                let mark: Mark = records::decode(Table::Meta, &key, &record)?;
                kept = kept.max(mark.now);
                sequence = sequence.max(mark.sequence);
            }
        }
        let (left, finished) = events::leftovers(&*store)?;
        let mut handouts = vec![Vec::new(); usize::from(config.shards)];
        for (shard, handout) in left {
            if let Some(list) = handouts.get_mut(usize::from(shard))
                && !planted(Fault::HandoutForgottenAtStart)
            {
                list.push(handout);
            }
        }
        for event in finished {
            let parts = (0..config.shards).map(|shard| keys::event_progress(event, shard));
            for key in std::iter::once(keys::event(event)).chain(parts) {
                unit.writes.push(Write::Delete {
                    table: Table::Events,
                    key,
                });
            }
        }
        store.commit(&Group { units: vec![unit] })?;
        let config = Arc::new(config);
        let (router, receivers) = Router::new(config.clone(), config.shards, secret, run);
        Ok(Self {
            secret,
            router: Arc::new(router),
            receivers,
            handouts,
            kept,
            sequence: if planted(Fault::SequenceBeginsAnew) {
                0
            } else {
                sequence + SEQUENCE_GAP
            },
            store,
            config,
        })
    }

    /// Opens the shards over what they share.
    ///
    /// # Errors
    /// When the store can't be read, or a row is damaged.
    pub fn shards(
        receivers: Vec<Receiver<ShardInput>>,
        handouts: Vec<Vec<Handout>>,
        shared: &Arc<Shared>,
    ) -> Result<Vec<Shard>, StoreError> {
        (0..)
            .zip(receivers.into_iter().zip(handouts))
            .map(|(id, (receiver, handouts))| Shard::open(id, shared.clone(), receiver, handouts))
            .collect()
    }
}

fn put(unit: &mut Unit, key: &[u8], value: Vec<u8>) {
    unit.writes.push(Write::Put {
        table: Table::Meta,
        key: key.to_vec(),
        value,
    });
}

struct Running {
    shards: Vec<JoinHandle<()>>,
    compute: Option<Arc<ComputeThreads>>,
}

struct Inner {
    config: Arc<HostConfig>,
    store: Arc<dyn Store>,
    clock: Arc<dyn ClockSource>,
    sandbox: Sandbox,
    router: Arc<Router>,
    opened: Mutex<Option<Opened>>,
    running: Mutex<Running>,
    failure: Mutex<Option<HostError>>,
    ended: (crossbeam_channel::Sender<()>, Receiver<()>),
    now: Mutex<Option<Arc<Shared>>>,
}

/// The host. Clones share one.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

impl Host {
    /// Reads the store; nothing runs yet. `secret_if_new` becomes the secret of a store that has none.
    ///
    /// # Errors
    /// When the store fails, or the configuration can't be used.
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
            opened: Mutex::new(Some(opened)),
            running: Mutex::new(Running {
                shards: Vec::new(),
                compute: None,
            }),
            failure: Mutex::new(None),
            ended: crossbeam_channel::bounded(1),
            now: Mutex::new(None),
        })))
    }

    /// What the broker is to tell its events to.
    pub fn events(&self) -> Arc<dyn BrokerEvents> {
        self.0.router.clone()
    }

    /// Starts the shards, each on a thread of its own. A second call does nothing.
    ///
    /// # Errors
    /// When the store can't be read or the system gives no thread.
    pub fn start(&self, broker: Arc<dyn Broker>) -> Result<(), HostError> {
        let Some(opened) = lock(&self.0.opened).take() else {
            return Ok(());
        };
        let inner = &self.0;
        let definitions = Arc::new(Definitions::new(
            opened.config.clone(),
            inner.store.clone(),
            inner.sandbox.clone(),
        ));
        let thread = |error: std::io::Error| HostError::Thread(error.to_string());
        let compute = Arc::new(
            ComputeThreads::start(2, &definitions, &inner.sandbox, &opened.router)
                .map_err(thread)?,
        );
        let shared = Arc::new(Shared {
            config: opened.config.clone(),
            store: inner.store.clone(),
            broker,
            time: EngineTime::new(inner.clock.clone(), opened.kept),
            sequence: AtomicU64::new(opened.sequence),
            secret: opened.secret,
            sandbox: inner.sandbox.clone(),
            compute: compute.clone() as Arc<dyn Compute>,
            definitions,
            router: opened.router.clone(),
        });
        *lock(&inner.now) = Some(shared.clone());
        let shards = Opened::shards(opened.receivers, opened.handouts, &shared)?;
        let mut running = lock(&inner.running);
        running.compute = Some(compute);
        for (id, shard) in (0..).zip(shards) {
            let host = self.clone();
            let builder = std::thread::Builder::new().name(format!("shard-{id}"));
            running
                .shards
                .push(builder.spawn(move || host.run(id, shard)).map_err(thread)?);
        }
        Ok(())
    }

    fn run(&self, id: u16, mut shard: Shard) {
        // A panic must not go unnoticed: the other shards would go on while this one's messages wait for ever.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            loop {
                match shard.wait() {
                    Ok(Progress::Ended) => return Ok(()),
                    Ok(Progress::Busy | Progress::Idle) => {}
                    Err(error) => return Err(error),
                }
            }
        }));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(error.into()),
            Err(_) => self.fail(HostError::Panic(id)),
        }
    }

    fn fail(&self, error: HostError) {
        tracing::error!(%error, "the engine can't go on; nothing more is acknowledged");
        lock(&self.0.failure).get_or_insert(error);
        let _ = self.0.ended.0.try_send(());
        self.0.router.stop();
    }

    /// Why the host can't go on, when it can't.
    pub fn failure(&self) -> Option<HostError> {
        lock(&self.0.failure).clone()
    }

    /// Gets a message when the host has failed.
    pub fn failed(&self) -> Receiver<()> {
        self.0.ended.1.clone()
    }

    /// Answers an operator's question from what is committed, or does what it orders. Blocks for the store.
    pub fn query(&self, query: &Query) -> QueryAnswer {
        if let Query::Order { process, order } = query {
            return self.order(*process, order.clone());
        }
        let now = lock(&self.0.now).as_ref().map_or_else(
            || Timestamp(self.0.clock.wall()),
            |shared| shared.time.now(),
        );
        questions::answer(&*self.0.store, now, self.0.config.history_entries, query).unwrap_or(
            QueryAnswer::Error {
                reason: "this is no question".into(),
            },
        )
    }

    fn order(&self, process: ProcessId, order: Order) -> QueryAnswer {
        let (command, outcome) = Command::new(process, order);
        self.0.router.order(command);
        match outcome.recv_timeout(ORDER_PATIENCE) {
            Ok(outcome) => QueryAnswer::Ordered { outcome },
            Err(_) => QueryAnswer::Error {
                reason: "the engine ended or is too busy; `bureaucrat show` tells whether the order took effect"
                    .into(),
            },
        }
    }

    /// Lets the shards finish what is in hand, and waits for them. Consuming is to be stopped before.
    pub fn stop(&self) {
        self.0.router.stop();
        let (shards, compute) = {
            let mut running = lock(&self.0.running);
            (std::mem::take(&mut running.shards), running.compute.take())
        };
        for shard in shards {
            if shard.join().is_err() {
                tracing::error!("a shard's thread panicked while it ended");
            }
        }
        if let Some(compute) = compute {
            compute.stop();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these hold is replaced as a whole; a panic elsewhere leaves a good value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
