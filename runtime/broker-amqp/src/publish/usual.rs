//! The channel that messages usually use, until it is closed or has to be replaced.

use super::WORDS;
use crate::{
    careful::launch,
    connection::{Closed, closed},
    exchanges::{Exchanges, Known},
    flights::{Flights, Job, Keys},
    nodes::{Nodes, Way},
    suspects::Suspects,
};
use bureaucrat_host::broker::PublishOutcome;
use lapin::{Channel, Error, ErrorKind};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Notify, mpsc::UnboundedSender};
use tracing::{error, warn};

/// A channel is replaced at most this often because of what it refuses.
const RENEWAL: Duration = Duration::from_secs(2);

/// The channel that messages usually use.
pub(super) struct Usual {
    pub(super) channel: Channel,
    pub(super) frame_max: u32,
    pub(super) flights: Flights,
    pub(super) keys: Arc<Keys>,
    pub(super) suspects: Arc<Suspects>,
    pub(super) nodes: Arc<Nodes>,
    pub(super) exchanges: Arc<Exchanges>,
    pub(super) asking: UnboundedSender<Job>,
    pub(super) careful: UnboundedSender<Job>,
    /// How many messages are being published carefully.
    pub(super) busy: Arc<AtomicUsize>,
    /// Messages that arrived while the channel was closing, or is about to be replaced.
    pub(super) held: Vec<Job>,
    /// Since when the channel is to be replaced, and when it was opened.
    pub(super) renewing: Option<Instant>,
    pub(super) opened: Instant,
    /// The dead-letter queue, and who is told if a message for it is returned.
    pub(super) dead_letters: String,
    pub(super) returned: Arc<Notify>,
}

impl Usual {
    /// Publishes a message. If there is no receiver, the job is dropped, which reports it as lost.
    pub(super) fn take(&mut self, job: Job) {
        if !self.channel.status().connected() || self.renewing.is_some() {
            self.held.push(job);
            return;
        }
        if self.suspects.contains(&job, || self.keys.of(&job.message)) {
            return self.take_care(job);
        }
        let job = match self.nodes.way(job) {
            Way::Usual(job) => job,
            Way::Careful(job) => return self.take_care(job),
            Way::None => return,
        };
        match self.exchanges.look(&job.message.exchange) {
            Known::There => launch(&mut self.flights, &self.channel, job, self.frame_max),
            Known::Missing(words) => job.pending.settle(PublishOutcome::Refused(words)),
            Known::Nothing => {
                let _ = self.asking.send(job);
            }
        }
    }

    fn take_care(&self, job: Job) {
        self.busy.fetch_add(1, Ordering::AcqRel);
        let _ = self.careful.send(job);
    }

    /// Whether every message has its outcome.
    pub(super) fn is_idle(&self) -> bool {
        self.flights.is_empty()
            && !self.flights.has_waiting()
            && self.busy.load(Ordering::Acquire) == 0
    }

    /// Settles messages with an outcome. An error means that the channel is gone.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        let (dead_letters, returned) = (&self.dead_letters, &self.returned);
        self.flights.settle(|settled| {
            let message = settled.message;
            if *settled.outcome == PublishOutcome::Unroutable
                && message.exchange.is_empty()
                && message.routing_key == *dead_letters
            {
                returned.notify_one();
            }
        })
    }

    /// Whether it is time for another channel: for a queue that has another leader, the broker's end of a channel may still
    /// refuse what the queue would take (seen with RabbitMQ 3.10 when a node of a cluster is killed). What has no outcome
    /// after a while is reported as lost.
    pub(super) fn must_renew(&mut self) -> bool {
        if self.flights.take_stubborn() && self.opened.elapsed() > RENEWAL {
            self.renewing.get_or_insert_with(Instant::now);
        }
        let Some(since) = self.renewing else {
            return false;
        };
        if !self.flights.is_empty() && since.elapsed() < WORDS {
            return false;
        }
        drop(self.flights.strand());
        true
    }

    /// There is a new channel.
    pub(super) fn go_on(&mut self, channel: Channel) {
        self.channel = channel;
        (self.renewing, self.opened) = (None, Instant::now());
        for job in std::mem::take(&mut self.held) {
            self.take(job);
        }
    }

    /// The channel is gone, with everything on it.
    pub(super) fn strand(&mut self, error: &Error) -> Scope {
        let mut stranded = self.flights.strand();
        let closed = closed(error);
        let is_channel = matches!(closed, Some(Closed::Channel(..)))
            || matches!(error.kind(), ErrorKind::InvalidChannelState(..));
        if !is_channel {
            if closed.is_some() {
                error!(
                    messages = stranded.len(),
                    "the broker closed the publishing connection because of a message: {error}"
                );
                for (job, key) in &stranded {
                    self.suspects.add(*key);
                    if let Some(node) = Nodes::of(&job.message) {
                        self.nodes.doubt(node);
                    }
                }
            }
            // Dropping them reports them as lost.
            return Scope::Connection;
        }
        warn!(
            messages = stranded.len(),
            "the broker closed the publishing channel; looking for the message that caused it: \
             {error}"
        );
        if stranded.len() == 1
            && let Some(closed) = closed
            && let Some((job, key)) = stranded.pop()
        {
            let outcome = self.suspects.convict(closed, key, job.message.body.len());
            job.pending.settle(outcome);
        }
        for (job, _) in stranded {
            if !job.message.exchange.is_empty() {
                self.exchanges.learn(&job.message.exchange, Known::Nothing);
            }
            self.take_care(job);
        }
        Scope::Channel
    }
}

/// How much an error closes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Channel,
    Connection,
}
