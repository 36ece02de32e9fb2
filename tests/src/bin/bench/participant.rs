//! The participant: on a thread of its own, takes tasks and answers each at once with its own body.
//! It can be told to hold them, so that the sender becomes idle.

use crate::forward::{self, Ends, Taken, persistent};
use anyhow::{Result, bail};
use bureaucrat_model::{lock, unpoisoned};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc::unbounded_channel, watch};

/// More than are ever in flight, so that it can hold them all.
const PREFETCH: u16 = 20_000;
/// How long messages may take to settle.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Closed,
}

#[derive(Debug, Default)]
struct Seen {
    taken: AtomicU64,
    published: AtomicU64,
    answered: AtomicU64,
    last_body: Mutex<Vec<u8>>,
}

#[derive(Debug)]
pub struct Participant {
    seen: Arc<Seen>,
    gate: Option<watch::Sender<Gate>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Participant {
    /// Holds what comes until it is told to answer.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(url: &str, tasks: &str, answers: &str) -> Result<Self> {
        let seen = Arc::new(Seen::default());
        let (gate, told) = watch::channel(Gate::Closed);
        let (url, tasks, answers) = (url.to_owned(), tasks.to_owned(), answers.to_owned());
        let its = seen.clone();
        let thread = std::thread::Builder::new()
            .name("participant".into())
            .spawn(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?
                    .block_on(answer(&url, &tasks, &answers, &its, told))
            })?;
        Ok(Self {
            seen,
            gate: Some(gate),
            thread: Some(thread),
        })
    }

    pub fn open(&self) {
        self.set(Gate::Open);
    }

    pub fn close(&self) {
        self.set(Gate::Closed);
    }

    fn set(&self, gate: Gate) {
        if let Some(sender) = &self.gate {
            sender.send_replace(gate);
        }
    }

    /// Answers that the broker confirmed.
    pub fn answered(&self) -> u64 {
        self.seen.answered.load(Ordering::Relaxed)
    }

    /// Tasks that came.
    pub fn taken(&self) -> u64 {
        self.seen.taken.load(Ordering::Relaxed)
    }

    /// The newest task's body.
    pub fn last_body(&self) -> Vec<u8> {
        let body = self.seen.last_body.lock();
        unpoisoned(body).clone()
    }

    /// Waits until it holds exactly `count` tasks, and all its answers are confirmed.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub fn holds(&self, count: u64) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // In the reverse order of what is counted.
            let answered = self.answered();
            let published = self.seen.published.load(Ordering::Relaxed);
            let taken = self.seen.taken.load(Ordering::Relaxed);
            if answered == published && taken == published + count {
                return Ok(());
            }
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                bail!("the participant ended by itself; it printed why");
            }
            if Instant::now() > deadline {
                bail!("{} tasks at rest, not {count}", taken - published);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.gate = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn answer(
    url: &str,
    tasks: &str,
    answers: &str,
    seen: &Seen,
    mut gate: watch::Receiver<Gate>,
) -> Result<()> {
    let mut left = gate.clone();
    let working = async {
        let ends = Ends::open(url, tasks, PREFETCH).await?;
        let (held, mut batches) = unbounded_channel::<Vec<Taken>>();
        let (sent, confirms) = unbounded_channel();
        let reading = forward::read(ends.consumer, |batch| {
            if let Some(last) = batch.last() {
                let mut body = lock(&seen.last_body);
                body.clear();
                body.extend_from_slice(last.as_ref());
            }
            seen.taken.fetch_add(batch.len() as u64, Ordering::Relaxed);
            Ok(held.send(batch)?)
        });
        let answering = async {
            while let Some(batch) = batches.recv().await {
                gate.wait_for(|gate| *gate == Gate::Open).await?;
                let count = batch.len() as u64;
                seen.published.fetch_add(count, Ordering::Relaxed);
                forward::publish(batch, &ends.publishing, answers, &sent, |_| persistent()).await?;
            }
            bail!("nothing is read any more")
        };
        let acknowledging = forward::acknowledge(confirms, |count| {
            seen.answered.fetch_add(count, Ordering::Relaxed);
        });
        let ((), (), ()) = tokio::try_join!(reading, answering, acknowledging)?;
        anyhow::Ok(())
    };
    tokio::select! {
        biased;
        () = async { while left.changed().await.is_ok() {} } => Ok(()),
        ended = working => ended.inspect_err(|error| eprintln!("the participant: {error:#}")),
    }
}
