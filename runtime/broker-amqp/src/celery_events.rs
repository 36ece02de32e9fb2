//! The events of Celery's workers (`-E`), consumed on a connection of their own: why tasks failed.
//!
//! Losing them is fine, so their queue is the connection's own, short, and its messages live a few
//! seconds. Whatever goes wrong here, such as a missing permission, is reported and tried again; it
//! never disturbs the engine's own queues.

use crate::{
    AmqpConfig,
    backoff::Backoff,
    broker::{Phase, wait_for},
    connection::{close, connect, timely},
    convert::short,
    in_hand::{InHand, Intake},
    queues::declare_exchange,
    reports::{Reports, Role},
};
use bureaucrat_connect::Dialer;
use bureaucrat_host::broker::{BrokerEvent, BrokerEvents};
use futures_core::Stream;
use lapin::{
    Connection, Consumer, ExchangeKind,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use std::{future::poll_fn, pin::Pin, sync::Arc, time::Instant};
use tokio::sync::watch;
use tracing::info;

/// The exchange that Celery's workers send events to. The one that comes first declares it.
pub const CELERY_EVENTS: &str = "celeryev";
/// A failure alone, and many events in one message.
const ROUTING_KEYS: [&str; 2] = ["task.failed", "task.multi"];
/// How long an event counts, in milliseconds: nothing waits longer for one.
const EVENT_MILLIS: i32 = 10_000;
/// What the queue holds at most, in messages and bytes; the oldest are dropped.
const QUEUE_MESSAGES: i32 = 10_000;
const QUEUE_BYTES: i32 = 16 << 20;
/// What is in memory at most, in messages, and about so many bytes.
const PREFETCH: u16 = 10;
const IN_HAND_BYTES: usize = 2 << 20;

pub(crate) struct EventReader {
    pub config: AmqpConfig,
    pub dialer: Arc<Dialer>,
    pub reports: Arc<Reports>,
    pub events: Arc<dyn BrokerEvents>,
    pub phase: watch::Receiver<Phase>,
    /// Whether this engine consumes its own queues: another one that stands by leaves events to it.
    pub consuming: watch::Receiver<bool>,
}

impl EventReader {
    /// Consumes whenever the engine does, until the phase says to stop.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(self.config.retry);
        let in_hand = InHand::new(IN_HAND_BYTES);
        loop {
            let mut consuming = self.consuming.clone();
            tokio::select! {
                _ = consuming.wait_for(|up| *up) => {}
                () = wait_for(&mut self.phase, Phase::Draining) => return,
            }
            let (mut phase, mut since) = (self.phase.clone(), None);
            let ended = tokio::select! {
                ended = self.session(&in_hand, &mut since) => ended,
                _ = consuming.wait_for(|up| !*up) => Ok(()),
                () = wait_for(&mut phase, Phase::Draining) => return,
            };
            if let Some(since) = since {
                backoff.worked(Instant::elapsed(&since));
            }
            let Err(words) = ended else { continue };
            self.reports.failed(Role::CeleryEvents, words);
            tokio::select! {
                () = tokio::time::sleep(backoff.pause()) => {}
                () = wait_for(&mut self.phase, Phase::Draining) => return,
            }
        }
    }

    async fn session(
        &self,
        in_hand: &Arc<InHand>,
        since: &mut Option<Instant>,
    ) -> Result<(), String> {
        let intake = Intake::new(in_hand);
        let role = "consuming Celery's events";
        let dialed = connect(&self.dialer, role, Some(intake.clone())).await?;
        let connection = dialed.connection;
        let ended = async {
            let queue = &self.config.names.celery_events;
            let consumer = timely(start(&connection, queue)).await?;
            *since = Some(Instant::now());
            self.reports.works(Role::CeleryEvents);
            info!(broker = dialed.place, "reading Celery's events");
            self.hand_over(consumer, &intake).await
        };
        let ended = ended.await;
        let said = dialed.hearing.last_words();
        close(&connection).await;
        ended.map_err(|words| said.unwrap_or(words))
    }

    async fn hand_over(&self, mut consumer: Consumer, intake: &Intake) -> Result<(), String> {
        loop {
            let next = poll_fn(|context| Pin::new(&mut consumer).poll_next(context)).await;
            let Some(delivery) = next else {
                return Err("the broker ended the consumer of Celery's events".to_owned());
            };
            let delivery = delivery.map_err(|error| error.to_string())?;
            let hold = intake.hand_over(delivery.data.len());
            self.events.receive(BrokerEvent::TaskEvents(delivery.data));
            drop(hold);
            let taken = delivery.acker.ack(BasicAckOptions::default()).await;
            taken.map_err(|error| error.to_string())?;
        }
    }
}

/// Declares what is missing, and consumes.
async fn start(connection: &Connection, queue: &str) -> Result<Consumer, String> {
    let queue = short("a queue's name", queue).map_err(|error| error.to_string())?;
    declare_exchange(connection, CELERY_EVENTS, ExchangeKind::Topic).await?;
    let channel = connection.create_channel().await;
    let channel = channel.map_err(|error| error.to_string())?;
    let own = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let mut bounds = FieldTable::default();
    for (name, value) in [
        ("x-max-length", QUEUE_MESSAGES),
        ("x-max-length-bytes", QUEUE_BYTES),
        ("x-message-ttl", EVENT_MILLIS),
    ] {
        bounds.insert(name.into(), AMQPValue::LongInt(value));
    }
    let asked = async {
        channel.queue_declare(queue.clone(), own, bounds).await?;
        for key in ROUTING_KEYS {
            let (options, none) = (QueueBindOptions::default(), FieldTable::default());
            channel
                .queue_bind(
                    queue.clone(),
                    CELERY_EVENTS.into(),
                    key.into(),
                    options,
                    none,
                )
                .await?;
        }
        channel
            .basic_qos(PREFETCH, BasicQosOptions::default())
            .await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        channel.basic_consume(queue, "".into(), options, none).await
    };
    asked.await.map_err(|error: lapin::Error| error.to_string())
}
