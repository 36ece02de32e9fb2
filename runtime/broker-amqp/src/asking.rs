//! Asks whether an exchange exists before a message goes to it: a missing exchange closes the
//! message's channel.

use crate::{
    connection::timely,
    exchanges::{Exchanges, Known},
    flights::Job,
    queues::exchange_exists,
};
use bureaucrat_host::broker::PublishOutcome;
use lapin::Connection;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// Asks on separate channels, so that no messages are on a channel that is closed by the answer.
pub(crate) struct Asking {
    pub connection: Arc<Connection>,
    pub exchanges: Arc<Exchanges>,
    /// Where messages go once their exchange is known to exist.
    pub usual: UnboundedSender<Job>,
}

impl Asking {
    /// Asks for one after the other until all senders are gone.
    pub async fn run(self, mut jobs: UnboundedReceiver<Job>) {
        while let Some(job) = jobs.recv().await {
            self.ask(job).await;
        }
    }

    async fn ask(&self, job: Job) {
        let exchange = &job.message.exchange;
        // Another message may have asked for the same exchange just before.
        if self.exchanges.look(exchange) == Known::Nothing {
            match timely(exchange_exists(&self.connection, exchange)).await {
                Ok(Ok(())) => self.exchanges.learn(exchange, Known::There),
                Ok(Err(words)) => self.exchanges.learn(exchange, Known::Missing(words)),
                // The connection is closing; dropping the job reports it as lost.
                Err(_) => return,
            }
        }
        match self.exchanges.look(exchange) {
            Known::Missing(words) => job.pending.settle(PublishOutcome::Refused(words)),
            Known::There | Known::Nothing => {
                let _ = self.usual.send(job);
            }
        }
    }
}
