//! What every client does: connect, declare, publish with confirm, consume.

use super::Shared;
use crate::queues;
use anyhow::{Context, Result, ensure};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    ExchangeKind,
    options::{
        BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use std::time::Duration;

/// The participants of the load's definitions. The last one never gets a task.
pub const PARTICIPANTS: [&str; 9] = [
    "child", "add", "left", "right", "inner", "moody", "undo", "idle", "never",
];

/// A connection, and a channel on it that confirms.
pub struct Client {
    pub connection: Connection,
    pub channel: Channel,
}

pub async fn connect(shared: &Shared) -> Result<Client> {
    let connection = connect_to_any(shared).await?;
    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    shared.seen().connections += 1;
    Ok(Client {
        connection,
        channel,
    })
}

async fn connect_to_any(shared: &Shared) -> Result<Connection> {
    let first = usize::try_from(shared.seen().connections)?;
    let mut failed = None;
    for place in 0..shared.urls.len() {
        let url = &shared.urls[(first + place) % shared.urls.len()];
        match Connection::connect(url, ConnectionProperties::default()).await {
            Ok(connection) => return Ok(connection),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.context("the load has no broker")?.into())
}

/// Declares a queue that no lost node takes along.
pub async fn declare_queue(shared: &Shared, channel: &Channel, queue: &str) -> Result<()> {
    match shared.urls.len() {
        1 => queues::declare_queue(channel, queue).await,
        _ => queues::declare_quorum_queue(channel, queue).await,
    }
}

/// Publishes a persistent message; returns when the broker has it.
pub async fn publish(
    channel: &Channel,
    queue: &str,
    body: &[u8],
    message_id: Option<String>,
) -> Result<()> {
    let mut properties = BasicProperties::default();
    if let Some(id) = message_id {
        properties = properties.with_message_id(id.into());
    }
    publish_with(channel, queue, body, properties).await
}

/// Publishes the result of a call.
pub async fn bring_back(channel: &Channel, queue: &str, id: &str, body: &[u8]) -> Result<()> {
    let properties = BasicProperties::default().with_correlation_id(id.into());
    publish_with(channel, queue, body, properties).await
}

/// Deploys a definition.
pub async fn deploy(channel: &Channel, queue: &str, text: &[u8]) -> Result<()> {
    let kind = "application/x-bureaucrat-definition";
    let properties = BasicProperties::default().with_content_type(kind.into());
    publish_with(channel, queue, text, properties).await
}

/// A module to deploy under a name.
pub struct Module {
    pub name: String,
    pub component: Vec<u8>,
}

/// Deploys a module, and waits until it is: a definition that uses it would be refused before.
pub async fn deploy_module(channel: &Channel, queue: &str, module: Module) -> Result<()> {
    let mut headers = FieldTable::default();
    let name = AMQPValue::LongString(module.name.into());
    headers.insert("bureaucrat-module".into(), name);
    let properties = BasicProperties::default()
        .with_content_type("application/wasm".into())
        .with_headers(headers);
    let exclusive = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    let replies = channel
        .queue_declare("".into(), exclusive, FieldTable::default())
        .await?;
    let replies = replies.name();
    let properties = properties.with_reply_to(replies.clone());
    publish_with(channel, queue, &module.component, properties).await?;
    let no_ack = BasicGetOptions { no_ack: true };
    loop {
        if let Some(reply) = channel.basic_get(replies.clone(), no_ack).await? {
            let reply = String::from_utf8_lossy(&reply.data).into_owned();
            ensure!(reply.contains(r#""status": "deployed""#), "{reply}");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn publish_with(
    channel: &Channel,
    queue: &str,
    body: &[u8],
    properties: BasicProperties,
) -> Result<()> {
    let properties = properties.with_delivery_mode(2);
    let mandatory = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let confirmation = channel
        .basic_publish("".into(), queue.into(), mandatory, body, properties)
        .await?
        .await?;
    ensure!(
        matches!(confirmation, Confirmation::Ack(None)),
        "{queue} did not take a message"
    );
    Ok(())
}

/// Consumes a queue, after declaring it.
pub async fn consume(shared: &Shared, channel: &Channel, queue: &str) -> Result<Consumer> {
    declare_queue(shared, channel, queue).await?;
    channel.basic_qos(50, BasicQosOptions::default()).await?;
    Ok(channel
        .basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?)
}

/// Declares the engine's queues, the notice exchange and a queue that receives all notices, as an
/// administrator may.
pub async fn declare(shared: &Shared) -> Result<()> {
    let client = connect(shared).await?;
    let channel = &client.channel;
    for queue in ["launches", "answers", "events", "results"] {
        declare_queue(shared, channel, &shared.name(queue)).await?;
    }
    for participant in PARTICIPANTS {
        declare_queue(
            shared,
            channel,
            &format!("worker_{}", shared.name(participant)),
        )
        .await?;
    }
    declare_queue(shared, channel, &shared.name("mail")).await?;
    let exchange = shared.name("processes");
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(
            exchange.as_str().into(),
            ExchangeKind::Topic,
            durable,
            FieldTable::default(),
        )
        .await?;
    let listener = shared.name("listener");
    declare_queue(shared, channel, &listener).await?;
    channel
        .queue_bind(
            listener.as_str().into(),
            exchange.as_str().into(),
            "#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await?;
    client.connection.close(200, "declared".into()).await?;
    Ok(())
}
