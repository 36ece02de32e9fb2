//! Careful publishing: over a separate connection, for messages that may make the broker close a
//! channel or the connection.
//!
//! Waiting suspects go together, many at once. If the broker closes because of them, those that it
//! had confirmed are done, and the others are tried again in two halves, until the culprit is
//! alone. A culprit's outcome has the broker's words; all others wait only for the halving.

use crate::{
    AmqpConfig,
    backoff::Backoff,
    connection::{Closed, closed, connect, timely},
    convert::to_lapin,
    flights::{Flights, Job, Key, Keys, Nacked, Settled},
    nodes::Nodes,
    reports::{Reports, Role},
    suspects::Suspects,
};
use bureaucrat_connect::Dialer;
use bureaucrat_host::broker::PublishOutcome;
use lapin::{Channel, Connection, Error, options::ConfirmSelectOptions};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tracing::debug;

/// How many suspects are sent together.
const BATCH: usize = 128;
/// How often messages without outcome are checked.
const LOOK: Duration = Duration::from_millis(250);
/// The pauses between connections that the broker closed because of a suspect: short, because
/// finding one takes several.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(80));

/// What careful publishing needs.
pub(crate) struct Careful {
    pub config: AmqpConfig,
    pub dialer: Arc<Dialer>,
    pub reports: Arc<Reports>,
    pub keys: Arc<Keys>,
    pub suspects: Arc<Suspects>,
    pub nodes: Arc<Nodes>,
    /// Where messages go that waited for something that is known now.
    pub usual: UnboundedSender<Job>,
    /// How many messages are here.
    pub busy: Arc<AtomicUsize>,
}

/// Suspects that are sent together.
struct Part {
    jobs: Vec<Job>,
    /// How often the connection was closed because of this message, which was alone on it.
    closed: u8,
}

/// The connection, and the channel opened on it.
struct Line {
    connection: Connection,
    channel: Channel,
    since: Instant,
}

impl Careful {
    /// Publishes until all senders are gone. Dropping it reports everything that it has as lost.
    pub async fn run(self, mut jobs: UnboundedReceiver<Job>) {
        let mut line = None;
        let mut pauses = Backoff::new(self.config.retry);
        let mut batch = Vec::with_capacity(BATCH);
        while jobs.recv_many(&mut batch, BATCH).await > 0 {
            let jobs = std::mem::take(&mut batch);
            let count = jobs.len();
            let nodes = jobs.iter().filter_map(|job| Nodes::of(&job.message));
            let nodes: Vec<u32> = nodes.collect();
            self.publish(jobs, &mut line, &mut pauses).await;
            for job in nodes.into_iter().flat_map(|node| self.nodes.answered(node)) {
                let _ = self.usual.send(job);
            }
            self.busy.fetch_sub(count, Ordering::AcqRel);
        }
    }

    /// Publishes all of these, and finds out which of them cannot be published.
    async fn publish(&self, jobs: Vec<Job>, line: &mut Option<Line>, pauses: &mut Backoff) {
        let mut after_closing = Backoff::new(PAUSES);
        let mut parts = vec![Part { jobs, closed: 0 }];
        while let Some(part) = parts.pop() {
            let (channel, frame_max) = self.channel(line, pauses).await;
            let mut flights = Flights::new(Arc::clone(&self.keys), Nacked::Told);
            for job in part.jobs {
                launch(&mut flights, &channel, job, frame_max);
            }
            let Some(error) = self.landed(&mut flights).await else {
                continue;
            };
            let left = flights.strand();
            let Some(closed) = closed(&error) else {
                // It was closed for another reason; dropping the messages reports them as lost.
                debug!("lost the connection for suspect messages: {error}");
                drop(line.take());
                continue;
            };
            if matches!(closed, Closed::Connection(_)) {
                drop(line.take());
                tokio::time::sleep(after_closing.pause()).await;
            }
            self.divide(left, part.closed, closed, &mut parts);
        }
    }

