//! The engine as it runs on a machine: the host's own driver, router and definitions, polled
//! instead of run by threads.

use super::SimulatedClock;
use bureaucrat_host::{
    Committing, Driver, HostConfig, HostError, Opened, Progress, Shared,
    asking::{Asked, Question},
    broker::{Broker, BrokerEvent, BrokerEvents},
    bulk::BulkCommand,
    commands::{Command, Order},
    commit::{self, Batch, CommitOutcome, Committer},
    compute::{Compute, Job, JobOutcome, Task, perform},
    definitions::{Definitions, LoadFailure},
    modules::ModuleCommand,
    router::{Incoming, Router},
};
use bureaucrat_model::{
    Millis, Operator, ProcessId, ProgramHash, ShardGroup, ShardGroups, Timestamp, lock,
};
use bureaucrat_sandbox::{Evaluated, Log, Outcome, Sandbox};
use bureaucrat_store::{Store, StoreError};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

/// Who gives orders about a process: each has one operator.
pub(super) fn operator_of(process: ProcessId) -> Operator {
    let names = ["ada", "grace", "uid 1001"];
    Operator::named(names[usize::from(process.as_bytes()[7]) % names.len()])
}

/// From which a new storage derives ids.
pub(super) const SECRET: [u8; 32] = [7; 32];

/// Jobs that wait until the simulation does them.
#[derive(Default)]
struct Jobs(Mutex<VecDeque<Job>>);

impl Compute for Jobs {
    fn submit(&self, job: Job) {
        lock(&self.0).push_back(job);
    }
}

/// Batches that wait until the simulation writes them; or that are written at once, to this store.
struct Batches {
    submitted: Mutex<Submitted>,
    inline: Option<Arc<dyn Store>>,
}

#[derive(Default)]
struct Submitted {
    waiting: VecDeque<Batch>,
    count: u64,
    /// Outcomes that the driver has not heard.
    unanswered: Vec<CommitOutcome>,
}

impl Batches {
    /// Up to `most` batches that are written together.
    fn take(&self, most: usize) -> Vec<Batch> {
        let mut submitted = self.lock();
        let count = commit::together(&submitted.waiting).min(most);
        submitted.waiting.drain(..count).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Submitted> {
        lock(&self.submitted)
    }
}

impl Committer for Batches {
    fn submit(&self, batch: Batch) -> Option<CommitOutcome> {
        let mut submitted = self.lock();
        submitted.count += 1;
        match &self.inline {
            Some(store) => commit::write(store, vec![batch]).pop(),
            None => {
                submitted.waiting.push_back(batch);
                None
            }
        }
    }
}

/// An engine; it is lost with its machine.
pub struct Engine {
    driver: Option<Driver>,
    store: Arc<dyn Store>,
    batches: Arc<Batches>,
    /// How many inputs wait for the driver.
    pending: Box<dyn Fn() -> usize>,
    router: Arc<Router>,
    shared: Arc<Shared>,
    jobs: Arc<Jobs>,
    definitions: Arc<Definitions>,
    sandbox: Sandbox,
}

impl Engine {
    /// Starts an engine on what its disk holds.
    ///
    /// # Errors
    /// If the store fails.
    pub fn start(
        config: HostConfig,
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        clock: &Arc<SimulatedClock>,
        sandbox: &Sandbox,
    ) -> Result<Self, HostError> {
        let inline = config.committing == Committing::Inline;
        let opened = Opened::new(config, store.clone(), SECRET)?;
        let batches = Arc::new(Batches {
            submitted: Mutex::default(),
            inline: inline.then(|| store.clone()),
        });
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
        let receiver = opened.receiver.clone();
        let driver = opened.driver(&shared, batches.clone())?;
        Ok(Self {
            pending: Box::new(move || receiver.len()),
            shared,
            driver: Some(driver),
            store,
            batches,
            router,
            jobs,
            definitions,
            sandbox: sandbox.clone(),
        })
    }

    /// The engine's time.
    pub fn now(&self) -> Timestamp {
        self.shared.time.now()
    }

    /// Whether its driver has ended.
    pub fn has_ended(&self) -> bool {
        self.driver.is_none()
    }

    /// Reports an event of the broker.
    pub fn receive(&self, event: BrokerEvent) {
        self.router.receive(event);
    }

    /// Runs one loop of the driver.
    ///
    /// # Errors
    /// If the store fails; then the engine cannot continue.
    pub fn poll(&mut self) -> Result<(), StoreError> {
        let Some(running) = &mut self.driver else {
            return Ok(());
        };
        match running.poll() {
            Ok(Progress::Busy | Progress::Idle) => Ok(()),
            Ok(Progress::Ended) => {
                self.driver = None;
                Ok(())
            }
            Err(error) => {
                self.driver = None;
                Err(error)
            }
        }
    }

    /// How many batches were submitted.
    pub fn submitted(&self) -> u64 {
        self.batches.lock().count
    }

    /// The number of the first batch that waits to be written, counting from 1.
    pub fn next_batch(&self) -> u64 {
        let submitted = self.batches.lock();
        submitted.count + 1 - submitted.waiting.len() as u64
    }

