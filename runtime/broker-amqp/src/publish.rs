//! The publishing connection: everything goes over one channel with confirms, many messages at once; nothing leaves before
//! the engine's own queues are there, since what leaves may be answered at once.
//!
//! A message that might close the channel takes the careful way instead. When the channel is closed all the same, those
//! on it are lost, to be tried again by the host, and become suspects; one that was alone on it is refused.

use crate::{
    AmqpConfig,
    backoff::Backoff,
    broker::{Phase, wait_for},
    careful::{Care, Careful, Suspects},
    connection::{close, connect, place, refusal, timely},
    convert::{ConvertError, short, to_lapin},
    exchanges::{Exchanges, Known},
    flights::{Flights, Job, Keys},
    queues::declare_all,
};
use bureaucrat_host::broker::{BrokerEvent, BrokerEvents, PublishOutcome};
use futures_core::Stream;
use lapin::{
    BasicProperties, Channel, Connection, Error, ErrorKind, Event, options::ConfirmSelectOptions,
    uri::AMQPUri,
};
use std::{future::poll_fn, pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinSet,
};
use tracing::{error, info, warn};

/// How many messages are taken up between two looks at confirms.
const BATCH: usize = 128;
/// How often an idle connection is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long closing waits for confirms.
const CLOSING: Duration = Duration::from_secs(5);

pub(crate) struct Publishing {
    pub config: AmqpConfig,
    pub uri: AMQPUri,
    pub events: Arc<dyn BrokerEvents>,
    pub jobs: UnboundedReceiver<Job>,
    pub phase: watch::Receiver<Phase>,
    pub up: watch::Sender<bool>,
    pub keys: Arc<Keys>,
    pub suspects: Arc<Suspects>,
}

/// Why a connection does not publish any more.
enum Ended {
    OnPurpose,
    Lost(String),
}

impl Publishing {
    /// Publishes until the phase says to close; comes back from whatever happens to the connection.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(self.config.retry);
        let mut told: Option<String> = None;
        loop {
            let words = match self.connected().await {
                None => return,
                Some(Ok(connection)) => {
                    backoff.reset();
                    told = None;
                    match self.session(connection).await {
                        Ended::OnPurpose => return,
                        Ended::Lost(words) => words,
                    }
                }
                Some(Err(words)) => words,
            };
            if told.as_ref() != Some(&words) {
                warn!(
                    broker = place(&self.uri),
                    "not publishing, trying again: {words}"
                );
                told = Some(words);
            }
            let mut phase = self.phase.clone();
            let mut pause = pin!(tokio::time::sleep(backoff.pause()));
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    // Dropping a job tells that it is lost.
                    job = self.jobs.recv() => if job.is_none() { return },
                    () = wait_for(&mut phase, Phase::Closing) => return,
                }
            }
        }
    }

    /// A new connection, or `None` when there is nothing to do any more. Jobs that come meanwhile are lost.
    async fn connected(&mut self) -> Option<Result<Connection, String>> {
        let (config, uri) = (self.config.clone(), self.uri.clone());
        let mut attempt = pin!(connect(&config, &uri, "publishing", None));
        let mut phase = self.phase.clone();
        loop {
            tokio::select! {
                connection = &mut attempt => return Some(connection),
                job = self.jobs.recv() => drop(job?),
                () = wait_for(&mut phase, Phase::Closing) => return None,
            }
        }
    }

    /// One connection. When this returns no ticket that it saw is without outcome.
    async fn session(&mut self, connection: Connection) -> Ended {
        let connection = Arc::new(connection);
        // Who gets a task may answer before the consuming connection is up: the answer needs its queue then.
        let prepared = async {
            timely(declare_all(&connection, &self.config.names)).await?;
            timely(open(&connection)).await
        };
        let channel = match prepared.await {
            Ok(channel) => channel,
            Err(words) => return Ended::Lost(words),
        };
        info!(broker = place(&self.uri), "publishing");
        self.events.receive(BrokerEvent::PublishingUp);
        self.up.send_replace(true);

        let (careful, care) = unbounded_channel();
        let (usual, mut back) = unbounded_channel();
        let mut tasks = JoinSet::new();
        let exchanges = Arc::<Exchanges>::default();
        tasks.spawn(
            Careful {
                connection: Arc::clone(&connection),
                exchanges: Arc::clone(&exchanges),
                suspects: Arc::clone(&self.suspects),
                usual,
            }
            .run(care),
        );
        tasks.spawn(watch_alarms(Arc::clone(&connection), place(&self.uri)));
        let mut lane = Lane {
            channel,
            frame_max: connection.configuration().frame_max(),
            flights: Flights::new(Arc::clone(&self.keys)),
            keys: Arc::clone(&self.keys),
            suspects: Arc::clone(&self.suspects),
            exchanges,
            careful,
            held: Vec::new(),
        };
        let ended = self.serve(&connection, &mut lane, &mut back).await;
        drop(lane);
        tasks.shutdown().await;
        drop(back);
        while self.jobs.try_recv().is_ok() {}
        self.up.send_replace(false);
        self.events.receive(BrokerEvent::PublishingDown);
        close(&connection).await;
        ended
    }

    async fn serve(
        &mut self,
        connection: &Connection,
        lane: &mut Lane,
        back: &mut UnboundedReceiver<Job>,
    ) -> Ended {
        let mut look = tokio::time::interval(LOOK);
        let mut closing = None;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let changed = lane.flights.changed();
            let mut phase = self.phase.clone();
            tokio::select! {
                () = changed => {}
                job = back.recv() => batch.extend(job),
                count = self.jobs.recv_many(&mut batch, BATCH), if closing.is_none() => {
                    if count == 0 {
                        closing = Some(tokio::time::Instant::now());
                    }
                }
                () = wait_for(&mut phase, Phase::Closing), if closing.is_none() => {
                    closing = Some(tokio::time::Instant::now());
                    while let Ok(job) = self.jobs.try_recv() {
                        batch.push(job);
                    }
                }
                _ = look.tick() => {}
            }
            for job in batch.drain(..) {
                lane.take(job);
            }
            let gone = match lane.flights.settle() {
                Err(error) => match lane.strand(&error) {
                    Scope::Connection => return Ended::Lost(error.to_string()),
                    Scope::Channel => true,
                },
                // Messages on a channel that closes have their errors coming.
                Ok(()) => lane.flights.is_empty() && !lane.channel.status().connected(),
            };
            if !connection.status().connected() {
                return Ended::Lost("the connection was closed".to_owned());
            }
            if gone {
                match timely(open(connection)).await {
                    Ok(channel) => lane.go_on(channel),
                    Err(words) => return Ended::Lost(words),
                }
            }
            if closing.is_some_and(|since| lane.flights.is_empty() || since.elapsed() > CLOSING) {
                return Ended::OnPurpose;
            }
        }
    }
}

