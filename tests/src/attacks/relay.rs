//! The cost of the broker alone for a benign load during an attack: a consumer that answers each
//! message at once, and reads, runs and stores nothing. No engine on this machine could do better.

use super::load::{Place, channel, publish};
use anyhow::{Context, Result};
use futures_lite::StreamExt;
use lapin::{
    BasicProperties, Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions},
    types::FieldTable,
};
use tokio::{sync::watch, task::JoinSet};

/// What to do with a message of an attack, which names its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Send a dead letter, whole, and a reply.
    Refused,
    Run,
}

/// Relays until `stop` says so. Launches, answers and events come from queues of the place.
///
/// # Errors
/// When the broker goes away.
pub async fn relay(place: &Place, answer: Answer, mut stop: watch::Receiver<bool>) -> Result<()> {
    let (connection, publisher) = channel(place).await?;
    publisher
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    let mut tasks = JoinSet::new();
    for queue in [&place.launches, &place.answers, &place.events] {
        let (intake, reader) = channel(place).await?;
        reader.basic_qos(500, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        let mut consumer = reader
            .basic_consume(
                queue.as_str().into(),
                "".into(),
                options,
                FieldTable::default(),
            )
            .await?;
        let (publisher, dead) = (publisher.clone(), place.dead.clone());
        tasks.spawn(async move {
            let _intake = intake;
            let mut under_way = JoinSet::new();
            while let Some(delivery) = consumer.next().await {
                let (publisher, dead) = (publisher.clone(), dead.clone());
                let delivery = delivery?;
                under_way.spawn(async move { pass(&publisher, &dead, answer, delivery).await });
                while let Some(ended) = under_way.try_join_next() {
                    ended??;
                }
            }
            anyhow::Ok(())
        });
    }
    tokio::select! {
        ended = tasks.join_next() => ended.context("nothing is relayed")???,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    tasks.shutdown().await;
    connection.close(200, "bye".into()).await?;
    Ok(())
}

/// Publishes the outcome of a message, and acknowledges the message once everything is confirmed.
async fn pass(publisher: &Channel, dead: &str, answer: Answer, delivery: Delivery) -> Result<()> {
    let attack = delivery.properties.user_id().is_some();
    let refused = attack && answer == Answer::Refused;
    let told: &[&str] = match (refused, attack) {
        (true, _) => &["rejected"],
        (false, true) => &["launched", "failed"],
        (false, false) => &["launched", "completed"],
    };
    let durable = BasicProperties::default().with_delivery_mode(2);
    let mut confirms = Vec::new();
    if let Some(to) = delivery.properties.reply_to() {
        let id = delivery.properties.correlation_id().clone();
        let properties = durable.clone().with_correlation_id(id.unwrap_or_default());
        for status in told {
            let body = format!("{{\"status\": \"{status}\"}}");
            let confirm = publish(publisher, to.as_str(), body.as_bytes(), properties.clone());
            confirms.push(confirm.await?);
        }
    }
    if refused {
        confirms.push(publish(publisher, dead, &delivery.data, durable).await?);
    }
    for confirm in confirms {
        confirm.await?;
    }
    delivery.ack(BasicAckOptions::default()).await?;
    Ok(())
}
