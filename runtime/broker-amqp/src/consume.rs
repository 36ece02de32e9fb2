//! The consuming connection: holds the owner queue, consumes the three queues, sends acknowledgements.
//!
//! Whatever goes wrong on a channel takes the whole connection down; the next one has another generation, so that tags of
//! the old one reach nobody.

use crate::{
    AmqpConfig,
    backoff::Backoff,
    broker::{Phase, wait_for},
    connection::{close, connect, place, refusal, timely},
    convert::{from_lapin, short},
    queues::{declare_all, declare_queue},
    tracker::{Ack, Stragglers, Tracker},
};
use bureaucrat_host::broker::{BrokerEvent, BrokerEvents, Delivery, DeliveryHandle, Source};
use bureaucrat_model::Redelivered;
use futures_core::Stream;
use lapin::{
    Channel, Connection, Consumer,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions,
        QueueDeclareOptions,
    },
    protocol::AMQPSoftError,
    types::FieldTable,
    uri::AMQPUri,
};
use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use tracing::{debug, info, warn};

const SOURCES: [Source; 3] = [Source::Launches, Source::Answers, Source::Events];

/// How long acknowledgements wait for a gap below them to close.
const STRAGGLERS_WAIT: Duration = Duration::from_millis(10);
/// How often an engine that stands by looks whether the queues are free.
const STANDBY_PAUSE: Duration = Duration::from_secs(1);

/// How long the broker may take to answer while we leave.
const POLITENESS: Duration = Duration::from_secs(5);

/// One queue of one connection.
struct Lane {
    source: Source,
    tracker: Mutex<Tracker>,
    changed: Notify,
}

impl Lane {
    fn new(source: Source) -> Self {
        Self {
            source,
            tracker: Mutex::new(Tracker::new()),
            changed: Notify::new(),
        }
    }

    fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What acknowledgements of the connection that consumes now go through.
struct Generation {
    number: u64,
    lanes: [Arc<Lane>; 3],
}

/// The part of the consumer that the broker's handle shares.
#[derive(Default)]
pub(crate) struct Acknowledging {
    current: Mutex<Option<Arc<Generation>>>,
}

impl Acknowledging {
    /// Notes an acknowledgement; one of an older connection is dropped.
    pub fn acknowledge(&self, handle: DeliveryHandle) {
        let current = self.lock().clone();
        let Some(generation) = current.filter(|current| current.number == handle.generation) else {
            debug!(
                ?handle,
                "an acknowledgement of an older connection is dropped"
            );
            return;
        };
        let [launches, answers, events] = &generation.lanes;
        let lane = match handle.source {
            Source::Launches => launches,
            Source::Answers => answers,
            Source::Events => events,
        };
        lane.tracker().acknowledge(handle.tag);
        lane.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Generation>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The consuming side.
pub(crate) struct Consuming {
    pub config: AmqpConfig,
    pub uri: AMQPUri,
    pub events: Arc<dyn BrokerEvents>,
    pub acknowledging: Arc<Acknowledging>,
    pub phase: watch::Receiver<Phase>,
    pub up: watch::Sender<bool>,
}

/// Why a connection does not consume.
enum Failure {
    /// Another engine has the queues.
    Standby(String),
    /// Anything else, in words.
    Lost(String),
}

impl From<String> for Failure {
    fn from(words: String) -> Self {
        Self::Lost(words)
    }
}

impl From<lapin::Error> for Failure {
    fn from(error: lapin::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

impl Consuming {
    /// Consumes until the phase says to stop; comes back from whatever happens to the connection.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(self.config.retry);
        let mut number = 0;
        let mut told: Option<String> = None;
        while *self.phase.borrow() == Phase::Running {
            number += 1;
            let failure = match self.session(number, &mut backoff, &mut told).await {
                Ok(()) => break,
                Err(failure) => failure,
            };
            self.acknowledging.lock().take();
            self.up.send_replace(false);
            let (words, pause) = match failure {
                Failure::Standby(words) => (
                    format!("another engine has the queues, standing by: {words}"),
                    STANDBY_PAUSE,
                ),
                Failure::Lost(words) => (
                    format!("not consuming, trying again: {words}"),
                    backoff.pause(),
                ),
            };
            if told.as_ref() != Some(&words) {
                warn!(broker = place(&self.uri), "{words}");
                told = Some(words);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = wait_for(&mut self.phase, Phase::Draining) => break,
            }
        }
        self.up.send_replace(false);
    }

    /// One connection, until it is closed on purpose.
    async fn session(
        &self,
        number: u64,
        backoff: &mut Backoff,
        told: &mut Option<String>,
    ) -> Result<(), Failure> {
        let mut phase = self.phase.clone();
        let connection = tokio::select! {
            connection = connect(&self.config, &self.uri, "consuming") => Arc::new(connection?),
            () = wait_for(&mut phase, Phase::Draining) => return Ok(()),
        };
        let ended = self.consume(&connection, number, backoff, told).await;
        self.acknowledging.lock().take();
        close(&connection).await;
        ended
    }

    async fn consume(
        &self,
        connection: &Arc<Connection>,
        number: u64,
        backoff: &mut Backoff,
        told: &mut Option<String>,
    ) -> Result<(), Failure> {
        let owning = in_time(own(connection, &self.config.names.owner)).await?;
        timely(declare_all(connection, &self.config.names)).await?;
        let lanes = SOURCES.map(|source| Arc::new(Lane::new(source)));
        *self.acknowledging.lock() = Some(Arc::new(Generation {
            number,
            lanes: lanes.clone(),
        }));
        let mut tasks = JoinSet::new();
        for lane in lanes {
            let channel = timely(open(connection, self.config.prefetch)).await?;
            let queue = Queue {
                connection: Arc::clone(connection),
                channel: channel.clone(),
                name: self.config.names.of(lane.source).to_owned(),
                generation: number,
                lane: Arc::clone(&lane),
                events: Arc::clone(&self.events),
                phase: self.phase.clone(),
            };
            let consumer = in_time(queue.start()).await?;
            tasks.spawn(queue.run(consumer));
            tasks.spawn(acknowledge(
                channel,
                lane,
                self.config.prefetch,
                self.phase.clone(),
            ));
        }
        backoff.reset();
        *told = None;
        info!(broker = place(&self.uri), generation = number, "consuming");
        self.up.send_replace(true);
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(ended) => ended?,
                Err(error) => return Err(Failure::Lost(error.to_string())),
            }
        }
        drop(owning);
        Ok(())
    }
}

/// A channel with a bounded number of unacknowledged deliveries.
async fn open(connection: &Connection, prefetch: u16) -> Result<Channel, lapin::Error> {
    let channel = connection.create_channel().await?;
    channel
        .basic_qos(prefetch, BasicQosOptions::default())
        .await?;
    Ok(channel)
}

/// As [`timely`], for what may also find that another engine has the queues.
async fn in_time<T>(answer: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timely(async { Ok::<_, String>(answer.await) }).await?
}

/// Declares the exclusive queue that tells engines apart.
async fn own(connection: &Connection, owner: &str) -> Result<Channel, Failure> {
    let name = short("a queue's name", owner).map_err(|error| error.to_string())?;
    let channel = connection.create_channel().await?;
    let exclusive = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    match channel
        .queue_declare(name, exclusive, FieldTable::default())
        .await
    {
        Ok(_) => Ok(channel),
        Err(error) => match refusal(&error) {
            Some((AMQPSoftError::RESOURCELOCKED, words)) => Err(Failure::Standby(words)),
            Some((_, words)) => Err(Failure::Lost(words)),
            None => Err(error.into()),
        },
    }
}

/// One queue that is consumed.
struct Queue {
    connection: Arc<Connection>,
    channel: Channel,
    name: String,
    generation: u64,
    lane: Arc<Lane>,
    events: Arc<dyn BrokerEvents>,
    phase: watch::Receiver<Phase>,
}

impl Queue {
    /// Starts to consume, exclusively.
    async fn start(&self) -> Result<Consumer, Failure> {
        let name = short("a queue's name", &self.name).map_err(|error| error.to_string())?;
        let exclusive = BasicConsumeOptions {
            exclusive: true,
            ..BasicConsumeOptions::default()
        };
        let consumer = self
            .channel
            .basic_consume(name, "".into(), exclusive, FieldTable::default())
            .await;
        consumer.map_err(|error| match refusal(&error) {
            Some((AMQPSoftError::ACCESSREFUSED, words)) => Failure::Standby(words),
            Some((_, words)) => Failure::Lost(words),
            None => error.into(),
        })
    }

