//! Moves messages from one queue to another in three stages: read, publish with confirm,
//! acknowledge. Relays and participants are built from these.
//!
//! A message is acknowledged only after what was made of it is confirmed. Each stage takes
//! everything that is available at once, and messages keep their order, so that one acknowledgement
//! covers all before it.

use anyhow::{Context, Result, bail, ensure};
use futures_lite::{StreamExt, future::poll_once};
use lapin::{
    Acker, BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    PublisherConfirm,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions,
    },
    types::FieldTable,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// The most messages that a stage takes at once.
const BATCH: usize = 256;

/// A message in transit. Its bytes are its body.
#[derive(Debug)]
pub struct Taken(Delivery);

impl AsRef<[u8]> for Taken {
    fn as_ref(&self) -> &[u8] {
        &self.0.data
    }
}

/// A message whose successor was published.
#[derive(Debug)]
pub struct Sent {
    acker: Acker,
    confirm: PublisherConfirm,
}

/// A connection with a channel for each direction.
pub struct Ends {
    _connection: Connection,
    pub consumer: Consumer,
    pub publishing: Channel,
}

impl Ends {
    /// Consumes `queue` with at most `prefetch` messages in hand.
    ///
    /// # Errors
    /// When the broker can't be reached or has no such queue.
    pub async fn open(url: &str, queue: &str, prefetch: u16) -> Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let consuming = connection.create_channel().await?;
        let publishing = connection.create_channel().await?;
        publishing
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        consuming
            .basic_qos(prefetch, BasicQosOptions::default())
            .await?;
        let consumer = consuming
            .basic_consume(
                queue.into(),
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await?;
        Ok(Self {
            _connection: connection,
            consumer,
            publishing,
        })
    }
}

/// Reads; each batch contains everything that had arrived.
///
/// # Errors
/// If the broker ends the consumer, or nobody takes a batch.
pub async fn read(mut consumer: Consumer, take: impl Fn(Vec<Taken>) -> Result<()>) -> Result<()> {
    while let Some(first) = consumer.next().await {
        let mut batch = vec![Taken(first?)];
        while batch.len() < BATCH {
            match poll_once(consumer.next()).await {
                Some(Some(delivery)) => batch.push(Taken(delivery?)),
                Some(None) | None => break,
            }
        }
        take(batch)?;
    }
    bail!("the broker ended the consumer")
}

/// Publishes bodies unchanged, with the properties that are made of those that they came with.
///
/// # Errors
/// If the channel is closed.
pub async fn publish(
    batch: Vec<Taken>,
    channel: &Channel,
    to: &str,
    sent: &UnboundedSender<Sent>,
    properties: impl Fn(&BasicProperties) -> BasicProperties,
) -> Result<()> {
    for Taken(delivery) in batch {
        let properties = properties(&delivery.properties);
        let confirm = send(channel, to, &delivery.data, properties).await?;
        let acker = delivery.acker;
        sent.send(Sent { acker, confirm })?;
    }
    Ok(())
}

/// The properties of a message that survives the broker.
pub fn persistent() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(2)
}

/// Publishes one message to a queue.
///
/// # Errors
/// When the channel is closed.
pub async fn send(
    channel: &Channel,
    to: &str,
    body: &[u8],
    properties: BasicProperties,
) -> Result<PublisherConfirm> {
    let options = BasicPublishOptions::default();
    Ok(channel
        .basic_publish("".into(), to.into(), options, body, properties)
        .await?)
}

/// Acknowledges messages and does nothing else with them.
///
/// # Errors
/// If the broker ends the consumer.
pub async fn discard(mut consumer: Consumer) -> Result<()> {
    while let Some(delivery) = consumer.next().await {
        delivery?.ack(BasicAckOptions::default()).await?;
    }
    bail!("the broker ended the consumer")
}

/// Acknowledges what is confirmed, many at once, and reports how many each time.
///
/// # Errors
/// If the broker refuses a message or goes away.
pub async fn acknowledge(mut sent: UnboundedReceiver<Sent>, done: impl Fn(u64)) -> Result<()> {
    let mut waiting = None;
    loop {
        let next = match waiting.take() {
            Some(next) => Some(next),
            None => sent.recv().await,
        };
        let Sent {
            mut acker,
            mut confirm,
        } = next.context("nothing is published any more")?;
        confirmed(&(&mut confirm).await?)?;
        let mut count = 1;
        while let Ok(mut following) = sent.try_recv() {
            let Some(confirmation) = poll_once(&mut following.confirm).await else {
                waiting = Some(following);
                break;
            };
            confirmed(&confirmation?)?;
            acker = following.acker;
            count += 1;
        }
        acker.ack(BasicAckOptions { multiple: true }).await?;
        done(count);
    }
}

/// # Errors
/// When the broker did not take the message.
pub fn confirmed(confirmation: &Confirmation) -> Result<()> {
    ensure!(
        *confirmation == Confirmation::Ack(None),
        "the broker refuses a message: {confirmation:?}"
    );
    Ok(())
}
