//! Work that takes its time: compiling definitions and modules, and evaluating dear guests.
//!
//! A shard submits a job and goes on; the outcome comes back as one of its inputs. The amount of work under way is
//! bounded: a launch keeps its delivery unacknowledged, and a tree of calls has one job at a time.

use crate::{
    definitions::{Definitions, LoadFailure, Loaded},
    router::{Router, ShardInput},
};
use bureaucrat_model::{Fields, ProgramHash};
use bureaucrat_sandbox::{Evaluated, Guest, Sandbox};
use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

/// The number of a job, unique within its shard and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// A job.
pub enum Task {
    /// Compile a definition from its XML.
    Compile(Arc<[u8]>),
    /// Make a stored program ready to run.
    Load(ProgramHash),
    /// Evaluate a condition.
    Evaluate {
        /// The guest.
        guest: Guest,
        /// Its export.
        function: String,
        /// What it sees.
        fields: Fields,
    },
}

/// A job and whose it is.
pub struct Job {
    /// The shard that waits for it.
    pub shard: u16,
    /// Its number there.
    pub id: JobId,
    /// What is to be done.
    pub task: Task,
}

/// What a job gave.
pub enum JobOutcome {
    /// A definition was compiled or a program loaded, or why not.
    Loaded(Result<Arc<Loaded>, LoadFailure>),
    /// A condition was evaluated.
    Evaluated(Evaluated),
}

/// Whoever does jobs: threads in production, the simulator's schedule in tests.
pub trait Compute: Send + Sync {
    /// Takes a job; its outcome goes to the shard as [`ShardInput::Done`]. Never blocks.
    fn submit(&self, job: Job);
}

/// Does one job. The same code for every [`Compute`].
pub fn perform(job: Job, definitions: &Definitions, sandbox: &Sandbox) -> (u16, ShardInput) {
    let outcome = match job.task {
        Task::Compile(source) => JobOutcome::Loaded(definitions.compile(&source)),
        Task::Load(hash) => JobOutcome::Loaded(definitions.load(hash)),
        Task::Evaluate {
            guest,
            function,
            fields,
        } => JobOutcome::Evaluated(sandbox.evaluate(&guest, &function, &fields)),
    };
    (
        job.shard,
        ShardInput::Done {
            job: job.id,
            outcome,
        },
    )
}

/// A few threads that do jobs in the order in which they come.
pub struct ComputeThreads {
    queue: Mutex<Option<crossbeam_channel::Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl ComputeThreads {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        count: usize,
        definitions: &Arc<Definitions>,
        sandbox: &Sandbox,
        router: &Arc<Router>,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = crossbeam_channel::unbounded::<Job>();
        let mut threads = Vec::new();
        for number in 0..count.max(1) {
            let (receiver, router) = (receiver.clone(), router.clone());
            let (definitions, sandbox) = (definitions.clone(), sandbox.clone());
            threads.push(
                std::thread::Builder::new()
                    .name(format!("compute-{number}"))
                    .spawn(move || {
                        for job in receiver {
                            let (shard, input) = perform(job, &definitions, &sandbox);
                            router.send(shard, input);
                        }
                    })?,
            );
        }
        Ok(Self {
            queue: Mutex::new(Some(sender)),
            threads: Mutex::new(threads),
        })
    }

    /// Lets the threads end once their jobs are done, and waits for them.
    pub fn stop(&self) {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a compute thread panicked");
            }
        }
    }
}

impl Compute for ComputeThreads {
    fn submit(&self, job: Job) {
        if let Some(queue) = &*self.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            // The receivers live as long as the sender; a job that can't be sent belongs to an engine that ends.
            let _ = queue.send(job);
        }
    }
}