/// The channel that messages usually go over.
struct Lane {
    channel: Channel,
    frame_max: u32,
    flights: Flights,
    keys: Arc<Keys>,
    suspects: Arc<Suspects>,
    exchanges: Arc<Exchanges>,
    careful: UnboundedSender<Care>,
    /// Messages that came while the channel was closing.
    held: Vec<Job>,
}

impl Lane {
    /// Sends a message on its way.
    fn take(&mut self, job: Job) {
        if !self.channel.status().connected() {
            self.held.push(job);
            return;
        }
        let properties = match self.converted(&job) {
            Ok(properties) => properties,
            Err(error) => {
                return job
                    .pending
                    .settle(PublishOutcome::Refused(error.to_string()));
            }
        };
        let key = self.keys.of(&job.message);
        if self.suspects.contains(key) {
            // A job that finds nobody is dropped, which tells that it is lost.
            let _ = self
                .careful
                .send(Care::Suspect(Box::new(job), key, Box::new(properties)));
            return;
        }
        match self.exchanges.look(&job.message.exchange) {
            Known::There => self.flights.launch(&self.channel, job, key, properties),
            Known::Missing(words) => job.pending.settle(PublishOutcome::Refused(words)),
            Known::Nothing => {
                let _ = self.careful.send(Care::Exchange(Box::new(job)));
            }
        }
    }

    fn converted(&self, job: &Job) -> Result<BasicProperties, ConvertError> {
        short("the exchange's name", &job.message.exchange)?;
        short("the routing key", &job.message.routing_key)?;
        to_lapin(&job.message, self.frame_max)
    }

    /// There is a new channel.
    fn go_on(&mut self, channel: Channel) {
        self.channel = channel;
        for job in std::mem::take(&mut self.held) {
            self.take(job);
        }
    }

    /// The channel is gone, with everything on it.
    fn strand(&mut self, error: &Error) -> Scope {
        let mut stranded = self.flights.strand();
        let words = match (refusal(error), error.kind()) {
            (Some((_, words)), _) => Some(words),
            (None, ErrorKind::InvalidChannelState(..)) => None,
            // Dropping tells that they are lost.
            (None, _) => return Scope::Connection,
        };
        error!(
            messages = stranded.len(),
            "the broker closed the publishing channel: {error}"
        );
        if stranded.len() == 1
            && let Some(words) = words
            && let Some(only) = stranded.pop()
        {
            self.suspects.add(only.key);
            only.pending.settle(PublishOutcome::Refused(words));
        }
        for each in &stranded {
            self.suspects.add(each.key);
            if !each.exchange.is_empty() {
                self.exchanges.learn(&each.exchange, Known::Nothing);
            }
        }
        Scope::Channel
    }
}

/// How much an error takes with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Channel,
    Connection,
}

async fn open(connection: &Connection) -> Result<Channel, Error> {
    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(channel)
}

/// Tells when the broker blocks publishers, and when it goes on.
async fn watch_alarms(connection: Arc<Connection>, place: String) {
    let mut events = pin!(connection.events_listener());
    while let Some(event) = poll_fn(|context| events.as_mut().poll_next(context)).await {
        if let Event::ConnectionBlocked(reason) = event {
            warn!(broker = place, "the broker blocks publishing: {reason}");
        } else if matches!(event, Event::ConnectionUnblocked) {
            info!(broker = place, "the broker takes messages again");
        }
    }
}
