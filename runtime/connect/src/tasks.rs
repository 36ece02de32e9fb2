//! Tasks on the thread that lapin gives a connection.
//!
//! What reads deliveries, publishes and acknowledges talks to that thread with each message, so on a thread of its own
//! it costs two more switches of threads a message. lapin runs no tasks of others there, but each time around its loop
//! it flushes its transport, which is ours: [`Tasks::poll`] is called then. A task that is woken brings lapin around
//! its loop again. When the connection ends, its tasks continue on the runtime, so that they learn why.
//!
//! A task that takes long delays its own connection alone.

use crate::locks::lock;
use async_task::{FallibleTask, Runnable};
use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Poll, Waker},
};
use tokio::runtime::Handle;

/// Starts tasks on a connection's thread.
#[derive(Debug, Clone)]
pub struct Spawner(Arc<Queue>);

/// The tasks that can continue.
#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    runtime: Handle,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<Runnable>,
    /// Brings lapin around its loop; lapin waits with it for something to read.
    waker: Option<Waker>,
    has_ended: bool,
}

impl Queue {
    fn add(&self, runnable: Runnable) {
        let mut state = self.lock();
        if state.has_ended {
            drop(state);
            self.runtime.spawn(async move { run(runnable) });
            return;
        }
        state.ready.push(runnable);
        // The others have woken it.
        let waker = match state.ready.len() {
            1 => state.waker.clone(),
            _ => None,
        };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// That a task panics is told by [`TaskSet::join_next`].
fn run(runnable: Runnable) {
    let _ = catch_unwind(AssertUnwindSafe(|| runnable.run()));
}

/// The tasks of one connection, for its transport.
#[derive(Debug)]
pub(crate) struct Tasks {
    queue: Arc<Queue>,
    waker: Option<Waker>,
}

impl Tasks {
    pub fn new(runtime: Handle) -> (Self, Spawner) {
        let queue = Arc::new(Queue {
            state: Mutex::default(),
            runtime,
        });
        let spawner = Spawner(queue.clone());
        (Self { queue, waker: None }, spawner)
    }

    /// With what lapin waits for something to read.
    pub fn set_waker(&mut self, waker: &Waker) {
        if self
            .waker
            .as_ref()
            .is_none_or(|before| !before.will_wake(waker))
        {
            self.waker = Some(waker.clone());
            let mut state = self.queue.lock();
            state.waker = Some(waker.clone());
            if !state.ready.is_empty() {
                waker.wake_by_ref();
            }
        }
    }

    /// Runs the tasks that can continue, each once.
    pub fn poll(&self) {
        let ready = std::mem::take(&mut self.queue.lock().ready);
        if ready.is_empty() {
            return;
        }
        // Their timers are the runtime's.
        let _entered = self.queue.runtime.enter();
        ready.into_iter().for_each(run);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.has_ended = true;
        let ready = std::mem::take(&mut state.ready);
        drop(state);
        ready.into_iter().for_each(|task| self.queue.add(task));
    }
}

/// Tasks on threads of connections, each with an outcome. They are given up when this is dropped.
#[derive(Debug)]
pub struct TaskSet<T>(Vec<FallibleTask<T>>);

/// The outcome of a task; none if it panicked.
pub type Outcome<T> = Option<T>;

impl<T: Send + 'static> TaskSet<T> {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Runs a task on the thread of a connection.
    pub fn spawn(&mut self, on: &Spawner, future: impl Future<Output = T> + Send + 'static) {
        let queue = on.0.clone();
        let (runnable, task) = async_task::spawn(future, move |runnable| queue.add(runnable));
        runnable.schedule();
        self.0.push(task.fallible());
    }

    /// Waits for the next task to end; `None` if there are no more.
    pub async fn join_next(&mut self) -> Option<Outcome<T>> {
        if self.0.is_empty() {
            return None;
        }
        let (at, outcome) = poll_fn(|context| {
            let mut tasks = self.0.iter_mut().enumerate();
            let ended = tasks.find_map(|(at, task)| match Pin::new(task).poll(context) {
                Poll::Ready(outcome) => Some((at, outcome)),
                Poll::Pending => None,
            });
            ended.map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        drop(self.0.swap_remove(at));
        Some(outcome)
    }

    /// Gives all tasks up, and returns when none of them runs any more.
    pub async fn shutdown(&mut self) {
        for task in self.0.drain(..) {
            task.cancel().await;
        }
    }
}

impl<T: Send + 'static> Default for TaskSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
        thread,
    };
    use tokio::sync::Notify;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn runtime() -> tokio::runtime::Runtime {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    }

    fn connection(runtime: &tokio::runtime::Runtime) -> (Tasks, Spawner, Arc<Wakes>) {
        let (mut tasks, spawner) = Tasks::new(runtime.handle().clone());
        let wakes = Arc::<Wakes>::default();
        tasks.set_waker(&Waker::from(wakes.clone()));
        (tasks, spawner, wakes)
    }

    #[test]
    fn a_task_runs_where_it_is_polled_and_wakes_its_connection() {
        let runtime = runtime();
        let (tasks, spawner, wakes) = connection(&runtime);
        tasks.poll();
        let (mut set, told) = (TaskSet::new(), Arc::<Notify>::default());
        let waits = told.clone();
        set.spawn(&spawner, async move {
            waits.notified().await;
            thread::current().id()
        });
        assert_eq!(wakes.0.swap(0, Ordering::AcqRel), 1, "it has arrived");
        tasks.poll();
        told.notify_one();
        assert_eq!(wakes.0.load(Ordering::Acquire), 1, "it can continue");
        tasks.poll();
        let ended = runtime.block_on(set.join_next());
        assert_eq!(ended, Some(Some(thread::current().id())));
        assert_eq!(runtime.block_on(set.join_next()), None);
    }

    #[test]
    fn tasks_of_a_connection_that_ended_continue_on_the_runtime() {
        let runtime = runtime();
        let (tasks, spawner, _) = connection(&runtime);
        let (mut set, told) = (TaskSet::new(), Arc::<Notify>::default());
        for number in [1, 2] {
            let told = told.clone();
            set.spawn(&spawner, async move {
                told.notified().await;
                number
            });
            if number == 1 {
                tasks.poll();
            }
        }
        drop(tasks);
        set.spawn(&spawner, async { 3 });
        assert_eq!(runtime.block_on(set.join_next()), Some(Some(3)));
        told.notify_waiters();
        told.notify_one();
        told.notify_one();
        let mut ended = [0; 2];
        ended.fill_with(|| runtime.block_on(set.join_next()).unwrap().unwrap());
        ended.sort_unstable();
        assert_eq!(ended, [1, 2]);
    }

    #[test]
    fn what_is_given_up_or_panics_has_no_outcome() {
        let runtime = runtime();
        let (tasks, spawner, _) = connection(&runtime);
        let mut set = TaskSet::<()>::new();
        let held = Arc::new(());
        let its = held.clone();
        set.spawn(&spawner, async move {
            let _its = its;
            std::future::pending().await
        });
        set.spawn(&spawner, async { panic!("as in a bug") });
        tasks.poll();
        assert_eq!(runtime.block_on(set.join_next()), Some(None));
        let given_up = thread::spawn(move || {
            runtime.block_on(set.shutdown());
            Arc::strong_count(&held)
        });
        while !given_up.is_finished() {
            tasks.poll();
            thread::yield_now();
        }
        assert_eq!(given_up.join().unwrap(), 1, "nothing of it is left");
    }
}