    /// Whether the driver has taken all of its inputs.
    pub fn has_heard(&self) -> bool {
        (self.pending)() == 0
    }

    /// Writes up to `most` of the waiting batches together; returns how many.
    pub fn commit(&self, most: usize) -> usize {
        let batches = self.batches.take(most);
        let count = batches.len();
        if !batches.is_empty() {
            for outcome in commit::write(&self.store, batches) {
                self.router.send(Incoming::Committed(outcome));
            }
        }
        count
    }

    /// The same; the outcomes come later.
    pub fn commit_unanswered(&self, most: usize) -> usize {
        let batches = self.batches.take(most);
        let count = batches.len();
        if !batches.is_empty() {
            let outcomes = commit::write(&self.store, batches);
            self.batches.lock().unanswered.extend(outcomes);
        }
        count
    }

    /// The outcomes of [`Self::commit_unanswered`] come.
    pub fn answers_come(&self) {
        let outcomes: Vec<CommitOutcome> = self.batches.lock().unanswered.drain(..).collect();
        for outcome in outcomes {
            self.router.send(Incoming::Committed(outcome));
        }
    }

    /// Whether batches wait to be written.
    pub fn has_batches(&self) -> bool {
        !self.batches.lock().waiting.is_empty()
    }

    /// Submits an operator's order; nobody waits for its outcome.
    pub fn order(&self, process: ProcessId, order: Order) {
        self.router
            .order(Command::new(process, order, operator_of(process)).0);
    }

    /// The groups that it takes for its own.
    pub fn groups(&self) -> ShardGroups {
        self.shared.config.sharing.groups()
    }

    /// Asks the engine that has a group something; nobody waits for the answer. Returns the question's number.
    pub fn ask_another(&self, group: ShardGroup, asker: ShardGroup) -> u64 {
        let question = Question {
            number: self.shared.draw(),
            group: group.number(),
            asker: asker.number(),
            until: self.now().after(Millis(30_000)),
            by: Operator::named("ada"),
            query: String::new(),
        };
        let number = question.number;
        let asked = Box::new(Asked::Question(question));
        self.router.send(Incoming::SentOn { group, asked });
        number
    }

    /// The number of a question of another engine that is to be carried out now.
    pub fn question(&self) -> Option<u64> {
        Some(self.shared.asking.waiting()?.number)
    }

    /// Submits an operator's order about modules; nobody waits for its answer.
    pub fn order_module(&self, command: ModuleCommand) {
        self.router.send(Incoming::OrderedModule(command));
    }

    /// Submits an operator's order about bulk jobs; nobody waits for its answer.
    pub fn order_bulk(&self, command: BulkCommand) {
        self.router.send(Incoming::OrderedBulk(command));
    }

    /// Tells it to shut down.
    pub fn stop(&self) {
        self.router.stop();
    }

    /// Makes one job fail because of the machine, not necessarily the first. Returns false if no
    /// job may fail. A launch whose definition cannot be compiled would be refused, so that job may
    /// not, nor may one that loads a program that launches may name.
    pub fn fail_job(&self, place: usize, may_fail: impl Fn(ProgramHash) -> bool) -> bool {
        let mut jobs = lock(&self.jobs.0);
        let place = place.min(jobs.len().saturating_sub(1));
        let reason = "the simulated machine has no memory".to_owned();
        let outcome = match jobs.get(place).map(|job| &job.task) {
            Some(Task::Evaluate { .. }) => JobOutcome::Evaluated(Evaluated {
                outcome: Outcome::Environmental(reason),
                fuel: 0,
                memory_bytes: 0,
                time: Duration::ZERO,
                log: Log::default(),
            }),
            Some(Task::Load(program)) if !may_fail(*program) => return false,
            Some(Task::Load(_)) => JobOutcome::Loaded(Err(LoadFailure::Environment(reason))),
            Some(Task::Compile { .. } | Task::Admit { .. }) | None => return false,
        };
        let Some(job) = jobs.remove(place).map(|job| job.id) else {
            return false;
        };
        drop(jobs);
        self.router.send(Incoming::Done { job, outcome });
        true
    }

    /// The program that a job loads.
    pub fn loads(&self, place: usize) -> Option<ProgramHash> {
        let jobs = lock(&self.jobs.0);
        let place = place.min(jobs.len().saturating_sub(1));
        match jobs.get(place).map(|job| &job.task) {
            Some(Task::Load(program)) => Some(*program),
            Some(Task::Compile { .. } | Task::Admit { .. } | Task::Evaluate { .. }) | None => None,
        }
    }

    /// Does one job, not necessarily the first; returns false if there is none.
    pub fn do_job(&self, place: usize) -> bool {
        let mut jobs = lock(&self.jobs.0);
        let place = place.min(jobs.len().saturating_sub(1));
        let job = jobs.remove(place);
        drop(jobs);
        let Some(job) = job else { return false };
        self.router
            .send(perform(job, &self.definitions, &self.sandbox));
        true
    }
}
