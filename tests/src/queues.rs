//! Queues of a real broker, as the tests' clients and participants declare them.

use anyhow::Result;
use lapin::{
    Channel,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};

/// Declares a durable queue.
///
/// # Errors
/// If the broker goes away, or the queue exists with other arguments.
pub async fn declare_queue(channel: &Channel, queue: &str) -> Result<()> {
    declare(channel, queue, FieldTable::default()).await
}

/// Declares a quorum queue.
///
/// # Errors
/// As [`declare_queue`].
pub async fn declare_quorum_queue(channel: &Channel, queue: &str) -> Result<()> {
    let mut arguments = FieldTable::default();
    let quorum = AMQPValue::LongString("quorum".into());
    arguments.insert("x-queue-type".into(), quorum);
    declare(channel, queue, arguments).await
}

async fn declare(channel: &Channel, queue: &str, arguments: FieldTable) -> Result<()> {
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(queue.into(), durable, arguments)
        .await?;
    Ok(())
}
