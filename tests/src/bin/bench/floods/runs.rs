//! One flood on the engine, and the same on a bare relay.

use super::{
    Seen, Settings, Waits,
    healthy::{Healthy, WHO},
    kinds::{Flood, Passed},
};
use crate::{
    clerk::Clerk,
    processes,
    relay::{self, Relay},
};
use anyhow::{Context, Result, bail};
use bureaucrat_tests::engine::broker_url;
use std::{
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long preparations may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the engine may take to exit before it is killed.
const ENDING: Duration = Duration::from_secs(60);
/// How long healthy processes run before they are measured, and before the flood.
const WARMING: Duration = Duration::from_secs(2);
const CALM: Duration = Duration::from_secs(4);

/// What was observed of the engine.
pub struct Observed {
    pub seen: Seen,
    pub resident_before: u64,
    pub peak: u64,
    /// From SIGTERM to its exit.
    pub end: Option<Duration>,
    /// What healthy processes' tasks look like.
    pub bodies: Vec<Vec<u8>>,
}

/// # Errors
/// When it does not run, or healthy processes do nothing.
pub fn engine(settings: &Settings, flood: &Flood, prefix: &str) -> Result<Observed> {
    let url = broker_url()?;
    let folder = tempfile::tempdir()?;
    let memory = format!("--memory={}MiB", settings.budget);
    let subject = settings.subject.with_option(memory);
    let mut engine = subject.engine(folder.path(), prefix)?;
    let mut clerk = Clerk::connect(&url)?;
    clerk.declare_queues_of(&engine)?;
    let participant = format!("{prefix}-healthy");
    let tasks = format!("worker_{participant}");
    clerk.declare(&tasks)?;
    let _emptied = Emptied::start(&url, &engine.name("dead"))?;
    engine.start()?;
    let pid = engine.pid().context("the engine does not run")?;
    park_waiters(flood, &clerk, &engine.name("launches"), pid)?;
    let healthy = Healthy::start(&url, &tasks, &engine.name("answers"))?;
    launch_healthy(
        settings.healthy,
        &clerk,
        &engine.name("launches"),
        &participant,
    )?;
    let bodies = all_have_asked(&healthy, settings.healthy).with_context(|| engine.log_tail())?;
    let (seen, resident_before) = watched(
        settings,
        flood,
        &clerk,
        &healthy,
        &engine.name(flood.queue),
        || Ok(processes::memory(pid)?.resident),
    )?;
    let peak = processes::memory(pid)?.peak;
    let asked = Instant::now();
    engine.terminate()?;
    let end = match engine.ended(ENDING) {
        Ok(_) => Some(asked.elapsed()),
        Err(_) => {
            let tail = engine.log_tail();
            let last = tail.lines().last().unwrap_or_default();
            eprintln!("the engine still runs {ENDING:?} after SIGTERM; its last words: {last}");
            engine.kill()?;
            None
        }
    };
    Ok(Observed {
        seen,
        resident_before,
        peak,
        end,
        bodies,
    })
}

/// # Errors
/// When it does not run, or its healthy messages do not move.
pub fn relay(settings: &Settings, flood: &Flood, prefix: &str, bodies: &[Vec<u8>]) -> Result<Seen> {
    let url = broker_url()?;
    let mut clerk = Clerk::connect(&url)?;
    let queue = |of: &str| format!("{prefix}.relay.{of}");
    for of in ["tasks", "answers", "flood", "dead"] {
        clerk.declare(&queue(of))?;
    }
    let _emptied = Emptied::start(&url, &queue("dead"))?;
    let mut relay = Relay::start(&relay::Settings {
        from: queue("answers"),
        to: queue("tasks"),
        log: None,
        rows: None,
        flood_from: Some(queue("flood")),
        flood_to: flood.relayed_to.map(|to| match to {
            Passed::Nowhere => queue("missing"),
            Passed::DeadLetters => queue("dead"),
        }),
    })?;
    let healthy = Healthy::start(&url, &queue("tasks"), &queue("answers"))?;
    for body in bodies {
        clerk.put(&queue("tasks"), body, 1)?;
    }
    all_have_asked(&healthy, settings.healthy)?;
    let (seen, ()) = watched(
        settings,
        flood,
        &clerk,
        &healthy,
        &queue("flood"),
        || Ok(()),
    )?;
    relay.check()?;
    Ok(seen)
}

fn park_waiters(flood: &Flood, clerk: &Clerk, launches: &str, pid: u32) -> Result<()> {
    let Some((count, definition)) = &flood.waiters else {
        return Ok(());
    };
    clerk.put(launches, definition.as_bytes(), *count)?;
    let started = Instant::now();
    while clerk.ready(launches)? > 0 {
        if started.elapsed() > PATIENCE {
            bail!("the engine does not take the launches of those that wait");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    processes::rest(pid, PATIENCE)
}

pub fn launch_healthy(count: u64, clerk: &Clerk, launches: &str, participant: &str) -> Result<()> {
    for who in 0..count {
        let definition = format!(
            "<process>\
             <context><property name=\"{WHO}\" type=\"int\">{who}</property></context>\
             <while><condition>True</condition><action participant=\"{participant}\"/></while>\
             </process>"
        );
        clerk.put(launches, definition.as_bytes(), 1)?;
    }
    Ok(())
}

/// Waits until each healthy process has asked; returns their tasks' bodies.
pub fn all_have_asked(healthy: &Healthy, count: u64) -> Result<Vec<Vec<u8>>> {
    let started = Instant::now();
    loop {
        let bodies = healthy.bodies();
        if bodies.len() as u64 == count {
            return Ok(bodies);
        }
        if started.elapsed() > PATIENCE {
            bail!("{} of {count} healthy processes asked", bodies.len());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Measures healthy processes before and during the flood; `last_look` runs right before it.
fn watched<T>(
    settings: &Settings,
    flood: &Flood,
    clerk: &Clerk,
    healthy: &Healthy,
    queue: &str,
    last_look: impl FnOnce() -> Result<T>,
) -> Result<(Seen, T)> {
    std::thread::sleep(WARMING);
    let _ = healthy.waits();
    std::thread::sleep(CALM);
    let before = Waits::of(&healthy.waits())?;
    let looked = last_look()?;
    let end = Instant::now() + Duration::from_secs(settings.seconds());
    let Flood {
        body,
        properties,
        count,
        ..
    } = flood;
    let put = clerk.put_until(Some(end), queue, body, properties, *count)?;
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    let seen = Seen {
        before,
        flooded: Waits::of(&healthy.waits())?,
        put,
        left: clerk.ready(queue)?,
    };
    Ok((seen, looked))
}

/// A queue that is emptied continuously, so that its messages do not fill the broker.
pub struct Emptied {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emptied {
    pub fn start(url: &str, queue: &str) -> Result<Self> {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (url, queue) = (url.to_owned(), queue.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let emptying = async {
                    let ends = crate::forward::Ends::open(&url, &queue, 2).await?;
                    crate::forward::discard(ends.consumer).await
                };
                tokio::select! {
                    ended = emptying => if let Err(error) = ended {
                        eprintln!("{queue} is not emptied any more: {error:#}");
                    },
                    _ = stopped => {}
                }
            });
        });
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Emptied {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
