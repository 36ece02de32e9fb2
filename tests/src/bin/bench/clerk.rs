//! Everything with the broker that is not measured: creating and deleting queues, filling them.

use crate::forward;
use anyhow::Result;
use bureaucrat_tests::{engine::Engine, queues::declare_queue};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use std::{collections::VecDeque, time::Instant};
use tokio::runtime::Runtime;

/// Messages whose confirms are awaited together, and their bytes.
const WINDOW: usize = 1_000;
const WINDOW_BYTES: usize = 64 << 20;

pub struct Clerk {
    runtime: Runtime,
    _connection: Connection,
    channel: Channel,
    queues: Vec<String>,
}

impl Clerk {
    /// # Errors
    /// When the broker can't be reached.
    pub fn connect(url: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let (connection, channel) = runtime.block_on(async {
            let connection = Connection::connect(url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            anyhow::Ok((connection, channel))
        })?;
        Ok(Self {
            runtime,
            _connection: connection,
            channel,
            queues: Vec::new(),
        })
    }

    /// Declares a durable queue, which is deleted when this is dropped.
    ///
    /// # Errors
    /// If the broker goes away.
    pub fn declare(&mut self, queue: &str) -> Result<()> {
        self.runtime.block_on(declare_queue(&self.channel, queue))?;
        self.queues.push(queue.to_owned());
        Ok(())
    }

    /// Declares the queues that an engine takes messages from, and that of its dead letters.
    ///
    /// # Errors
    /// If the broker goes away.
    pub fn declare_queues_of(&mut self, engine: &Engine) -> Result<()> {
        for of in ["launches", "answers", "events", "dead"] {
            self.declare(&engine.name(of))?;
        }
        Ok(())
    }

    /// Ready messages of a queue.
    ///
    /// # Errors
    /// If the broker goes away.
    pub fn ready(&self, queue: &str) -> Result<u32> {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let asking = self
            .channel
            .queue_declare(queue.into(), passive, FieldTable::default());
        Ok(self.runtime.block_on(asking)?.message_count())
    }

    /// Publishes the same message to a queue `count` times; returns when the broker has confirmed
    /// all.
    ///
    /// # Errors
    /// If the broker goes away.
    pub fn put(&self, queue: &str, body: &[u8], count: u64) -> Result<()> {
        self.put_until(None, queue, body, &forward::persistent(), count)?;
        Ok(())
    }

    /// The same with other properties, and only until a deadline. Returns how many were published.
    ///
    /// # Errors
    /// If the broker goes away.
    pub fn put_until(
        &self,
        end: Option<Instant>,
        queue: &str,
        body: &[u8],
        properties: &BasicProperties,
        count: u64,
    ) -> Result<u64> {
        let window = WINDOW.min(WINDOW_BYTES / body.len().max(1));
        self.runtime.block_on(async {
            let mut confirms = VecDeque::new();
            let mut put = 0;
            while put < count && end.is_none_or(|end| Instant::now() < end) {
                put += 1;
                let sending = forward::send(&self.channel, queue, body, properties.clone());
                confirms.push_back(sending.await?);
                if confirms.len() > window
                    && let Some(oldest) = confirms.pop_front()
                {
                    forward::confirmed(&oldest.await?)?;
                }
            }
            for confirm in confirms {
                forward::confirmed(&confirm.await?)?;
            }
            Ok(put)
        })
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        for queue in &self.queues {
            let options = QueueDeleteOptions::default();
            let deleting = self.channel.queue_delete(queue.as_str().into(), options);
            let _ = self.runtime.block_on(deleting);
        }
    }
}
