//! Commits on a thread of their own, which writes what is waiting, then what arrived meanwhile.

use super::{Batch, CommitOutcome, Committer, together, write};
use crate::{
    intake::router::{Incoming, Router},
    meters::Meters,
};
use bureaucrat_model::lock;
use bureaucrat_store::Store;
use crossbeam_channel::{Receiver, Sender};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Instant,
};

/// The thread and its queue. The planner limits the bytes in the queue.
pub struct CommitThread {
    sender: Mutex<Option<Sender<Batch>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl CommitThread {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        store: Arc<dyn Store>,
        router: Arc<Router>,
        meters: Arc<Meters>,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let builder = std::thread::Builder::new().name("commit".into());
        let thread = builder.spawn(move || run(&store, &router, &meters, &receiver))?;
        Ok(Self {
            sender: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Lets the thread finish what was submitted, and waits for it.
    pub fn stop(&self) {
        let sender = lock(&self.sender).take();
        drop(sender);
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the commit thread panicked");
        }
    }
}

impl Committer for CommitThread {
    fn submit(&self, batch: Batch) -> Option<CommitOutcome> {
        let sender = lock(&self.sender);
        if let Some(sender) = &*sender {
            // A thread that ended has reported why; nothing of the batch is acknowledged.
            let _ = sender.send(batch);
        }
        None
    }
}

fn run(store: &Arc<dyn Store>, router: &Router, meters: &Meters, receiver: &Receiver<Batch>) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match receiver.recv() {
                Ok(batch) => waiting.push_back(batch),
                Err(_) => return,
            }
        }
        waiting.extend(receiver.try_iter());
        let count = together(&waiting);
        let began = Instant::now();
        let outcomes = write(store, waiting.drain(..count).collect());
        meters.commit.took(began.elapsed());
        for outcome in outcomes {
            router.send(Incoming::Committed(outcome));
        }
    }
}
