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
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(queue.into(), durable, FieldTable::default())
        .await?;
    Ok(())
}

/// Declares a quorum queue.
///
/// # Errors
/// As [`declare_queue`].
pub async fn declare_quorum_queue(channel: &Channel, queue: &str) -> Result<()> {
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    channel
        .queue_declare(queue.into(), durable, arguments)
        .await?;
    Ok(())
}
