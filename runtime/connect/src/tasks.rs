//! Tasks on the thread that lapin gives a connection.
//!
//! What reads deliveries, publishes and acknowledges talks to that thread with each message, so on a thread of its own
//! it costs two more switches of threads a message. lapin runs no tasks of others there, but each time around its loop
//! it flushes its transport, which is ours: [`Tasks::poll`] is called then. A task that is woken brings lapin around
//! its loop again. When the connection ends, its tasks continue on the runtime, so that they learn why.
//!
//! A task that takes long delays its own connection alone.

use futures_util::{
    FutureExt, StreamExt,
    future::{AbortHandle, abortable},
    stream::FuturesUnordered,
};
use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts tasks on a connection's thread.
#[derive(Debug, Clone)]
pub struct Spawner {
    tasks: UnboundedSender<Task>,
    runtime: Handle,
}

/// The tasks of one connection.
pub(crate) struct Tasks {
    arriving: UnboundedReceiver<Task>,
    running: FuturesUnordered<Task>,
    /// Brings lapin around its loop; lapin waits with it for something to read.
    waker: Option<Waker>,
    runtime: Handle,
}

impl Tasks {
    pub fn new(runtime: Handle) -> (Self, Spawner) {
        let (tasks, arriving) = unbounded_channel();
        let spawner = Spawner {
            tasks,
            runtime: runtime.clone(),
        };
        let tasks = Self {
            arriving,
            running: FuturesUnordered::new(),
            waker: None,
            runtime,
        };
        (tasks, spawner)
    }

    /// With what lapin waits for something to read.
    pub fn set_waker(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(before) => before.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Runs the tasks that can continue.
    pub fn poll(&mut self) {
        let Some(waker) = &self.waker else { return };
        // Their timers are the runtime's.
        let _entered = self.runtime.enter();
        let mut context = Context::from_waker(waker);
        while let Poll::Ready(Some(task)) = self.arriving.poll_recv(&mut context) {
            self.running.push(task);
        }
        while let Poll::Ready(Some(())) = self.running.poll_next_unpin(&mut context) {}
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.arriving.close();
        while let Ok(task) = self.arriving.try_recv() {
            self.running.push(task);
        }
        if !self.running.is_empty() {
            let mut running = std::mem::take(&mut self.running);
            self.runtime
                .spawn(async move { while running.next().await.is_some() {} });
        }
    }
}

/// Tasks on threads of connections, each with an outcome. They are given up when this is dropped.
#[derive(Debug)]
pub struct TaskSet<T>(FuturesUnordered<Running<T>>);

#[derive(Debug)]
struct Running<T> {
    outcome: oneshot::Receiver<T>,
    abort: AbortHandle,
}

/// The outcome of a task; none if it panicked or was given up.
pub type Outcome<T> = Option<T>;

impl<T: Send + 'static> TaskSet<T> {
    pub fn new() -> Self {
        Self(FuturesUnordered::new())
    }

    /// Runs a task on the thread of a connection.
    pub fn spawn(&self, on: &Spawner, future: impl Future<Output = T> + Send + 'static) {
        let (tell, outcome) = oneshot::channel();
        let (future, abort) = abortable(AssertUnwindSafe(future).catch_unwind());
        let task: Task = Box::pin(async move {
            if let Ok(Ok(value)) = future.await {
                let _ = tell.send(value);
            }
        });
        if let Err(refused) = on.tasks.send(task) {
            on.runtime.spawn(refused.0);
        }
        self.0.push(Running { outcome, abort });
    }

    /// Waits for the next task to end; `None` if there are no more.
    pub async fn join_next(&mut self) -> Option<Outcome<T>> {
        self.0.next().await
    }

    /// Gives all tasks up, and returns when none of them runs any more.
    pub async fn shutdown(&mut self) {
        for running in &self.0 {
            running.abort.abort();
        }
        while self.0.next().await.is_some() {}
    }
}

impl<T: Send + 'static> Default for TaskSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Future for Running<T> {
    type Output = Outcome<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome).poll(context).map(Result::ok)
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.abort.abort();
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
        let (mut tasks, spawner, wakes) = connection(&runtime);
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
        let (mut tasks, spawner, _) = connection(&runtime);
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
        let (mut tasks, spawner, _) = connection(&runtime);
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
