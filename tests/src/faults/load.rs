//! The load: launches, participants, events and a listener that survive whatever happens to broker
//! and engine, and what they saw.

mod clients;
mod roles;

pub use clients::PARTICIPANTS;

use crate::engine::Engine;
use anyhow::{Context, Result, bail, ensure};
use bureaucrat_model::lock;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub processes: u64,
    /// Launches per second; as many as the broker takes if `None`.
    pub rate: Option<u32>,
    /// The bytes of a field that each process carries.
    pub padding: usize,
}

/// What clients and participants saw.
#[derive(Debug, Default)]
struct Seen {
    /// Launches to publish, some of them again.
    to_launch: VecDeque<u64>,
    ended: BTreeMap<String, Value>,
    ended_numbers: BTreeSet<u64>,
    /// The numbers of processes that wait for their event, or soon will.
    awaiting: BTreeSet<u64>,
    /// What should not have happened.
    wrong: Vec<String>,
    tasks: u64,
    repeated_tasks: u64,
    double_answers: u64,
    connections: u64,
    task_ids: BTreeSet<String>,
    /// Nobody launches or sends events, so that running processes come to rest.
    quiet: bool,
    /// Launches with this number and above are held back.
    held_from: u64,
    /// Processes with this number and above get no event, and so do not end.
    kept_from: u64,
    /// Participants that do not consume.
    away: BTreeSet<String>,
    /// By their processes' numbers: tasks that are answered when nobody awaits that any more, the ids of messages that
    /// were sent, and the ids of detached processes.
    late: BTreeMap<u64, Value>,
    mail: BTreeMap<u64, String>,
    asides: BTreeMap<u64, String>,
    /// Processes that a schedule launched, and that completed.
    scheduled: BTreeSet<String>,
    /// And what was undone, in the order in which it was asked for first.
    undone: BTreeMap<u64, Vec<String>>,
}

impl Seen {
    fn have_ended(&self, below: u64) -> bool {
        self.ended_numbers.range(..below).count() as u64 == below
    }

    /// Whether all have ended that may.
    fn is_over(&self) -> bool {
        self.have_ended(self.held_from.min(self.kept_from))
    }
}

#[derive(Debug)]
struct Shared {
    /// Those of one broker, or of the nodes of a cluster.
    urls: Vec<String>,
    prefix: String,
    plan: Plan,
    started: Instant,
    seen: Mutex<Seen>,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    fn name(&self, of: &str) -> String {
        format!("{}.{of}", self.prefix)
    }

    /// The name of a deployed definition.
    fn called(&self, of: &str) -> String {
        format!("{}-{of}", self.prefix)
    }

    /// Whether a process is one with scopes.
    const fn has_scopes(number: u64) -> bool {
        number % 2 == 1
    }
}

/// The counts of a load that ended well.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    /// Processes that ended, each exactly once.
    pub ended: u64,
    pub tasks: u64,
    /// Tasks that were sent again with the same message id.
    pub repeated_tasks: u64,
    /// Answers that were sent twice.
    pub double_answers: u64,
    /// Connections that clients opened.
    pub connections: u64,
    /// Processes that others started and did not wait for.
    pub asides: u64,
}

