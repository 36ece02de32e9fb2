//! What a store says of itself, and what a start takes from it: identity, runs, marks, events that are left.

use crate::{
    broker::Broker,
    clock::{ClockSource, EngineTime},
    compute::Compute,
    config::{HostConfig, SHARDS_MAX},
    damage::Damages,
    definitions::Definitions,
    events::{self, Handout},
    host::HostError,
    large::Large,
    programs::Programs,
    router::{Router, ShardInput},
    shard::{Shard, Shared},
    tenants::Tenants,
};
use bureaucrat_model::Timestamp;
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{Group, Store, StoreError, Table, Unit, Write, keys, records};
use crossbeam_channel::Receiver;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, atomic::AtomicU64};

/// What a store says of itself, written when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// What ids are derived with, 32 bytes.
    #[serde(with = "serde_bytes")]
    pub secret: Vec<u8>,
    pub shards: u16,
}

/// How far time and the order of commits have come, written with every group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub now: Timestamp,
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

pub(crate) fn mark_key(shard: u16) -> Vec<u8> {
    [MARK, &shard.to_be_bytes()].concat()
}

/// What a store gives to start from; the same for the host and for the simulator.
pub struct Opened {
    /// The configuration, with the number of shards that the store was made with.
    pub config: Arc<HostConfig>,
    /// The secret that ids are derived with.
    pub secret: [u8; 32],
    pub router: Arc<Router>,
    /// The ends that the shards read from.
    pub receivers: Vec<Receiver<ShardInput>>,
    /// Events to go on with, by shard.
    pub handouts: Vec<Vec<Handout>>,
    /// The highest time of earlier runs.
    pub kept: Timestamp,
    /// Where the order of commits goes on.
    pub sequence: u64,
    /// The damage that was come upon so far.
    pub damages: Arc<Damages>,
    /// The policy, and what everybody has.
    pub tenants: Arc<Tenants>,
    /// The stored programs, and who uses them.
    pub programs: Arc<Programs>,
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
        let damages = Arc::new(Damages::default());
        let identity = match meta(records::read(&*store, Table::Meta, IDENTITY))? {
            Some(identity) => identity,
            None => {
                let identity = Identity {
                    secret: secret_if_new.to_vec(),
                    shards: config.shards,
                };
                put(&mut unit, IDENTITY, records::encode(&identity)?);
                identity
            }
        };
        let runs: Option<u64> = meta(records::read(&*store, Table::Meta, RUNS))?;
        let run = runs.map_or(1, |runs| runs + 1);
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
            });
        let secret = meta(secret)?;
        let (mut kept, mut sequence) = (Timestamp(0), 0);
        for shard in 0..config.shards {
            let mark: Option<Mark> = meta(records::read(&*store, Table::Meta, &mark_key(shard)))?;
            if let Some(mark) = mark {
                kept = kept.max(mark.now);
                sequence = sequence.max(mark.sequence);
            }
        }
        let (left, finished) = events::leftovers(&*store, &damages)?;
        let mut handouts = vec![Vec::new(); usize::from(config.shards)];
        for (shard, handout) in left {
            if let Some(list) = handouts.get_mut(usize::from(shard)) {
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
        let tenants = Arc::new(Tenants::new(config.policy.clone()));
        let programs = Programs::open(&*store, config.unused_programs, |head, bytes| {
            tenants.count(head, bytes);
        })?;
        let programs = Arc::new(programs);
        let config = Arc::new(config);
        let (router, receivers) = Router::new(config.clone(), config.shards, secret, run);
        Ok(Self {
            secret,
            router: Arc::new(router),
            receivers,
            handouts,
            kept,
            sequence: sequence + SEQUENCE_GAP,
            damages,
            tenants,
            programs,
            store,
            config,
        })
    }

    /// The definitions at hand, over this store.
    pub fn definitions(&self, sandbox: &Sandbox) -> Arc<Definitions> {
        Arc::new(Definitions::new(
            self.config.clone(),
            self.store.clone(),
            sandbox.clone(),
        ))
    }

    /// What the shards share, with the seams that are given here. Time begins now.
    pub fn share(
        &self,
        broker: Arc<dyn Broker>,
        clock: Arc<dyn ClockSource>,
        sandbox: &Sandbox,
        compute: Arc<dyn Compute>,
        definitions: Arc<Definitions>,
    ) -> Arc<Shared> {
        Arc::new(Shared {
            config: self.config.clone(),
            store: self.store.clone(),
            broker,
            time: EngineTime::new(clock, self.kept),
            sequence: AtomicU64::new(self.sequence),
            secret: self.secret,
            sandbox: sandbox.clone(),
            compute,
            definitions,
            damages: self.damages.clone(),
            router: self.router.clone(),
            tenants: self.tenants.clone(),
            programs: self.programs.clone(),
            large: Large::new(self.config.large_bytes, self.config.large_under_way),
        })
    }

    /// Opens the shards over what they share.
    ///
    /// # Errors
    /// When the store can't be read, or a row is damaged.
    pub fn shards(self, shared: &Arc<Shared>) -> Result<Vec<Shard>, StoreError> {
        (0..)
            .zip(self.receivers.into_iter().zip(self.handouts))
            .map(|(id, (receiver, handouts))| Shard::open(id, shared.clone(), receiver, handouts))
            .collect()
    }
}

/// What the store says of itself: no engine may run on a guess at it.
fn meta<T>(read: Result<T, StoreError>) -> Result<T, HostError> {
    read.map_err(|error| {
        if matches!(error, StoreError::Damaged { .. }) {
            HostError::Meta(error)
        } else {
            HostError::Store(error)
        }
    })
}

fn put(unit: &mut Unit, key: &[u8], value: Vec<u8>) {
    unit.writes.push(Write::Put {
        table: Table::Meta,
        key: key.to_vec(),
        value,
    });
}
