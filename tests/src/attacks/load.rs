//! A benign load on a running engine, measured alone and during an attack at full rate.
//!
//! The benign load is open: a fixed number of launches per second, whatever happens to them. The
//! attack is closed: [`WINDOW`] messages are in flight, and each one that was handled makes room
//! for the next. To the engine they come from different users: the attack names its user, the
//! benign load does not.

use super::{
    orders::Order,
    relay::{Answer, relay},
};
use crate::queues::declare_queue;
use anyhow::{Context, Result, ensure};
use futures_lite::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer, PublisherConfirm,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::FieldTable,
    uri::AMQPUri,
};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::{sync::watch, time::timeout};

/// Attacks in flight.
pub const WINDOW: u64 = 64;
/// How long the last benign processes may take after the last launch.
const PATIENCE: Duration = Duration::from_secs(60);

/// Evaluates a condition, forks, and ends: what most processes do between waits.
const BENIGN: &str = "<process><context><property name=\"n\" type=\"int\">4</property></context>
  <switch><case><condition>context['n'] &gt; 3 and 'n' in context</condition><all><sequence/><sequence/></all></case></switch>
</process>";

/// The engine under load: its broker and its queues.
#[derive(Debug, Clone)]
pub struct Place {
    pub url: String,
    pub launches: String,
    pub answers: String,
    pub events: String,
    /// The queue of dead letters.
    pub dead: String,
}

/// What a benign load measured.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Processes that ended, which are all that were launched.
    pub ended: usize,
    /// Processes that ended per second, from the first launch to the last end.
    pub per_second: f64,
    /// The median time from publishing a launch to reading that it completed.
    pub median: Duration,
    /// The same; 99 of 100 are below.
    pub p99: Duration,
}

