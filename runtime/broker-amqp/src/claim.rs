//! Whose the queues are: a queue of one message, which holds the id of the storage that they belong
//! to.
//!
//! An engine with another storage would know none of the processes that answers are for. So the
//! engine that got the owner queue looks here before it consumes: no message, and it puts its own;
//! another id, and it refuses.
//!
//! What was read is published again and confirmed before it is acknowledged, so that a crash at any
//! point leaves the id at least once, and no quorum queue counts deliveries of it. More than one of
//! the same id are taken for one.

use crate::{
    QueueType,
    careful::open,
    connection::timely,
    convert::short,
    lane::Failure,
    queues::{Letters, declare_queue},
};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection,
    options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions},
};
use std::collections::BTreeSet;

/// More messages than this, or longer ones, were not put there by engines.
const MESSAGES_MAX: usize = 64;
const ID_BYTES_MAX: usize = 256;

/// Makes sure that the queues belong to this storage.
///
/// # Errors
/// When they belong to another one, or the broker can't be asked.
pub(crate) async fn claim(
    connection: &Connection,
    queue: &str,
    kind: Option<QueueType>,
    storage: &str,
) -> Result<(), Failure> {
    timely(declare_queue(connection, queue, kind, Letters::Kept)).await?;
    let channel = timely(open(connection)).await?;
    let mut found = BTreeSet::new();
    let last = read(&channel, queue, &mut found).await?;
    if found.is_empty() {
        found.insert(storage.as_bytes().to_vec());
    }
    for id in &found {
        put(&channel, queue, id).await?;
    }
    if let Some(tag) = last {
        let all = BasicAckOptions { multiple: true };
        timely(channel.basic_ack(tag, all)).await?;
    }
    // The answer says that the broker has read the acknowledgement.
    timely(channel.close(200, "done".into())).await?;
    let mut others = found.iter().filter(|id| *id != storage.as_bytes());
    match others.next() {
        None => Ok(()),
        Some(other) => Err(Failure::Foreign(format!(
            "the queues belong to another storage: the queue `{queue}` holds the id {}, and this \
             storage has the id {storage}. Answers to tasks of the other storage would find no \
             process here. Start the engine with the other storage, or with a copy of it that \
             `bureaucrat restore` made. If the other storage is lost for good, delete the queue \
             `{queue}` and start this engine again",
            String::from_utf8_lossy(other).escape_debug()
        ))),
    }
}

/// Reads what is in the queue, and leaves it unacknowledged; returns the last tag.
async fn read(
    channel: &Channel,
    queue: &str,
    found: &mut BTreeSet<Vec<u8>>,
) -> Result<Option<u64>, Failure> {
    let name = short("a queue's name", queue).map_err(|error| error.to_string())?;
    let mut last = None;
    for _ in 0..MESSAGES_MAX {
        let get = channel.basic_get(name.clone(), BasicGetOptions::default());
        let Some(message) = timely(get).await? else {
            return Ok(last);
        };
        if message.delivery.data.len() > ID_BYTES_MAX {
            break;
        }
        last = Some(message.delivery.delivery_tag);
        found.insert(message.delivery.data);
    }
    Err(Failure::Foreign(format!(
        "the queue `{queue}` is to hold the id of the storage that the queues belong to, and holds \
         something else: delete it, unless another program uses it, and start the engine again"
    )))
}

async fn put(channel: &Channel, queue: &str, id: &[u8]) -> Result<(), Failure> {
    let name = short("a queue's name", queue).map_err(|error| error.to_string())?;
    let mandatory = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("text/plain".into());
    let confirm = timely(channel.basic_publish("".into(), name, mandatory, id, properties)).await?;
    match timely(confirm).await? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) | Confirmation::Nack(_) | Confirmation::NotRequested => Err(
            Failure::Lost(format!("the broker does not keep the id in `{queue}`")),
        ),
    }
}
