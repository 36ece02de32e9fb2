//! A shard: takes inputs in order, turns each into a transaction, commits a group of them with one sync, then acts.
//!
//! It owns its processes: nobody else reads or writes their rows. It never blocks but for the store, and everything
//! that it keeps in memory can be read from the store again.

mod arrivals;
mod calls;
mod duties;
mod effects;
mod incidents;
mod instances;
mod orders;
mod outgoing;
mod removal;
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
    outbox::{Outbox, Publishing},
    planted::{Fault, planted},
    router::{self, Router, ShardInput},
    timers::Timers,
    transaction::{After, CallStart, Held, Transaction, Work},
};
use bureaucrat_model::{Millis, ProcessId, ProgramHash, Timestamp};
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{
    Group, Store, StoreError, Table, Unit, Verdict, Write, keys::OutboxKey, records,
};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What all shards share.
pub struct Shared {
    /// The configuration.
    pub config: Arc<HostConfig>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// The time.
    pub time: EngineTime,
    /// The place of the next event or subscription in the order of commits.
    pub sequence: AtomicU64,
    /// The secret that ids are derived with.
    pub secret: [u8; 32],
    /// Where conditions run.
    pub sandbox: Sandbox,
    /// Where dear work is done.
    pub compute: Arc<dyn Compute>,
    /// Compiled definitions.
    pub definitions: Arc<Definitions>,
    /// The damage that was come upon.
    pub damages: Arc<Damages>,
    /// The way to the other shards.
    pub router: Arc<Router>,
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
    /// A transaction, for a program or a condition, and the piece of work to go on with.
    Transaction {
        root: ProcessId,
        transaction: Box<Transaction>,
        resume: Box<Work>,
    },
}

/// A launch whose definition is being compiled, with every delivery of it.
struct LaunchInHand {
    deliveries: Vec<Delivery>,
    seen: Option<[u8; 32]>,
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

/// The longest that a shard sleeps.
const SLEEP: Millis = Millis(1_000);

/// A shard.
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
    calling: BTreeSet<ProcessId>,
    jobs: BTreeMap<JobId, Waiting>,
    jobs_count: u64,
    busy: BTreeMap<ProcessId, VecDeque<Transaction>>,
    finished: Vec<Finished>,
    /// Messages of the group under way, so that two of one id in a group count once.
    seen_now: BTreeMap<[u8; 32], Option<ProcessId>>,
    stored_programs: BTreeSet<ProgramHash>,
    held_back: VecDeque<ShardInput>,
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
            outbox: Outbox::new(id, in_flight),
            trims: Vec::new(),
            trims_since: now,
            handouts: handouts.into(),
            handout_waits_for: None,
            launching: BTreeMap::new(),
            calling: BTreeSet::new(),
            jobs: BTreeMap::new(),
            jobs_count: 0,
            busy: BTreeMap::new(),
            finished: Vec::new(),
            seen_now: BTreeMap::new(),
            stored_programs: BTreeSet::new(),
            held_back: VecDeque::new(),
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
            if handing_out || self.timers.is_behind() || !self.held_back.is_empty() {
                return now;
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
        let mut taken = 0;
        let mut next = first.or_else(|| self.receiver.try_recv().ok());
        self.unhold()?;
        while let Some(input) = next {
            self.take(input)?;
            taken += 1;
            next = if taken < self.shared.config.group_inputs {
                self.receiver.try_recv().ok()
            } else {
                None
            };
        }
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
        Ok(if taken + duties + committed > 0 {
            Progress::Busy
        } else {
            Progress::Idle
        })
    }

    fn take(&mut self, input: ShardInput) -> Result<(), StoreError> {
        match input {
            ShardInput::Arrived { .. } if self.is_full() => {
                if !planted(Fault::HeldBackDropped) {
                    self.held_back.push_back(input);
                }
                Ok(())
            }
            ShardInput::Arrived { delivery, arrival } => self.arrived(delivery, arrival),
            ShardInput::Published { ticket, outcome } => {
                self.published(ticket, outcome);
                Ok(())
            }
            ShardInput::PublishingUp => {
                self.outbox.set_publishing(Publishing::Up);
                Ok(())
            }
            ShardInput::PublishingDown => {
                if planted(Fault::ForgetOutboxOnReconnect) {
                    self.outbox = Outbox::new(self.id, self.shared.config.publishes_in_flight);
                }
                self.outbox.set_publishing(Publishing::Down);
                Ok(())
            }
            ShardInput::Done { job, outcome } => {
                self.done(job, outcome)?;
                self.handout_is_blocked().map(|_| ())
            }
            ShardInput::HandOut(handout) => {
                self.handouts.push_back(handout);
                Ok(())
            }
            ShardInput::Ordered(command) => self.ordered(command),
            ShardInput::Stop => {
                if self.stopping == Stopping::No {
                    self.stopping = Stopping::Yes { since: self.now() };
                }
                Ok(())
            }
        }
    }

    /// Whether the outbox holds so much that nothing more is taken in.
    fn is_full(&self) -> bool {
        self.outbox.len() >= self.shared.config.outbox_rows
    }

    fn can_unhold(&self) -> bool {
        !self.held_back.is_empty() && !self.is_full()
    }

