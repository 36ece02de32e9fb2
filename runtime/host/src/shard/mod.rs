//! A shard: takes inputs in order, turns each into a transaction, commits a group of them with one sync, then acts.
//!
//! It owns its processes: nobody else reads or writes their rows. It never blocks but for the store, and everything
//! that it keeps in memory can be read from the store again.

mod arrivals;
mod calls;
mod committing;
mod deployments;
mod duties;
mod effects;
mod incidents;
mod instances;
mod intake;
mod launches;
mod orders;
mod outgoing;
mod removal;
mod tenancy;
mod work;

pub(crate) use arrivals::SeenRecord;

use crate::{
    broker::{Broker, Delivery},
    clock::EngineTime,
    compute::{Compute, Job, JobId, JobOutcome, Task},
    config::HostConfig,
    damage::Damages,
    definitions::Definitions,
    events::Handout,
    fair::{FairQueue, User},
    large::{Large, LargeClaim},
    outbox::Outbox,
    programs::Programs,
    router::{Arrival, Router, ShardInput},
    tenants::Tenants,
    timers::Timers,
    transaction::{After, CallStart, Held, Transaction, Work},
};
use bureaucrat_model::{Millis, ProcessId, Timestamp};
use bureaucrat_policy::Policy;
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{Store, StoreError, Unit, keys::OutboxKey};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use launches::LaunchInHand;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

pub struct Shared {
    pub config: Arc<HostConfig>,
    pub store: Arc<dyn Store>,
    pub broker: Arc<dyn Broker>,
    pub time: EngineTime,
    /// The place of the next event or subscription in the order of commits.
    pub sequence: AtomicU64,
    /// The secret that ids are derived with.
    pub secret: [u8; 32],
    pub sandbox: Sandbox,
    /// Where dear work is done.
    pub compute: Arc<dyn Compute>,
    pub definitions: Arc<Definitions>,
    /// The damage that was come upon.
    pub damages: Arc<Damages>,
    /// The way to the other shards.
    pub router: Arc<Router>,
    /// The policy, and what everybody has.
    pub tenants: Arc<Tenants>,
    /// The stored programs, and who uses them.
    pub programs: Arc<Programs>,
    /// How much of large messages is on its way.
    pub large: Arc<Large>,
}

/// Whether a shard goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It has taken inputs or done duties.
    Busy,
    /// There was nothing to do.
    Idle,
    /// It was told to end, and everything in hand is done.
    Ended,
}

/// What waits for a job.
enum Waiting {
    /// A launch, for its definition.
    Launch(ProcessId),
    /// A call, for its definition.
    Call(CallStart),
    /// A module that is to be stored, for its admission.
    Module(Box<deployments::Deployment>),
    /// A transaction, for a program or a condition, and the piece of work to go on with.
    Transaction {
        root: ProcessId,
        transaction: Box<Transaction>,
        resume: Box<Work>,
    },
}

/// A transaction that goes with the next commit; its instances are the residents already.
struct Finished {
    unit: Unit,
    processes: Vec<ProcessId>,
    after: After,
}

/// Rows to be removed from the outbox wait at most this long for a commit to go with.
const TRIM_DELAY: Millis = Millis(100);

/// Rows to be removed from the outbox that force a commit of their own.
const TRIMS_MAX: usize = 1_000;

/// How often a shard looks whether there is room for large messages.
const ROOM: Millis = Millis(5);

/// The longest that a shard sleeps.
const SLEEP: Millis = Millis(1_000);

pub struct Shard {
    id: u16,
    shared: Arc<Shared>,
    receiver: Receiver<ShardInput>,
    residents: BTreeMap<ProcessId, Held>,
    /// Where the search for an instance to forget goes on.
    forgotten: ProcessId,
    timers: Timers,
    removals: removal::Removals,
    outbox: Outbox,
    trims: Vec<OutboxKey>,
    trims_since: Timestamp,
    handouts: VecDeque<Handout>,
    /// The subscriber whose job the event at the front waits for.
    handout_waits_for: Option<ProcessId>,
    launching: BTreeMap<ProcessId, LaunchInHand>,
    /// Launches that wait for their turn.
    lines: FairQueue<ProcessId>,
    /// Whether the first of them waits for a definition of others to be compiled.
    lines_wait: bool,
    /// Launches whose definitions are being compiled.
    compiling: usize,
    /// The policy that this turn goes by.
    policy: Arc<Policy>,
    calling: BTreeSet<ProcessId>,
    jobs: BTreeMap<JobId, Waiting>,
    jobs_count: u64,
    busy: BTreeMap<ProcessId, VecDeque<Transaction>>,
    finished: Vec<Finished>,
    /// Bytes that they are to write.
    finished_bytes: usize,
    /// Messages of the group under way, so that two of one id in a group count once.
    seen_now: BTreeMap<[u8; 32], Option<ProcessId>>,
    held_back: VecDeque<ShardInput>,
    /// Large messages that wait for room, and those of this turn that have it.
    large: VecDeque<(Delivery, Arrival)>,
    large_in_turn: Vec<LargeClaim>,
    last_expiry: Timestamp,
    stopping: Stopping,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    No,
    Yes { since: Timestamp },
}

/// How long a shard that is told to end waits for the outcomes of its publishes.
const LAST_PUBLISHES: Millis = Millis(3_000);

