//! The engine's own queues and its exchange: looked for first, created only when missing, so that one that exists with
//! other arguments (a quorum queue, say) is used as it is.

use crate::{QueueNames, connection::refusal, convert::short};
use lapin::{
    Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueDeclareOptions},
    protocol::AMQPSoftError,
    types::FieldTable,
};

/// Declares everything that is the engine's, besides the owner queue.
pub(crate) async fn declare_all(connection: &Connection, names: &QueueNames) -> Result<(), String> {
    for queue in [
        &names.launches,
        &names.answers,
        &names.events,
        &names.dead_letters,
    ] {
        declare_queue(connection, queue).await?;
    }
    declare_exchange(connection, &names.processes).await
}

/// Declares one queue: durable, not exclusive, not deleted by itself, unless it exists.
pub(crate) async fn declare_queue(connection: &Connection, queue: &str) -> Result<(), String> {
    let name = short("a queue's name", queue).map_err(|error| error.to_string())?;
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    // A miss closes the channel, so each question has one of its own.
    let channel = connection
        .create_channel()
        .await
        .map_err(|error| error.to_string())?;
    match channel
        .queue_declare(name.clone(), passive, FieldTable::default())
        .await
    {
        Ok(_) => {
            let _ = channel.close(200, "done".into()).await;
            return Ok(());
        }
        Err(error) => match refusal(&error) {
            Some((AMQPSoftError::NOTFOUND, _)) => {}
            Some((_, words)) => return Err(format!("queue {queue}: {words}")),
            None => return Err(error.to_string()),
        },
    }
    let channel = connection
        .create_channel()
        .await
        .map_err(|error| error.to_string())?;
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(name, durable, FieldTable::default())
        .await
        .map_err(|error| format!("queue {queue}: {error}"))?;
    let _ = channel.close(200, "done".into()).await;
    Ok(())
}

/// Declares the topic exchange for news of processes, unless it exists.
async fn declare_exchange(connection: &Connection, exchange: &str) -> Result<(), String> {
    if exchange.is_empty() || exchange_exists(connection, exchange).await?.is_ok() {
        return Ok(());
    }
    let name = short("an exchange's name", exchange).map_err(|error| error.to_string())?;
    let channel = connection
        .create_channel()
        .await
        .map_err(|error| error.to_string())?;
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(name, ExchangeKind::Topic, durable, FieldTable::default())
        .await
        .map_err(|error| format!("exchange {exchange}: {error}"))?;
    let _ = channel.close(200, "done".into()).await;
    Ok(())
}

/// Whether an exchange exists: the inner error is the broker's no, the outer one that it could not be asked.
pub(crate) async fn exchange_exists(
    connection: &Connection,
    exchange: &str,
) -> Result<Result<(), String>, String> {
    let name = match short("an exchange's name", exchange) {
        Ok(name) => name,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let channel = connection
        .create_channel()
        .await
        .map_err(|error| error.to_string())?;
    let passive = ExchangeDeclareOptions {
        passive: true,
        ..ExchangeDeclareOptions::default()
    };
    match channel
        .exchange_declare(name, ExchangeKind::Direct, passive, FieldTable::default())
        .await
    {
        Ok(()) => {
            let _ = channel.close(200, "done".into()).await;
            Ok(Ok(()))
        }
        Err(error) => match refusal(&error) {
            Some((_, words)) => Ok(Err(words)),
            None => Err(error.to_string()),
        },
    }
}