    fn unhold(&mut self) -> Result<(), StoreError> {
        while self.can_unhold() {
            let Some(input) = self.held_back.pop_front() else {
                break;
            };
            self.take(input)?;
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.shared.time.now()
    }

    /// The first bytes of this shard's ids, and of the first ones after it.
    fn range(&self) -> (Vec<u8>, Vec<u8>) {
        let bytes = |bound: u32| match u16::try_from(bound) {
            Ok(bound) => bound.to_be_bytes().to_vec(),
            Err(_) => vec![u8::MAX; 40],
        };
        let (from, to) = router::shard_range(self.id, self.shared.router.shards());
        (bytes(from), bytes(to))
    }

    fn submit(&mut self, task: Task, waiting: Waiting) {
        self.jobs_count += 1;
        let id = JobId(self.jobs_count);
        self.jobs.insert(id, waiting);
        self.shared.compute.submit(Job {
            shard: self.id,
            id,
            task,
        });
    }

    fn done(&mut self, job: JobId, outcome: JobOutcome) -> Result<(), StoreError> {
        match self.jobs.remove(&job) {
            Some(Waiting::Launch(process)) => self.launch_compiled(process, outcome),
            Some(Waiting::Call(call)) => self.call_compiled(call, outcome),
            Some(Waiting::Transaction {
                root,
                transaction,
                resume,
            }) => self.go_on(root, *transaction, *resume, outcome),
            None => Ok(()),
        }
    }

    /// Commits every finished transaction, with one sync, then acts. Returns how many there were.
    fn commit(&mut self) -> Result<usize, StoreError> {
        let now = self.now();
        let trim = !self.trims.is_empty()
            && (!self.finished.is_empty()
                || self.trims.len() >= TRIMS_MAX
                || now >= self.trims_since.after(TRIM_DELAY));
        if self.finished.is_empty() && !trim {
            return Ok(0);
        }
        let transactions = std::mem::take(&mut self.finished);
        let count = transactions.len();
        let mut group = Group::default();
        let mut outcomes = Vec::with_capacity(count);
        for Finished {
            unit,
            processes,
            after,
        } in transactions
        {
            group.units.push(unit);
            outcomes.push((processes, after));
        }
        group.units.push(self.closing_unit(now)?);
        let verdicts = self.shared.store.commit(&group)?;
        // While a transaction waits for a job, its message is remembered here alone.
        if self.busy.is_empty() {
            self.seen_now.clear();
        }
        for ((processes, after), verdict) in outcomes.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Committed => {
                    self.act(after)?;
                    continue;
                }
                Verdict::Damaged { process } => {
                    let error = StoreError::Damaged {
                        table: Table::Instances,
                        key: records::hexadecimal(process.as_bytes()),
                        reason: "its version can't be read; what came for it stays with the broker"
                            .into(),
                    };
                    self.shared.damages.note(Some(process), &error);
                }
                Verdict::Conflict { process, found } => {
                    // Nobody else writes this shard's processes: this is a fault of the engine, and the delivery stays
                    // with the broker.
                    tracing::error!(%process, found = found.0, expected_by = ?processes, "a commit met another version");
                }
            }
            // What memory holds of them was not written.
            for process in &processes {
                self.residents.remove(process);
            }
        }
        self.forget_some();
        Ok(count)
    }

    /// The unit that goes with every group: rows that left the outbox, and how far time and sequence have come.
    fn closing_unit(&mut self, now: Timestamp) -> Result<Unit, StoreError> {
        let mut unit = Unit::default();
        for key in self.trims.drain(..) {
            unit.writes.push(Write::Delete {
                table: Table::Outbox,
                key: key.to_bytes(),
            });
        }
        let mark = crate::opened::Mark {
            now,
            sequence: self.shared.sequence.load(Ordering::Acquire),
        };
        unit.writes.push(Write::Put {
            table: Table::Meta,
            key: crate::opened::mark_key(self.id),
            value: records::encode(&mark)?,
        });
        Ok(unit)
    }

    /// What follows a durable transaction.
    fn act(&mut self, after: After) -> Result<(), StoreError> {
        for handle in after.acknowledge {
            self.shared.broker.acknowledge(handle);
        }
        for key in after.withdraw {
            self.outbox.withdraw(key);
        }
        for (key, message) in after.publish {
            self.outbox.insert(key, Some(message));
        }
        for (due, wait) in after.stopped {
            self.timers.remove(due, wait);
        }
        for (due, wait) in after.timers {
            self.timers.insert(due, wait);
        }
        for handout in after.handouts {
            self.shared.router.hand_out(&handout);
        }
        for (reply, outcome) in after.answers {
            // Whoever asked may have gone.
            let _ = reply.try_send(outcome);
        }
        for process in after.removed {
            self.residents.remove(&process);
        }
        for handout in after.handed_out {
            self.handed_out(&handout)?;
        }
        for call in after.calls {
            self.start_call(call);
        }
        Ok(())
    }

    /// Keeps the number of instances in memory within its bound. Only called when everything is committed: an instance
    /// whose commit is still to come may not be forgotten.
    fn forget_some(&mut self) {
        while self.residents.len() > self.shared.config.residents {
            let after = (Bound::Excluded(self.forgotten), Bound::Unbounded);
            let next = self
                .residents
                .range(after)
                .next()
                .or_else(|| self.residents.iter().next());
            let Some(process) = next.map(|(process, _)| *process) else {
                break;
            };
            self.residents.remove(&process);
            self.forgotten = process;
        }
    }
}
