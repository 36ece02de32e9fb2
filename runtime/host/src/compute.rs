//! Slow work: compiling definitions and modules, and evaluating expensive guests.
//!
//! A shard submits a job and continues; the outcome comes back as an input. The amount of work in
//! progress is limited: a launch keeps its delivery unacknowledged, and a call tree has one job at
//! a time. The threads have a lower priority than those of the shards, so that expensive work slows
//! nothing else down.

use crate::{
    definitions::{Definitions, LoadFailure, Loaded},
    fair::{FairQueue, User},
    intake::router::{Incoming, Router},
};
use bureaucrat_model::{ProgramHash, View, lock, unpoisoned};
use bureaucrat_policy::Rules;
use bureaucrat_sandbox::{Budget, CompileBudget, Evaluated, Guest, Sandbox};
use rustix::process::setpriority_process;
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::JoinHandle,
};

/// The nice value of the threads and of the processes that they start: shards with work to do go
/// first.
const NICE: i32 = 10;

/// The number of a job, unique within its shard and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

pub enum Task {
    Compile {
        source: Arc<[u8]>,
        /// What its user may do: which modules exist for it, and what compiling one may use.
        rules: Arc<Rules>,
    },
    /// Admit and compile a module that will be stored.
    Admit {
        component: Arc<[u8]>,
        /// What compiling it may use.
        budget: CompileBudget,
    },
    /// Prepare a stored program.
    Load(ProgramHash),
    Evaluate {
        guest: Guest,
        function: String,
        view: View,
        budget: Budget,
    },
}

/// A job and its owner.
pub struct Job {
    pub id: JobId,
    /// The user whose job it is.
    pub user: User,
    pub task: Task,
}

pub enum JobOutcome {
    /// A definition was compiled or a program loaded, or it failed.
    Loaded(Result<Arc<Loaded>, LoadFailure>),
    /// A module was admitted, or it failed.
    Admitted(Result<Guest, LoadFailure>),
    Evaluated(Evaluated),
}

/// Does jobs: threads in production, the simulator's schedule in tests.
pub trait Compute: Send + Sync {
    /// Takes a job; its outcome reaches the driver as [`Incoming::Done`]. Never blocks.
    fn submit(&self, job: Job);
}

/// Does one job. All [`Compute`] implementations use this.
pub fn perform(job: Job, definitions: &Definitions, sandbox: &Sandbox) -> Incoming {
    let outcome = match job.task {
        Task::Compile { source, rules } => JobOutcome::Loaded(definitions.compile(&source, &rules)),
        Task::Admit { component, budget } => {
            JobOutcome::Admitted(definitions.admit(&component, budget))
        }
        Task::Load(hash) => JobOutcome::Loaded(definitions.load(hash)),
        Task::Evaluate {
            guest,
            function,
            view,
            budget,
        } => JobOutcome::Evaluated(sandbox.evaluate_within(&guest, &function, view, budget)),
    };
    Incoming::Done {
        job: job.id,
        outcome,
    }
}

/// A few threads that do jobs, in two lanes, so that compiling and loading delay no evaluation. In
/// each lane users take turns.
pub struct ComputeThreads {
    compiling: Arc<Lane>,
    evaluating: Arc<Lane>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Jobs that wait for a thread.
#[derive(Default)]
struct Lane {
    state: Mutex<LaneState>,
    changed: Condvar,
}

#[derive(Default)]
struct LaneState {
    jobs: FairQueue<Job>,
    has_ended: bool,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, LaneState> {
        lock(&self.state)
    }

    fn push(&self, job: Job) {
        self.lock().jobs.push(job.user.clone(), job);
        self.changed.notify_one();
    }

    /// The next job; `None` once the lane has ended and is empty.
    fn next(&self) -> Option<Job> {
        let waiting = |state: &mut LaneState| state.jobs.is_empty() && !state.has_ended;
        let mut state = unpoisoned(self.changed.wait_while(self.lock(), waiting));
        state.jobs.pop().map(|(_, job)| job)
    }

    fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }
}

impl ComputeThreads {
    /// Starts `count` threads for each lane.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        count: usize,
        definitions: &Arc<Definitions>,
        sandbox: &Sandbox,
        router: &Arc<Router>,
    ) -> std::io::Result<Self> {
        let (compiling, evaluating) = (Arc::<Lane>::default(), Arc::<Lane>::default());
        let mut threads = Vec::new();
        for (name, lane) in [("compile", &compiling), ("evaluate", &evaluating)] {
            for number in 0..count.max(1) {
                let (lane, router) = (lane.clone(), router.clone());
                let (definitions, sandbox) = (definitions.clone(), sandbox.clone());
                let builder = std::thread::Builder::new().name(format!("{name}-{number}"));
                threads.push(builder.spawn(move || {
                    // On Linux this applies to the current thread only. If it fails, the thread
                    // works anyway.
                    let _ = setpriority_process(None, NICE);
                    while let Some(job) = lane.next() {
                        router.send(perform(job, &definitions, &sandbox));
                    }
                })?);
            }
        }
        Ok(Self {
            compiling,
            evaluating,
            threads: Mutex::new(threads),
        })
    }

    /// Lets the threads finish their jobs and end, and waits for them.
    pub fn stop(&self) {
        self.compiling.end();
        self.evaluating.end();
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a compute thread panicked");
            }
        }
    }
}

impl Compute for ComputeThreads {
    fn submit(&self, job: Job) {
        match &job.task {
            Task::Compile { .. } | Task::Admit { .. } | Task::Load(_) => self.compiling.push(job),
            Task::Evaluate { .. } => self.evaluating.push(job),
        }
    }
}