    /// Waits until each has its outcome, or returns the error if the channel is gone.
    async fn landed(&self, flights: &mut Flights) -> Option<Error> {
        loop {
            let settled = flights.settle(|settled| self.note(settled));
            if let Err(error) = settled {
                return Some(error);
            }
            if flights.is_empty() {
                return None;
            }
            let _ = tokio::time::timeout(LOOK, flights.changed()).await;
        }
    }

    fn note(&self, settled: &Settled<'_>) {
        match settled.outcome {
            PublishOutcome::Confirmed | PublishOutcome::Unroutable => {
                self.suspects.clear(settled.key, settled.message.body.len());
                let node = Nodes::of(settled.message);
                for job in node.into_iter().flat_map(|node| self.nodes.ours(node)) {
                    let _ = self.usual.send(job);
                }
            }
            PublishOutcome::Refused(_) | PublishOutcome::Unsendable(_) | PublishOutcome::Lost => {}
        }
    }

    /// What happens to messages without an outcome when the broker closed.
    fn divide(&self, mut left: Vec<(Job, Key)>, before: u8, closed: Closed, parts: &mut Vec<Part>) {
        if left.len() > 1 {
            let jobs = |half: Vec<(Job, Key)>| half.into_iter().map(|(job, _)| job).collect();
            let second = left.split_off(left.len() / 2);
            for half in [second, left] {
                let jobs = jobs(half);
                parts.push(Part { jobs, closed: 0 });
            }
            return;
        }
        let Some((job, key)) = left.pop() else {
            return;
        };
        // A channel is closed because of what is on it; a connection may be closed for another
        // reason at the same moment.
        let node = Nodes::of(&job.message);
        let is_chance = matches!(closed, Closed::Connection(_)) && before == 0 && node.is_none();
        if is_chance {
            let jobs = vec![job];
            return parts.push(Part { jobs, closed: 1 });
        }
        let outcome = self.suspects.convict(closed, key, job.message.body.len());
        if let (Some(node), PublishOutcome::Unsendable(words)) = (node, &outcome) {
            self.nodes.foreign(node, words);
        }
        job.pending.settle(outcome);
    }

    /// A channel with confirms, reopened as often as necessary.
    async fn channel(&self, line: &mut Option<Line>, pauses: &mut Backoff) -> (Channel, u32) {
        loop {
            match self.opened(line).await {
                Ok(opened) => {
                    self.reports.works(Role::Careful);
                    return opened;
                }
                Err(words) => {
                    if let Some(line) = line.take() {
                        pauses.worked(line.since.elapsed());
                    }
                    self.reports.failed(Role::Careful, words);
                }
            }
            tokio::time::sleep(pauses.pause()).await;
        }
    }

    async fn opened(&self, line: &mut Option<Line>) -> Result<(Channel, u32), String> {
        let is_open = |line: &Line| line.connection.status().connected();
        let current = match line.take().filter(is_open) {
            Some(current) if current.channel.status().connected() => current,
            Some(current) => Line {
                channel: timely(open(&current.connection)).await?,
                ..current
            },
            None => {
                let dialed = connect(&self.dialer, "publishing with care", None).await?;
                let connection = dialed.connection;
                Line {
                    channel: timely(open(&connection)).await?,
                    connection,
                    since: Instant::now(),
                }
            }
        };
        let opened = (
            current.channel.clone(),
            current.connection.configuration().frame_max(),
        );
        *line = Some(current);
        Ok(opened)
    }
}

/// Publishes a message, unless AMQP cannot carry it.
pub(crate) fn launch(flights: &mut Flights, channel: &Channel, job: Job, frame_max: u32) {
    match to_lapin(&job.message, frame_max) {
        Ok(properties) => flights.launch(channel, job, properties),
        Err(error) => job
            .pending
            .settle(PublishOutcome::Unsendable(error.to_string())),
    }
}

/// A channel with confirms.
pub(crate) async fn open(connection: &Connection) -> Result<Channel, Error> {
    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(channel)
}
