//! Threads for questions that block, with a line of bounded length.

use crate::NICE;
use rustix::process::setpriority_process;
use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};
use tokio::sync::oneshot;

/// Questions that are answered at the same time.
const THREADS: usize = 4;
/// Questions that wait for a thread.
const WAITING_MAX: usize = 128;

type Job = Box<dyn FnOnce() + Send>;

pub struct Pool(SyncSender<Job>);

/// No question more can wait.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Pool {
    /// # Errors
    /// If the system starts no threads.
    pub fn start() -> io::Result<Self> {
        let (sender, jobs) = sync_channel::<Job>(WAITING_MAX);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..THREADS {
            let jobs = jobs.clone();
            std::thread::Builder::new()
                .name(format!("http-{number}"))
                .spawn(move || {
                    // On Linux this applies to the current thread only. If it fails, the thread
                    // works anyway.
                    let _ = setpriority_process(None, NICE);
                    while let Some(job) = next(&jobs) {
                        job();
                    }
                })?;
        }
        Ok(Self(sender))
    }

    /// Has a thread do it; the receiver gets what comes of it.
    ///
    /// # Errors
    /// If too many others wait.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Full> {
        let (reply, done) = oneshot::channel();
        let job = Box::new(move || {
            // A client that is gone has nobody else look for it.
            if !reply.is_closed() {
                let _ = reply.send(work());
            }
        });
        self.0.try_send(job).map_err(|_| Full)?;
        Ok(done)
    }
}

fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    jobs.recv().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_has_an_end() {
        let pool = Pool::start().unwrap();
        let (open, gate) = sync_channel::<()>(0);
        let gate = Arc::new(Mutex::new(gate));
        let mut running = Vec::new();
        let block = || {
            let gate = gate.clone();
            pool.run(move || gate.lock().unwrap().recv().is_ok())
        };
        let mut taken = 0;
        while let Ok(one) = block() {
            running.push(one);
            taken += 1;
            assert!(taken <= THREADS + WAITING_MAX);
        }
        drop(open);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        for one in running {
            assert!(!runtime.block_on(one).unwrap());
        }
        assert_eq!(runtime.block_on(pool.run(|| 7).unwrap()), Ok(7));
    }
}