/// A running load; its clients continue until it is dropped.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts the clients of an engine whose queues begin with `prefix`, and waits until its queues
    /// are declared, so that no message is lost. Needs a tokio runtime.
    ///
    /// # Errors
    /// If the broker cannot be reached.
    pub async fn start(url: &str, prefix: &str, plan: Plan) -> Result<Self> {
        Self::start_on(&[url.to_owned()], prefix, plan).await
    }

    /// The same on the nodes of a cluster: queues are quorum queues, and who loses one node tries the next.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_on(urls: &[String], prefix: &str, plan: Plan) -> Result<Self> {
        let twice = |number: u64| 1 + usize::from(number.is_multiple_of(7));
        let seen = Seen {
            // Some clients lose their connection after publishing, and publish again.
            to_launch: (0..plan.processes)
                .flat_map(|number| std::iter::repeat_n(number, twice(number)))
                .collect(),
            held_from: plan.processes,
            kept_from: plan.processes,
            ..Seen::default()
        };
        let shared = Arc::new(Shared {
            urls: urls.to_vec(),
            prefix: prefix.to_owned(),
            plan,
            started: Instant::now(),
            seen: Mutex::new(seen),
        });
        clients::declare(&shared).await?;
        let clients = roles::spawn(&shared);
        Ok(Self { shared, clients })
    }

    pub fn ended(&self) -> u64 {
        self.shared.seen().ended.len() as u64
    }

    /// The processes that a schedule launched, each minute of the engine's time at most one.
    pub fn scheduled(&self) -> BTreeSet<String> {
        self.shared.seen().scheduled.clone()
    }

    /// The name of the definition that has the schedule.
    pub fn schedule(&self) -> String {
        self.shared.called("clock")
    }

    /// Waits until a schedule has launched more than `known` processes.
    ///
    /// # Errors
    /// If it does not within `patience`.
    pub async fn is_scheduled_again(&self, known: usize, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while self.shared.seen().scheduled.len() <= known {
            ensure!(
                Instant::now() < deadline,
                "a minute passed, and its schedule launched nothing"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Waits until participants have taken `tasks` new tasks, or all processes have ended that may, or
    /// `patience` has passed.
    pub async fn progress(&self, tasks: usize, patience: Duration) -> Result<()> {
        let (before, deadline) = (self.shared.seen().task_ids.len(), Instant::now() + patience);
        loop {
            {
                let seen = self.shared.seen();
                ensure!(seen.wrong.is_empty(), "{:?}", seen.wrong);
                if seen.is_over()
                    || seen.task_ids.len() >= before + tasks
                    || Instant::now() > deadline
                {
                    return Ok(());
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops launches and events: processes run until they wait for an event.
    pub fn hush(&self) {
        self.shared.seen().quiet = true;
    }

    /// Allows only the first `number` launches for now, so that some are left for later.
    pub fn hold_back_from(&self, number: u64) {
        self.shared.seen().held_from = number;
    }

    /// Sends no events to processes with this number and above for now, so that they are not over, however fast the
    /// engine is.
    pub fn keep_from(&self, number: u64) {
        self.shared.seen().kept_from = number;
    }

    /// Allows all launches, and lets all processes end.
    pub fn let_all_end(&self) {
        self.hold_back_from(self.shared.plan.processes);
        self.keep_from(self.shared.plan.processes);
    }

    /// Whether all processes below this number have ended.
    pub fn have_ended(&self, below: u64) -> bool {
        self.shared.seen().have_ended(below)
    }

    /// Allows launches and events again.
    pub fn resume(&self) {
        self.shared.seen().quiet = false;
    }

    /// Makes a participant stay away after the next loss of its queue or connection.
    pub fn send_away(&self, participant: &str) {
        self.shared.seen().away.insert(participant.to_owned());
    }

    /// Makes all participants come back.
    pub fn call_back(&self) {
        self.shared.seen().away.clear();
    }

    /// Makes clients publish every launch again whose process has not ended, with its first message
    /// id, as they would after a queue was deleted with their messages in it.
    pub fn launch_again(&self) {
        let mut seen = self.shared.seen();
        let again: Vec<u64> = (0..self.shared.plan.processes)
            .filter(|number| !seen.ended_numbers.contains(number))
            .collect();
        seen.to_launch.extend(again);
    }

    /// Waits until every process has ended, at most for `patience` without progress.
    ///
    /// # Errors
    /// If something wrong was seen, or there is no more progress; the message contains the end of
    /// the engine's log.
    pub async fn finish(&self, engine: &Engine, patience: Duration) -> Result<()> {
        let mut last = (0, Instant::now());
        loop {
            let (ended, others, wrong) = {
                let seen = self.shared.seen();
                let others = (seen.mail.len() + seen.asides.len()) as u64;
                (seen.ended.len() as u64, others, seen.wrong.clone())
            };
            ensure!(wrong.is_empty(), "{wrong:?}");
            let processes = self.shared.plan.processes;
            if ended == processes && others == processes / 2 * 2 {
                return Ok(());
            }
            if ended + others != last.0 {
                last = (ended + others, Instant::now());
            }
            if last.1.elapsed() > patience {
                bail!(
                    "{ended} of {processes} processes ended, and {others} messages and detached processes were seen; then nothing moved\n{}",
                    engine.log_tail()
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops all clients; what they saw is kept.
    pub fn leave(&self) {
        for client in &self.clients {
            client.abort();
        }
    }

    /// Checks what clients and participants saw: every launch ended exactly once with the right
    /// fields.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<Tally> {
        let seen = self.shared.seen();
        ensure!(seen.wrong.is_empty(), "{:?}", seen.wrong);
        let mut numbers = BTreeSet::new();
        for (process, fields) in &seen.ended {
            for (name, value) in [("n", 4), ("m", 2), ("left", 1), ("right", 1)] {
                ensure!(
                    fields[name] == value,
                    "{process}: {name} is {}, not {value}: {fields}",
                    fields[name]
                );
            }
            ensure!(
                Shared::has_scopes(fields["number"].as_u64().unwrap_or(0))
                    || fields["domestic"] == true,
                "{process} took another way: {fields}"
            );
            ensure!(
                fields["event"]["number"] == fields["number"],
                "{process} took another's event: {fields}"
            );
            let number = fields["number"]
                .as_u64()
                .context("a process without its number")?;
            ensure!(numbers.insert(number), "launch {number} ran twice");
            if Shared::has_scopes(number) {
                check_scopes(process, fields, number)?;
                let undone = seen.undone.get(&number);
                let undone = undone.map(Vec::as_slice).unwrap_or_default();
                ensure!(
                    undone == ["hotel", "flight"],
                    "{process}: undone was {undone:?}"
                );
            }
        }
        let processes = self.shared.plan.processes;
        ensure!(
            numbers.len() as u64 == processes,
            "{} of {processes} launches ended",
            numbers.len()
        );
        Ok(Tally {
            ended: processes,
            tasks: seen.tasks,
            repeated_tasks: seen.repeated_tasks,
            double_answers: seen.double_answers,
            connections: seen.connections,
            asides: seen.asides.len() as u64,
        })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Checks what a process with scopes ended with.
fn check_scopes(process: &str, fields: &Value, number: u64) -> Result<()> {
    for (name, value) in [
        ("hotel", json!("undone")),
        ("flight", json!("undone")),
        ("caught", json!("shop.SoldOut")),
        ("finished", json!(number * 2)),
        ("gave_up", json!(true)),
        ("discarded", Value::Null),
        ("twice", Value::Null),
        ("won", json!("delay")),
        ("tens", json!([10, 20, 30])),
        ("rang", json!(true)),
        ("stopped", json!(true)),
        ("picked", json!("after")),
    ] {
        ensure!(
            fields[name] == value,
            "{process}: {name} is {}, not {value}: {fields}",
            fields[name]
        );
    }
    let mut heard: Vec<_> = fields["heard"].as_array().into_iter().flatten().collect();
    heard.sort_by_key(|step| step.as_u64());
    ensure!(heard == [1, 2], "{process} heard {heard:?}");
    Ok(())
}
