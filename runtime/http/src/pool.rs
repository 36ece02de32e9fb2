//! Threads for questions that block. Each asker has a line of their own, of bounded length, and the lines take
//! turns; one asker's questions never have all the threads. So expensive questions of one token delay no other's.

use bureaucrat_model::{lock, unpoisoned};
use rustix::process::setpriority_process;
use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard},
};
use tokio::sync::oneshot;

/// The nice value of the threads: shards with work to do go first, compiling goes last.
const NICE: i32 = 5;
/// Questions that are answered at the same time.
const THREADS: usize = 4;
/// Those of one asker.
const OF_ONE_MAX: usize = THREADS - 1;
/// Questions that wait for a thread.
const WAITING_MAX: usize = 128;
/// Those of one asker.
const WAITING_OF_ONE_MAX: usize = WAITING_MAX / 2;

type Job = Box<dyn FnOnce() + Send>;

pub struct Pool(Arc<Lines>);

/// No question more can wait.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

#[derive(Default)]
struct Lines {
    waiting: Mutex<Waiting>,
    /// A question has come, a thread is free, or the pool ends.
    news: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// The lines that are not empty; the first is the next to have its turn.
    lines: VecDeque<(Arc<str>, VecDeque<Job>)>,
    count: usize,
    /// How many threads answer whom.
    answering: HashMap<Arc<str>, usize>,
    is_over: bool,
}

impl Waiting {
    fn add(&mut self, asker: &str, job: Job) -> Result<(), Full> {
        let mut lines = self.lines.iter_mut();
        let own = lines.find(|(name, _)| **name == *asker);
        let length = own.as_ref().map_or(0, |(_, line)| line.len());
        if self.count >= WAITING_MAX || length >= WAITING_OF_ONE_MAX {
            return Err(Full);
        }
        match own {
            Some((_, line)) => line.push_back(job),
            None => self.lines.push_back((asker.into(), VecDeque::from([job]))),
        }
        self.count += 1;
        Ok(())
    }

    /// The next question, of the first line whose asker may have another thread; that line is the last then.
    fn take(&mut self) -> Option<(Arc<str>, Job)> {
        let answering = &self.answering;
        let may = |asker: &Arc<str>| answering.get(asker).is_none_or(|count| *count < OF_ONE_MAX);
        let place = self.lines.iter().position(|(asker, _)| may(asker))?;
        let (asker, mut line) = self.lines.remove(place)?;
        let job = line.pop_front()?;
        if !line.is_empty() {
            self.lines.push_back((asker.clone(), line));
        }
        self.count -= 1;
        *self.answering.entry(asker.clone()).or_default() += 1;
        Some((asker, job))
    }

    fn done(&mut self, asker: &Arc<str>) {
        if let Some(count) = self.answering.get_mut(asker) {
            *count -= 1;
            if *count == 0 {
                self.answering.remove(asker);
            }
        }
    }
}

/// Gives the current thread a lower priority than the engine's have.
pub fn let_others_first() {
    // On Linux this applies to the thread only. If it fails, the thread works anyway.
    let _ = setpriority_process(None, NICE);
}

impl Pool {
    /// # Errors
    /// If the system starts no threads.
    pub fn start() -> io::Result<Self> {
        let pool = Self(Arc::default());
        for number in 0..THREADS {
            let lines = pool.0.clone();
            std::thread::Builder::new()
                .name(format!("http-{number}"))
                .spawn(move || {
                    let_others_first();
                    while let Some((asker, job)) = lines.next() {
                        // Also if it panics, its asker has a thread less.
                        let _done = Done(&lines, asker);
                        // What a panic leaves behind is the question's own.
                        let asked = std::panic::AssertUnwindSafe(job);
                        let _ = std::panic::catch_unwind(asked);
                    }
                })?;
        }
        Ok(pool)
    }