    /// Hands deliveries over until consuming stops; a consumer that the broker cancelled (its queue was deleted) is
    /// started anew.
    async fn run(mut self, mut consumer: Consumer) -> Result<(), Failure> {
        loop {
            let delivery = tokio::select! {
                delivery = poll_fn(|context| Pin::new(&mut consumer).poll_next(context)) => delivery,
                () = wait_for(&mut self.phase, Phase::Draining) => {
                    let tag = consumer.tag();
                    // What was not handed over yet goes back when the connection closes.
                    let cancel = self.channel.basic_cancel(tag, BasicCancelOptions::default());
                    let _ = tokio::time::timeout(POLITENESS, cancel).await;
                    return Ok(());
                }
            };
            match delivery {
                Some(Ok(delivery)) => self.hand_over(delivery),
                Some(Err(error)) => return Err(error.into()),
                None if self.channel.status().connected() => {
                    warn!(
                        queue = self.name,
                        "the queue was deleted; it is declared and consumed anew"
                    );
                    timely(declare_queue(&self.connection, &self.name)).await?;
                    consumer = in_time(self.start()).await?;
                }
                None => return Err(Failure::Lost("the channel was closed".to_owned())),
            }
        }
    }

    fn hand_over(&self, delivery: lapin::message::Delivery) {
        self.lane.tracker().delivered(delivery.delivery_tag);
        self.events.receive(BrokerEvent::Delivered(Delivery {
            handle: DeliveryHandle {
                generation: self.generation,
                source: self.lane.source,
                tag: delivery.delivery_tag,
            },
            redelivered: if delivery.redelivered {
                Redelivered::Perhaps
            } else {
                Redelivered::No
            },
            properties: from_lapin(&delivery.properties),
            body: delivery.data,
        }));
    }
}

/// Sends the acknowledgements of one channel, many in one where it can, until the connection is to close.
async fn acknowledge(
    channel: Channel,
    lane: Arc<Lane>,
    prefetch: u16,
    mut phase: watch::Receiver<Phase>,
) -> Result<(), Failure> {
    let many = usize::from(prefetch / 4).max(1);
    let mut stragglers = Stragglers::Wait;
    loop {
        send(&channel, &lane, stragglers).await?;
        let waiting = lane.tracker().stragglers();
        stragglers = if waiting >= many {
            Stragglers::Go
        } else {
            Stragglers::Wait
        };
        if stragglers == Stragglers::Go {
            continue;
        }
        tokio::select! {
            () = lane.changed.notified() => {}
            () = tokio::time::sleep(STRAGGLERS_WAIT), if waiting > 0 => stragglers = Stragglers::Go,
            () = wait_for(&mut phase, Phase::Closing) => break,
        }
    }
    send(&channel, &lane, Stragglers::Go).await?;
    // The answer to this says that the broker has read the acknowledgements; closing the connection does not.
    let _ = tokio::time::timeout(POLITENESS, channel.close(200, "bye".into())).await;
    Ok(())
}

async fn send(channel: &Channel, lane: &Lane, stragglers: Stragglers) -> Result<(), Failure> {
    let acks = lane.tracker().take(stragglers);
    for ack in acks {
        let (tag, multiple) = match ack {
            Ack::UpTo(tag) => (tag, true),
            Ack::One(tag) => (tag, false),
        };
        channel.basic_ack(tag, BasicAckOptions { multiple }).await?;
    }
    Ok(())
}
