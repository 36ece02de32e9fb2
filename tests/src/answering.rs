//! A participant that answers on request: takes the tasks that wait in a queue and returns them
//! unchanged.

use crate::{engine::broker_url, queues::declare_queue};
use anyhow::Result;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::runtime::Runtime;

pub struct Answering {
    runtime: Runtime,
    channel: Channel,
    _connection: Connection,
    answers: String,
}

impl Answering {
    /// Connects, and declares the queues that tasks will come to.
    ///
    /// # Errors
    /// When there is no broker.
    pub fn connect(answers: String, queues: &[&str]) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let url = broker_url()?;
        let (connection, channel) = runtime.block_on(async {
            let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            for queue in queues {
                declare_queue(&channel, queue).await?;
            }
            anyhow::Ok((connection, channel))
        })?;
        Ok(Self {
            runtime,
            channel,
            _connection: connection,
            answers,
        })
    }

    /// Answers every task that waits in a queue; returns how many there were.
    ///
    /// # Errors
    /// If the broker goes away.
    pub fn answer(&self, queue: &str) -> Result<usize> {
        self.answer_with(queue, <[u8]>::to_vec)
    }

    /// The same with bodies that `change` makes of those of the tasks.
    ///
    /// # Errors
    /// If the broker goes away.
    pub fn answer_with(&self, queue: &str, change: impl Fn(&[u8]) -> Vec<u8>) -> Result<usize> {
        self.runtime.block_on(async {
            let mut count = 0;
            let get = || {
                self.channel
                    .basic_get(queue.into(), BasicGetOptions::default())
            };
            while let Some(task) = get().await? {
                let properties = BasicProperties::default().with_delivery_mode(2);
                self.channel
                    .basic_publish(
                        "".into(),
                        self.answers.as_str().into(),
                        BasicPublishOptions::default(),
                        &change(&task.data),
                        properties,
                    )
                    .await?
                    .await?;
                task.ack(BasicAckOptions::default()).await?;
                count += 1;
            }
            Ok(count)
        })
    }
}
