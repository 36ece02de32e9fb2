//! Queues of a real broker, as the tests' clients and participants declare them.

use anyhow::Result;
use lapin::{Channel, options::QueueDeclareOptions, types::FieldTable};

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
