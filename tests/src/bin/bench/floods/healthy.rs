//! Healthy processes during a flood: a number of loops whose participant thinks for a moment before
//! each answer. They wait for the engine from publishing an answer until the next task.

use crate::forward::{Ends, persistent, send};
use anyhow::{Context, Result};
use bureaucrat_model::lock;
use futures_lite::StreamExt;
use lapin::options::BasicAckOptions;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet};

/// How long the participant thinks.
const THINKING: Duration = Duration::from_millis(100);
const PREFETCH: u16 = 10_000;

/// This field tells who asked.
pub const WHO: &str = "who";

#[derive(Debug, Default)]
struct Seen {
    /// When each one's last answer was published, until its next task arrives.
    waiting: HashMap<u64, Instant>,
    /// The group of shards of each one's process.
    groups: HashMap<u64, u8>,
    /// The newest body of each.
    bodies: HashMap<u64, Vec<u8>>,
    took: Vec<(u64, Duration)>,
}

#[derive(Debug)]
pub struct Healthy {
    seen: Arc<Mutex<Seen>>,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Healthy {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(url: &str, tasks: &str, answers: &str) -> Result<Self> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (stop, mut stopped) = watch::channel(());
        let (url, tasks, answers) = (url.to_owned(), tasks.to_owned(), answers.to_owned());
        let its = seen.clone();
        let thread = std::thread::Builder::new()
            .name("healthy".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(async {
                    tokio::select! {
                        ended = answer(&url, &tasks, &answers, &its) =>
                            ended.inspect_err(|error| eprintln!("healthy processes: {error:#}")),
                        _ = stopped.changed() => Ok(()),
                    }
                })
            })?;
        Ok(Self {
            seen,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The bodies of the tasks, one for each process that has asked.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        lock(&self.seen).bodies.values().cloned().collect()
    }

    /// How long each wait took since the last call, in milliseconds, sorted. A wait that has not
    /// ended counts with its length so far.
    pub fn waits(&self) -> Vec<f64> {
        self.waits_in(|_| true)
    }

    /// The same of processes in some groups of shards; the others' waits are forgotten.
    pub fn waits_in(&self, is_wanted: impl Fn(u8) -> bool) -> Vec<f64> {
        let mut seen = lock(&self.seen);
        let mut took = std::mem::take(&mut seen.took);
        let now = Instant::now();
        let slow = seen.waiting.iter().filter_map(|(who, at)| {
            let so_far = now - *at;
            (so_far > THINKING).then_some((*who, so_far))
        });
        took.extend(slow);
        took.retain(|(who, _)| seen.groups.get(who).is_some_and(|group| is_wanted(*group)));
        let mut millis: Vec<f64> = took
            .iter()
            .map(|(_, took)| took.as_secs_f64() * 1e3)
            .collect();
        millis.sort_by(f64::total_cmp);
        millis
    }
}

impl Drop for Healthy {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn answer(url: &str, tasks: &str, answers: &str, seen: &Arc<Mutex<Seen>>) -> Result<()> {
    let mut ends = Ends::open(url, tasks, PREFETCH).await?;
    let mut thinking = JoinSet::new();
    while let Some(delivery) = ends.consumer.next().await {
        let delivery = delivery?;
        delivery.ack(BasicAckOptions::default()).await?;
        let body: Value = serde_json::from_slice(&delivery.data)?;
        let who = body["fields"][WHO].as_u64().context("a task of nobody")?;
        // The id of a process begins with its shard.
        let target = body["header"]["target"].as_str().unwrap_or_default();
        let group = target.chars().next().and_then(|digit| digit.to_digit(16));
        {
            let mut seen = lock(seen);
            if let Some(since) = seen.waiting.remove(&who) {
                seen.took.push((who, since.elapsed()));
            }
            seen.bodies.insert(who, delivery.data.clone());
            let group = group.and_then(|group| u8::try_from(group).ok());
            seen.groups.insert(who, group.unwrap_or_default());
        }
        let (channel, answers, seen) = (ends.publishing.clone(), answers.to_owned(), seen.clone());
        thinking.spawn(async move {
            tokio::time::sleep(THINKING).await;
            lock(&seen).waiting.insert(who, Instant::now());
            send(&channel, &answers, &delivery.data, persistent())
                .await?
                .await?;
            anyhow::Ok(())
        });
        while let Some(ended) = thinking.try_join_next() {
            ended??;
        }
    }
    anyhow::bail!("the broker ended the consumer")
}