    /// Has a thread do it; the receiver gets what comes of it.
    ///
    /// # Errors
    /// If too many others wait, or too many of this asker's.
    pub fn run<T: Send + 'static>(
        &self,
        asker: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Full> {
        let (reply, done) = oneshot::channel();
        let job = Box::new(move || {
            // A client that is gone has nobody else look for it.
            if !reply.is_closed() {
                let _ = reply.send(work());
            }
        });
        self.0.waiting().add(asker, job)?;
        self.0.news.notify_one();
        Ok(done)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.waiting().is_over = true;
        self.0.news.notify_all();
    }
}

impl Lines {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }

    /// Waits for a question; none at the end, when nothing waits any more.
    fn next(&self) -> Option<(Arc<str>, Job)> {
        let mut waiting = self.waiting();
        loop {
            if let Some(taken) = waiting.take() {
                return Some(taken);
            }
            if waiting.is_over && waiting.count == 0 {
                return None;
            }
            let waited = self.news.wait(waiting);
            waiting = unpoisoned(waited);
        }
    }
}

/// A question is answered when this is dropped.
struct Done<'a>(&'a Lines, Arc<str>);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.waiting().done(&self.1);
        self.0.news.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

    type Gate = (SyncSender<()>, Arc<Mutex<Receiver<()>>>);

    fn gate() -> Gate {
        let (open, gate) = sync_channel(0);
        (open, Arc::new(Mutex::new(gate)))
    }

    fn block_on<T>(done: oneshot::Receiver<T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(done).unwrap()
    }

    /// Questions that end when the gate is dropped.
    fn blocked(pool: &Pool, asker: &str, gate: &Gate) -> Vec<oneshot::Receiver<bool>> {
        let mut running = Vec::new();
        let block = || {
            let gate = gate.1.clone();
            pool.run(asker, move || gate.lock().unwrap().recv().is_ok())
        };
        while let Ok(one) = block() {
            running.push(one);
            assert!(running.len() <= THREADS + WAITING_MAX);
        }
        running
    }

    #[test]
    fn the_lines_have_an_end() {
        let pool = Pool::start().unwrap();
        let closed = gate();
        let mut running = Vec::new();
        for asker in ["a", "b", "c", "d"] {
            let own = blocked(&pool, asker, &closed);
            assert!(own.len() <= THREADS + WAITING_OF_ONE_MAX);
            running.extend(own);
        }
        assert!(running.len() >= WAITING_MAX);
        drop(closed);
        for one in running {
            assert!(!block_on(one));
        }
        assert_eq!(block_on(pool.run("a", || 7).unwrap()), 7);
    }

    #[test]
    fn one_askers_questions_delay_no_others() {
        let pool = Pool::start().unwrap();
        let closed = gate();
        let running = blocked(&pool, "expensive", &closed);
        // All of the other's come while none of these ends.
        for number in 0..200 {
            assert_eq!(block_on(pool.run("other", move || number).unwrap()), number);
        }
        drop(closed);
        for one in running {
            block_on(one);
        }
    }

    #[test]
    fn lines_take_turns() {
        let mut waiting = Waiting::default();
        let (told, order) = channel();
        for asker in ["a", "a", "a", "b", "c", "a", "b"] {
            let told = told.clone();
            let job = Box::new(move || told.send(asker).unwrap());
            waiting.add(asker, job).unwrap();
        }
        while let Some((asker, job)) = waiting.take() {
            job();
            waiting.done(&asker);
        }
        let order: Vec<_> = order.try_iter().collect();
        assert_eq!(order, ["a", "b", "c", "a", "b", "a", "a"]);
        assert!(waiting.answering.is_empty() && waiting.count == 0);
    }

    #[test]
    fn a_panic_ends_its_question_alone() {
        let pool = Pool::start().unwrap();
        for _ in 0..2 * THREADS {
            let done = pool.run("a", || -> u8 { panic!("on purpose") }).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            assert!(runtime.unwrap().block_on(done).is_err());
        }
        assert_eq!(block_on(pool.run("a", || 7).unwrap()), 7);
    }
}
