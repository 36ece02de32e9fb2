//! The careful way to publish: for messages that might close their channel, so that others' messages are not on it.
//!
//! A message to an exchange of which nothing is known waits here until the broker was asked, on a channel of its own, and
//! then goes the usual way. A message that was on a channel when the broker closed it is published here, alone, so that it
//! is clear which one it was.

use crate::{
    connection::{refusal, timely},
    exchanges::{Exchanges, Known},
    flights::{Job, Key, published},
    queues::exchange_exists,
};
use bureaucrat_host::broker::PublishOutcome;
use lapin::{BasicProperties, Channel, Confirmation, Connection, options::ConfirmSelectOptions};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How many suspects are remembered.
const SUSPECTS_MAX: usize = 10_000;

/// Messages that may have closed a channel.
#[derive(Debug, Default)]
pub(crate) struct Suspects(Mutex<HashSet<Key>>);

impl Suspects {
    pub fn contains(&self, key: Key) -> bool {
        self.lock().contains(&key)
    }

    pub fn add(&self, key: Key) {
        let mut keys = self.lock();
        if keys.len() >= SUSPECTS_MAX {
            keys.clear();
        }
        keys.insert(key);
    }

    fn clear(&self, key: Key) {
        self.lock().remove(&key);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message that needs care.
pub(crate) enum Care {
    /// Its exchange is not known.
    Exchange(Box<Job>),
    /// It may have closed a channel.
    Suspect(Box<Job>, Key, Box<BasicProperties>),
}

/// What the careful way works with.
pub(crate) struct Careful {
    pub connection: Arc<Connection>,
    pub exchanges: Arc<Exchanges>,
    pub suspects: Arc<Suspects>,
    /// Where messages go whose exchange is there.
    pub usual: UnboundedSender<Job>,
}

impl Careful {
    /// Publishes one after the other until nobody sends any more.
    pub async fn run(self, mut jobs: UnboundedReceiver<Care>) {
        let mut channel = None;
        while let Some(care) = jobs.recv().await {
            match care {
                Care::Exchange(job) => self.ask(*job).await,
                Care::Suspect(job, key, properties) => {
                    self.publish(&mut channel, *job, key, *properties).await
                }
            }
        }
    }

    async fn ask(&self, job: Job) {
        let exchange = job.message.exchange.clone();
        // Somebody may have asked for the same one just before.
        if self.exchanges.look(&exchange) == Known::Nothing {
            match timely(exchange_exists(&self.connection, &exchange)).await {
                Ok(Ok(())) => self.exchanges.learn(&exchange, Known::There),
                Ok(Err(words)) => self.exchanges.learn(&exchange, Known::Missing(words)),
                // The connection is going; dropping the job tells that it is lost.
                Err(_) => return,
            }
        }
        match self.exchanges.look(&exchange) {
            Known::Missing(words) => job.pending.settle(PublishOutcome::Refused(words)),
            Known::There | Known::Nothing => {
                let _ = self.usual.send(job);
            }
        }
    }

    async fn publish(
        &self,
        channel: &mut Option<Channel>,
        job: Job,
        key: Key,
        properties: BasicProperties,
    ) {
        let open = match channel.take() {
            Some(open) if open.status().connected() => open,
            Some(_) | None => match timely(self.open()).await {
                Ok(open) => open,
                Err(_) => return,
            },
        };
        let outcome = match published(open.clone(), job.message, properties).await {
            Ok(Confirmation::Ack(None)) => PublishOutcome::Confirmed,
            Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))) => {
                PublishOutcome::Unroutable
            }
            Ok(Confirmation::Nack(None)) => {
                PublishOutcome::Refused("the broker did not take it (basic.nack)".to_owned())
            }
            Ok(Confirmation::NotRequested) => PublishOutcome::Lost,
            Err(error) => match refusal(&error) {
                Some((_, words)) => {
                    job.pending.settle(PublishOutcome::Refused(words));
                    return;
                }
                None => PublishOutcome::Lost,
            },
        };
        *channel = Some(open);
        match outcome {
            PublishOutcome::Confirmed | PublishOutcome::Unroutable => self.suspects.clear(key),
            PublishOutcome::Refused(_) | PublishOutcome::Lost => {}
        }
        job.pending.settle(outcome);
    }

    async fn open(&self) -> Result<Channel, lapin::Error> {
        let channel = self.connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(channel)
    }
}
