//! The launcher: a connection, a channel with confirms, a queue for replies.

use crate::{
    error::ClientError,
    replies::{Incoming, Replies},
};
use bureaucrat_model::{Fields, ProcessId};
use bureaucrat_wire::{Address, Outgoing, Reply, event, launch, merge_fields};
use futures_lite::StreamExt;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Where the engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LauncherConfig {
    /// The broker, `amqp://user:password@host:port/vhost` or `amqps://…`.
    pub url: String,
    /// Where launches go; the queue `bureaucrat` by default.
    pub launches: Address,
    /// Where events go; the queue `bureaucrat_events` by default.
    pub events: Address,
}

impl Default for LauncherConfig {
    fn default() -> Self {
        let queue = |name: &str| Address {
            exchange: String::new(),
            routing_key: name.into(),
        };
        Self {
            url: "amqp://guest:guest@localhost:5672/%2f".into(),
            launches: queue("bureaucrat"),
            events: queue("bureaucrat_events"),
        }
    }
}

/// Launches processes and publishes events.
pub struct Launcher {
    // Dropping the connection would close it.
    _connection: Connection,
    channel: Channel,
    reply_queue: String,
    replies: Arc<Replies>,
    config: LauncherConfig,
}

/// A process that was launched.
#[derive(Debug)]
pub struct Launched {
    /// Its id.
    pub process: ProcessId,
    correlation_id: String,
    incoming: mpsc::Receiver<Incoming>,
    replies: Arc<Replies>,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It ran to its end, with these final fields.
    Completed(Fields),
    /// It failed.
    Failed {
        /// The fault's code.
        code: String,
        /// What happened.
        message: String,
        /// The id of the activity that it happened in.
        activity: String,
        /// The line of the definition, from 1; 0 when unknown.
        line: u32,
    },
}

impl Launcher {
    /// Connects to the broker.
    ///
    /// # Errors
    /// When it can't be reached or refuses the connection.
    pub async fn connect(config: &LauncherConfig) -> Result<Self, ClientError> {
        let refused = |error: lapin::Error| ClientError::Connect(error.to_string());
        let properties =
            ConnectionProperties::default().with_connection_name("bureaucrat launcher".into());
        let connection = Connection::connect(&config.url, properties)
            .await
            .map_err(refused)?;
        let channel = connection.create_channel().await.map_err(refused)?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .map_err(refused)?;
        let options = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let queue = channel
            .queue_declare("".into(), options, FieldTable::default())
            .await
            .map_err(refused)?;
        let reply_queue = queue.name().as_str().to_owned();
        let options = BasicConsumeOptions {
            no_ack: true,
            exclusive: true,
            ..BasicConsumeOptions::default()
        };
        let consumer = channel
            .basic_consume(
                reply_queue.as_str().into(),
                "".into(),
                options,
                FieldTable::default(),
            )
            .await
            .map_err(refused)?;
        let replies = Arc::new(Replies::default());
        tokio::spawn(listen(consumer, replies.clone()));
        Ok(Self {
            _connection: connection,
            channel,
            reply_queue,
            replies,
            config: config.clone(),
        })
    }

    /// Launches a process: the definition's XML, with `fields` put over its context. Gives the process's id once the
    /// engine has it durably.
    ///
    /// # Errors
    /// When the definition can't take the fields, no engine has ever run on this broker, the engine refuses the
    /// definition, or the connection is lost.
    pub async fn launch(&self, definition: &str, fields: &Fields) -> Result<Launched, ClientError> {
        let merged;
        let definition = if fields.is_empty() {
            definition
        } else {
            merged = merge_fields(definition, fields)?;
            &merged
        };
        let id = message_id()?;
        let message = launch(
            &self.config.launches,
            definition,
            &id,
            Some(&self.reply_queue),
            Some(&id),
        );
        let mut incoming = self.replies.expect(&id);
        let first = match self.publish(message).await {
            Ok(()) => next(&mut incoming).await,
            Err(error) => Err(error),
        };
        match first {
            Ok(
                Reply::Launched { process }
                | Reply::Completed { process, .. }
                | Reply::Failed { process, .. },
            ) => Ok(Launched {
                process,
                correlation_id: id,
                incoming,
                replies: self.replies.clone(),
            }),
            Ok(Reply::Rejected { reasons }) => {
                self.replies.forget(&id);
                Err(ClientError::Rejected { reasons })
            }
            Err(error) => {
                self.replies.forget(&id);
                Err(error)
            }
        }
    }

    /// Publishes an event: a JSON object of `fields` and the event's name.
    ///
    /// # Errors
    /// When no engine has ever run on this broker, or the connection is lost.
    pub async fn event(&self, name: &str, fields: &Fields) -> Result<(), ClientError> {
        let id = message_id()?;
        self.publish(event(&self.config.events, name, fields, &id))
            .await
    }

    async fn publish(&self, message: Outgoing) -> Result<(), ClientError> {
        let lost = |error: lapin::Error| ClientError::Lost(error.to_string());
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let confirm = self
            .channel
            .basic_publish(
                message.exchange.as_str().into(),
                message.routing_key.as_str().into(),
                options,
                &message.body,
                properties(&message),
            )
            .await
            .map_err(lost)?;
        match confirm.await.map_err(lost)? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => Err(ClientError::Unroutable {
                routing_key: message.routing_key,
            }),
            Confirmation::Nack(_) | Confirmation::NotRequested => Err(ClientError::Refused),
        }
    }
}

impl Launched {
    /// Waits for the process's end.
    ///
    /// # Errors
    /// When the connection is lost, or a reply can't be read.
    pub async fn wait(&mut self) -> Result<Ended, ClientError> {
        loop {
            match next(&mut self.incoming).await? {
                Reply::Completed { fields, .. } => return Ok(Ended::Completed(fields)),
                Reply::Failed {
                    code,
                    message,
                    activity,
                    line,
                    ..
                } => {
                    return Ok(Ended::Failed {
                        code,
                        message,
                        activity,
                        line,
                    });
                }
                // A repeat of what is known already.
                Reply::Launched { .. } | Reply::Rejected { .. } => {}
            }
        }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.replies.forget(&self.correlation_id);
    }
}

async fn next(incoming: &mut mpsc::Receiver<Incoming>) -> Result<Reply, ClientError> {
    match incoming.recv().await {
        Some(Ok(reply)) => Ok(reply),
        Some(Err(reason)) => Err(ClientError::Reply(reason)),
        None => Err(ClientError::Lost("no more replies come".into())),
    }
}

async fn listen(mut consumer: lapin::Consumer, replies: Arc<Replies>) {
    while let Some(Ok(delivery)) = consumer.next().await {
        if let Some(id) = delivery.properties.correlation_id() {
            replies.bring(id.as_str(), &delivery.data);
        }
    }
    replies.close();
}

fn properties(message: &Outgoing) -> BasicProperties {
    let mut properties = BasicProperties::default().with_delivery_mode(2);
    let from = &message.properties;
    if let Some(text) = &from.content_type {
        properties = properties.with_content_type(text.as_str().into());
    }
    if let Some(text) = &from.message_id {
        properties = properties.with_message_id(text.as_str().into());
    }
    if let Some(text) = &from.reply_to {
        properties = properties.with_reply_to(text.as_str().into());
    }
    if let Some(text) = &from.correlation_id {
        properties = properties.with_correlation_id(text.as_str().into());
    }
    properties
}

/// A random UUID (RFC 9562, version 4).
fn message_id() -> Result<String, ClientError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ClientError::Random(error.to_string()))?;
    Ok(uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string())
}
