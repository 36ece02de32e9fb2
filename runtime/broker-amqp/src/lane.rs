//! One consumed queue: hands its deliveries over, sends their acknowledgements, starts again if the
//! queue was deleted.

use crate::{
    QueueType,
    broker::{Phase, wait_for},
    connection::{refusal, timely},
    convert::{from_lapin, short},
    in_hand::Intake,
    queues::{Letters, declare_queue},
    tracker::{Ack, Stragglers, Tracker},
};
use bureaucrat_host::broker::{
    BrokerEvent, BrokerEvents, Delivery, DeliveryHandle, Sender, Source, Way,
};
use bureaucrat_model::{Redelivered, lock};
use futures_core::Stream;
use lapin::{
    Channel, Connection, Consumer,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions},
    protocol::AMQPSoftError,
    types::FieldTable,
};
use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::sync::{Notify, watch};
use tracing::warn;

/// How long acknowledgements wait for a gap below them to close.
const STRAGGLERS_WAIT: Duration = Duration::from_millis(10);
/// How long the broker may take to answer during shutdown.
const POLITENESS: Duration = Duration::from_secs(5);

/// Why a connection does not consume.
pub(crate) enum Failure {
    /// Another engine has the queues.
    Standby(String),
    /// The queues belong to another storage.
    Foreign(String),
    Lost(String),
}

impl From<String> for Failure {
    fn from(words: String) -> Self {
        Self::Lost(words)
    }
}

impl From<lapin::Error> for Failure {
    fn from(error: lapin::Error) -> Self {
        let words = refusal(&error).map(|(_, words)| words);
        Self::Lost(words.unwrap_or_else(|| error.to_string()))
    }
}

/// Like [`timely`], for requests that may also find that another engine has the queues.
pub(crate) async fn in_time<T>(
    answer: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timely(async { Ok::<_, String>(answer.await) }).await?
}

/// The deliveries of one queue that the host has.
pub(crate) struct Lane {
    pub source: Source,
    pub way: Way,
    tracker: Mutex<Tracker>,
    pub changed: Notify,
}

impl Lane {
    pub fn new(source: Source, way: Way) -> Self {
        Self {
            source,
            way,
            tracker: Mutex::new(Tracker::new()),
            changed: Notify::new(),
        }
    }

    pub fn tracker(&self) -> MutexGuard<'_, Tracker> {
        lock(&self.tracker)
    }
}

/// Whether a queue may have other consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consumers {
    One,
    Many,
}

/// One consumed queue.
pub(crate) struct Queue {
    pub connection: Arc<Connection>,
    pub channel: Channel,
    pub name: String,
    /// How to declare it if it was deleted.
    pub kind: Option<QueueType>,
    pub dead_letters: String,
    pub consumers: Consumers,
    pub generation: u64,
    pub lane: Arc<Lane>,
    pub intake: Arc<Intake>,
    pub events: Arc<dyn BrokerEvents>,
    pub phase: watch::Receiver<Phase>,
}

impl Queue {
    pub async fn start(&self) -> Result<Consumer, Failure> {
        let name = short("a queue's name", &self.name).map_err(|error| error.to_string())?;
        let exclusive = BasicConsumeOptions {
            exclusive: self.consumers == Consumers::One,
            ..BasicConsumeOptions::default()
        };
        let consumer = self
            .channel
            .basic_consume(name, "".into(), exclusive, FieldTable::default())
            .await;
        consumer.map_err(|error| match refusal(&error) {
            Some((AMQPSoftError::ACCESSREFUSED, words)) if words.contains("exclusive use") => {
                Failure::Standby(words)
            }
            Some((_, words)) => Failure::Lost(words),
            None => error.into(),
        })
    }

    /// Hands deliveries over until consuming stops. Restarts a consumer that the broker cancelled
    /// because its queue was deleted.
    pub async fn run(mut self, mut consumer: Consumer) -> Result<(), Failure> {
        loop {
            let delivery = tokio::select! {
                delivery = poll_fn(|context| Pin::new(&mut consumer).poll_next(context)) => delivery,
                () = wait_for(&mut self.phase, Phase::Draining) => {
                    let tag = consumer.tag();
                    // What was not handed over yet is requeued when the connection closes.
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
                        "the queue was deleted; it is declared and consumed again"
                    );
                    let again = declare_queue(
                        &self.connection,
                        &self.name,
                        self.kind,
                        Letters::Limited(&self.dead_letters),
                    );
                    timely(again).await?;
                    consumer = in_time(self.start()).await?;
                }
                None => return Err(Failure::Lost("the channel was closed".to_owned())),
            }
        }
    }

    fn hand_over(&self, delivery: lapin::message::Delivery) {
        let hold = self.intake.hand_over(delivery.data.len());
        self.lane.tracker().delivered(delivery.delivery_tag);
        self.events.receive(BrokerEvent::Delivered(Delivery {
            handle: DeliveryHandle {
                generation: self.generation,
                source: self.lane.source,
                way: self.lane.way,
                tag: delivery.delivery_tag,
            },
            redelivered: if delivery.redelivered {
                Redelivered::Perhaps
            } else {
                Redelivered::No
            },
            properties: from_lapin(&delivery.properties),
            body: delivery.data,
            hold,
            sender: Sender::default(),
            shard: None,
        }));
    }
}

/// Sends the acknowledgements of one channel, several in one if possible, until the connection
/// closes.
pub(crate) async fn acknowledge(
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
    // The answer to this means that the broker has read the acknowledgements; closing the
    // connection does not.
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