pub(super) async fn channel(place: &Place) -> Result<(Connection, Channel)> {
    let connection = Connection::connect(&place.url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

/// A separate queue for replies.
async fn replies(channel: &Channel) -> Result<(String, Consumer)> {
    let exclusive = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel
        .queue_declare("".into(), exclusive, FieldTable::default())
        .await?;
    let name = queue.name().to_string();
    let consumer = consume(channel, &name).await?;
    Ok((name, consumer))
}

async fn consume(channel: &Channel, queue: &str) -> Result<Consumer> {
    let options = BasicConsumeOptions {
        no_ack: true,
        ..BasicConsumeOptions::default()
    };
    Ok(channel
        .basic_consume(queue.into(), "".into(), options, FieldTable::default())
        .await?)
}

/// The status in a reply.
fn status(body: &[u8]) -> String {
    let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let status = body.as_ref().and_then(|body| body.get("status")?.as_str());
    status.unwrap_or_default().to_owned()
}

/// Launches `rate` processes per second for a time, and waits until all of them have ended.
///
/// # Errors
/// If one does not end, or ends otherwise than it should; if the broker goes away.
pub async fn benign(place: &Place, rate: u32, time: Duration) -> Result<Figures> {
    let (connection, publisher) = channel(place).await?;
    let reader = connection.create_channel().await?;
    let (queue, mut consumer) = replies(&reader).await?;
    let count = usize::try_from(u64::from(rate) * time.as_millis() as u64 / 1_000)?;
    let (began, begun) = watch::channel(HashMap::<String, Instant>::new());
    let started = Instant::now();
    let publishing = async {
        for number in 0..count {
            let due = started + time.mul_f64(number as f64 / count as f64);
            tokio::time::sleep_until(due.into()).await;
            began.send_modify(|all| {
                all.insert(number.to_string(), Instant::now());
            });
            let properties = BasicProperties::default()
                .with_delivery_mode(2)
                .with_reply_to(queue.as_str().into())
                .with_correlation_id(number.to_string().into());
            publish(&publisher, &place.launches, BENIGN.as_bytes(), properties).await?;
        }
        anyhow::Ok(())
    };
    let reading = async {
        let mut took = Vec::with_capacity(count);
        while took.len() < count {
            let reply = consumer.next().await.context("the broker is gone")??;
            let correlation = reply
                .properties
                .correlation_id()
                .clone()
                .unwrap_or_default();
            match status(&reply.data).as_str() {
                "launched" => {}
                "completed" => {
                    let at = begun.borrow().get(correlation.as_str()).copied();
                    took.push(at.context("an end of another launch")?.elapsed());
                }
                other => anyhow::bail!("a benign process is {other}"),
            }
        }
        Ok(took)
    };
    let both = async { tokio::try_join!(publishing, reading) };
    let (_, mut took) = timeout(time + PATIENCE, both)
        .await
        .context("benign processes are lost")??;
    let all = started.elapsed();
    took.sort();
    connection.close(200, "bye".into()).await?;
    ensure!(!took.is_empty(), "nothing was launched");
    Ok(Figures {
        ended: took.len(),
        per_second: took.len() as f64 / all.as_secs_f64(),
        median: took[took.len() / 2],
        p99: took[(took.len() * 99 / 100).min(took.len() - 1)],
    })
}

pub(super) async fn publish(
    channel: &Channel,
    queue: &str,
    body: &[u8],
    properties: BasicProperties,
) -> Result<PublisherConfirm> {
    Ok(channel
        .basic_publish(
            "".into(),
            queue.into(),
            BasicPublishOptions::default(),
            body,
            properties,
        )
        .await?)
}

/// Attacks until `stop` says so, or until `most` attacks were handled; returns how many were.
///
/// # Errors
/// If the broker goes away, or the engine stops handling messages.
pub async fn attack(
    place: &Place,
    order: &Order,
    most: u64,
    mut stop: watch::Receiver<bool>,
) -> Result<u64> {
    let uri: AMQPUri = place.url.parse().map_err(anyhow::Error::msg)?;
    let user = uri.authority.userinfo.username;
    let (connection, publisher) = channel(place).await?;
    publisher
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    let reader = connection.create_channel().await?;
    let (queue, mut told) = replies(&reader).await?;
    let mut letters = consume(&reader, &place.dead).await?;
    let (body, to) = match order {
        Order::Launch(body) => (body, &place.launches),
        Order::Answer(body) => (body, &place.answers),
        Order::Event(body) => (body, &place.events),
    };
    let (mut sent, mut done) = (0, 0);
    // Wait for those that are in flight at the end too, so that the next measurement begins
    // undisturbed.
    while done < most && (done < sent || !*stop.borrow_and_update()) {
        while sent < done + WINDOW && sent < most && !*stop.borrow() {
            let properties = BasicProperties::default()
                .with_delivery_mode(2)
                .with_user_id(user.as_str().into());
            let properties = match order {
                Order::Launch(_) => properties
                    .with_reply_to(queue.as_str().into())
                    .with_message_id(format!("{queue}-{sent}").into()),
                Order::Answer(_) | Order::Event(_) => properties,
            };
            publish(&publisher, to, body, properties).await?;
            sent += 1;
        }
        let next = async {
            loop {
                tokio::select! {
                    reply = told.next() => {
                        let reply = reply.context("the broker is gone")??;
                        if status(&reply.data) != "launched" {
                            return anyhow::Ok(());
                        }
                    }
                    letter = letters.next() => {
                        letter.context("the broker is gone")??;
                        // A refused launch also has a reply.
                        if !matches!(order, Order::Launch(_)) {
                            return Ok(());
                        }
                    }
                }
            }
        };
        tokio::select! {
            dealt = timeout(PATIENCE, next) => {
                dealt.context("the engine deals with no attack any more")??;
                done += 1;
            }
            Ok(()) = stop.changed() => {}
        }
    }
    connection.close(200, "bye".into()).await?;
    Ok(done)
}

/// A benign load during an attack.
#[derive(Debug, Clone, Copy)]
pub struct Beside {
    /// What the benign load measured.
    pub benign: Figures,
    /// Attacks handled per second.
    pub attacks_per_second: f64,
}

/// The benign load during an attack.
///
/// # Errors
/// As [`benign`] and [`attack`].
pub async fn beside(place: &Place, order: &Order, rate: u32, time: Duration) -> Result<Beside> {
    let (stop, stopped) = watch::channel(false);
    let attacking = async {
        let started = Instant::now();
        let attacks = attack(place, order, u64::MAX, stopped).await?;
        anyhow::Ok(attacks as f64 / started.elapsed().as_secs_f64())
    };
    let loading = async {
        let figures = benign(place, rate, time).await;
        stop.send_replace(true);
        figures
    };
    let (attacks_per_second, benign) = tokio::try_join!(attacking, loading)?;
    Ok(Beside {
        benign,
        attacks_per_second,
    })
}

/// The same with a bare relay instead of an engine, on separate queues: the cost of the broker
/// alone.
///
/// # Errors
/// As [`beside`].
pub async fn beside_relay(
    place: &Place,
    order: &Order,
    answer: Answer,
    rate: u32,
    time: Duration,
) -> Result<Beside> {
    let own = |queue: &str| format!("{queue}.relay");
    let place = Place {
        url: place.url.clone(),
        launches: own(&place.launches),
        answers: own(&place.answers),
        events: own(&place.events),
        dead: own(&place.dead),
    };
    let (_connection, channel) = channel(&place).await?;
    for queue in [&place.launches, &place.answers, &place.events, &place.dead] {
        declare_queue(&channel, queue).await?;
    }
    let (stop, stopped) = watch::channel(false);
    let measuring = async {
        let measured = beside(&place, order, rate, time).await;
        stop.send_replace(true);
        measured
    };
    let (measured, ()) = tokio::try_join!(measuring, relay(&place, answer, stopped))?;
    for queue in [&place.launches, &place.answers, &place.events, &place.dead] {
        let options = QueueDeleteOptions::default();
        channel.queue_delete(queue.as_str().into(), options).await?;
    }
    Ok(measured)
}
