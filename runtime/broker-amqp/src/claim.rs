//! The owner of the queues: a queue with one message, the id of the storage that the queues belong
//! to.
//!
//! An engine with another storage would know none of the processes that answers are for. So the
//! engine that holds the owner queue looks here before it consumes: if there is no message, it puts
//! its own; if there is another id, it refuses.
//!
//! Usually the message is put back. It is published again before it is acknowledged if there is
//! more than one message, or if a quorum queue has delivered it so often that its limit is near: so
//! a crash at any point leaves the id at least once. Several equal ids count as one.

use crate::{
    AmqpConfig,
    careful::open,
    connection::{close, connect, timely},
    convert::short,
    lane::Failure,
    queues::{Letters, declare_queue},
};
use bureaucrat_connect::Dialer;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions},
    types::AMQPValue,
};
use std::collections::BTreeSet;

/// More messages than this, or longer ones, do not come from engines.
const MESSAGES_MAX: usize = 64;
const ID_BYTES_MAX: usize = 256;

/// This many deliveries of a quorum queue are safe: its limit is 20 if it has one.
const DELIVERIES_MAX: i64 = 8;

/// The messages in the queue, unacknowledged.
#[derive(Default)]
struct Found {
    ids: BTreeSet<Vec<u8>>,
    messages: usize,
    last: Option<u64>,
    /// The most deliveries of one of them, as a quorum queue counts them.
    deliveries: i64,
}

/// Who claims the queues, and where that is stored.
pub(crate) struct Claim<'a> {
    pub config: &'a AmqpConfig,
    pub dialer: &'a Dialer,
}

impl Claim<'_> {
    /// Makes sure that the queues belong to this storage, over the connection that holds the owner
    /// queue: if that breaks, the message is back before another engine can become the owner.
    ///
    /// # Errors
    /// If they belong to another storage, or the broker cannot be asked.
    pub async fn make(&self, owner: &Connection) -> Result<(), Failure> {
        let (queue, storage) = (&self.config.names.storage, &self.config.storage);
        let kind = self.config.queue_type;
        timely(declare_queue(owner, queue, kind, Letters::Kept)).await?;
        let channel = timely(owner.create_channel()).await?;
        let mut found = read(&channel, queue).await?;
        let is_fine = found.messages == 1 && found.deliveries < DELIVERIES_MAX;
        if !is_fine {
            if found.ids.is_empty() {
                found.ids.insert(storage.as_bytes().to_vec());
            }
            self.put(&found.ids).await?;
        }
        match found.last {
            Some(tag) if is_fine => {
                let back = BasicNackOptions {
                    multiple: true,
                    requeue: true,
                };
                timely(channel.basic_nack(tag, back)).await?;
            }
            Some(tag) => {
                let all = BasicAckOptions { multiple: true };
                timely(channel.basic_ack(tag, all)).await?;
            }
            None => {}
        }
        // The answer means that the broker has read everything sent before.
        timely(channel.close(200, "done".into())).await?;
        let mut others = found.ids.iter().filter(|id| *id != storage.as_bytes());
        match others.next() {
            None => Ok(()),
            Some(other) => Err(Failure::Foreign(foreign(queue, storage, other))),
        }
    }

    /// Publishes these ids, each once, over a separate connection: a broker that is short of memory
    /// stops reading connections that have published, and the owner's connection must send
    /// acknowledgements.
    async fn put(&self, ids: &BTreeSet<Vec<u8>>) -> Result<(), Failure> {
        let queue = &self.config.names.storage;
        let connection = connect(self.dialer, "claiming", None).await?.connection;
        let all = async {
            let channel = timely(open(&connection)).await?;
            for id in ids {
                put(&channel, queue, id).await?;
            }
            Ok::<(), Failure>(())
        };
        let put = all.await;
        close(&connection).await;
        put
    }
}

fn foreign(queue: &str, storage: &str, other: &[u8]) -> String {
    format!(
        "the queues belong to another storage: the queue `{queue}` holds the id {}, and this \
         storage has the id {storage}. Answers to tasks of the other storage would find no process \
         in this one. Start the engine with the other storage, or with a copy of it that \
         `bureaucrat restore` made. If the other storage is lost for good, delete the queue \
         `{queue}` and restart this engine",
        String::from_utf8_lossy(other).escape_debug()
    )
}

/// Reads the messages in the queue, and leaves them unacknowledged.
async fn read(channel: &Channel, queue: &str) -> Result<Found, Failure> {
    let name = short("a queue's name", queue).map_err(|error| error.to_string())?;
    let mut found = Found::default();
    while found.messages < MESSAGES_MAX {
        let get = channel.basic_get(name.clone(), BasicGetOptions::default());
        let Some(message) = timely(get).await? else {
            return Ok(found);
        };
        let delivery = message.delivery;
        if delivery.data.len() > ID_BYTES_MAX {
            break;
        }
        let headers = delivery.properties.headers().as_ref();
        let count = headers.and_then(|headers| headers.inner().get("x-delivery-count"));
        let count = count.and_then(AMQPValue::as_long_long_int).unwrap_or(0);
        found.deliveries = found.deliveries.max(count);
        found.messages += 1;
        found.last = Some(delivery.delivery_tag);
        found.ids.insert(delivery.data);
    }
    Err(Failure::Foreign(format!(
        "the queue `{queue}` should hold the id of the storage that the queues belong to, but \
         holds something else: delete it, unless another program uses it, and start the engine \
         again"
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