impl Shard {
    /// A shard over what the store holds: its outbox and calls under way are read; timers are, as they come near.
    ///
    /// # Errors
    /// When the store can't be read, or a row is damaged.
    pub fn open(
        id: u16,
        shared: Arc<Shared>,
        receiver: Receiver<ShardInput>,
        handouts: Vec<Handout>,
    ) -> Result<Self, StoreError> {
        let in_flight = shared.config.publishes_in_flight;
        let now = shared.time.now();
        let mut shard = Self {
            id,
            receiver,
            residents: BTreeMap::new(),
            forgotten: ProcessId::from_bytes([0; 16]),
            timers: Timers::default(),
            removals: removal::Removals::default(),
            outbox: Outbox::new(id, in_flight, shared.large.clone()),
            trims: Vec::new(),
            trims_since: now,
            handouts: handouts.into(),
            handout_waits_for: None,
            launching: BTreeMap::new(),
            lines: FairQueue::default(),
            lines_wait: false,
            compiling: 0,
            policy: shared.tenants.policy(),
            calling: BTreeSet::new(),
            jobs: BTreeMap::new(),
            jobs_count: 0,
            busy: BTreeMap::new(),
            finished: Vec::new(),
            finished_bytes: 0,
            seen_now: BTreeMap::new(),
            held_back: VecDeque::new(),
            large: VecDeque::new(),
            large_in_turn: Vec::new(),
            last_expiry: now,
            stopping: Stopping::No,
            shared,
        };
        shard.read_outbox()?;
        Ok(shard)
    }

    /// Waits for inputs as long as nothing is due, then takes them.
    ///
    /// # Errors
    /// When the store fails; the shard must not be used any more, and nothing of the failed group is acknowledged.
    pub fn wait(&mut self) -> Result<Progress, StoreError> {
        let wait = Duration::from_millis(self.until_wake().0);
        match self.receiver.recv_timeout(wait) {
            Ok(first) => self.turn(Some(first)),
            Err(RecvTimeoutError::Timeout) => self.turn(None),
            Err(RecvTimeoutError::Disconnected) => Ok(Progress::Ended),
        }
    }

    /// Takes the inputs that are there, without waiting.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub fn poll(&mut self) -> Result<Progress, StoreError> {
        self.turn(None)
    }

    /// When something is due, as far as is known now.
    pub fn next_wake(&self) -> Timestamp {
        let now = self.shared.time.now();
        let mut wake = now.after(SLEEP);
        // A full outbox lets nothing begin; room in it comes with an input.
        if !self.is_full() {
            let handing_out = !self.handouts.is_empty() && self.handout_waits_for.is_none();
            let launching = self.can_launch();
            if launching || handing_out || self.timers.is_behind() || !self.held_back.is_empty() {
                return now;
            }
            if !self.large.is_empty() {
                // Room comes with what another shard does.
                let has_room = self.shared.large.has_room();
                wake = wake.min(now.after(if has_room { Millis(0) } else { ROOM }));
            }
            wake = wake.min(self.timers.next_due());
            wake = wake.min(self.removals.next().unwrap_or(wake));
        }
        if !self.finished.is_empty() {
            return now;
        }
        if let Some(retry) = self.outbox.next_retry() {
            wake = wake.min(retry);
        }
        if !self.trims.is_empty() {
            wake = wake.min(self.trims_since.after(TRIM_DELAY));
        }
        if self.stopping != Stopping::No {
            wake = wake.min(now.after(Millis(20)));
        }
        wake
    }

    fn until_wake(&self) -> Millis {
        self.next_wake().since(self.shared.time.now())
    }

    fn turn(&mut self, first: Option<ShardInput>) -> Result<Progress, StoreError> {
        self.policy = self.shared.tenants.policy();
        let mut taken = 0;
        let mut next = first.or_else(|| self.receiver.try_recv().ok());
        self.unhold()?;
        while let Some(input) = next {
            self.take(input)?;
            taken += 1;
            next = if taken < self.shared.config.group_inputs && !self.has_much() {
                self.receiver.try_recv().ok()
            } else {
                None
            };
        }
        let launched = self.serve_lines()? + self.serve_large()?;
        let duties = self.duties()?;
        let committed = self.commit()?;
        self.drain()?;
        if let Stopping::Yes { since } = self.stopping
            && self.receiver.is_empty()
            && (self.outbox.in_flight() == 0 || self.now().since(since) > LAST_PUBLISHES)
        {
            self.trims_since = Timestamp(0);
            self.commit()?;
            return Ok(Progress::Ended);
        }
        Ok(if taken + launched + duties + committed > 0 {
            Progress::Busy
        } else {
            Progress::Idle
        })
    }

    fn now(&self) -> Timestamp {
        self.shared.time.now()
    }

    fn submit(&mut self, user: User, task: Task, waiting: Waiting) {
        self.jobs_count += 1;
        let id = JobId(self.jobs_count);
        self.jobs.insert(id, waiting);
        self.shared.compute.submit(Job {
            shard: self.id,
            id,
            user,
            task,
        });
    }

    fn done(&mut self, job: JobId, outcome: JobOutcome) -> Result<(), StoreError> {
        match self.jobs.remove(&job) {
            Some(Waiting::Launch(process)) => {
                self.compiling = self.compiling.saturating_sub(1);
                self.lines_wait = false;
                self.launch_compiled(process, outcome)
            }
            Some(Waiting::Call(call)) => self.call_compiled(call, outcome),
            Some(Waiting::Module(delivery)) => self.module_admitted(&delivery, outcome),
            Some(Waiting::Transaction {
                root,
                transaction,
                resume,
            }) => self.go_on(root, *transaction, *resume, outcome),
            None => Ok(()),
        }
    }
}
