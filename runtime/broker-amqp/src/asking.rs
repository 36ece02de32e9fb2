//! Asking whether an exchange exists before a message goes to it: one that does not closes the
//! channel over the message.

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

/// Asks on channels of its own, so that nobody's messages are on one that is closed over the
/// answer.
pub(crate) struct Asking {
    pub connection: Arc<Connection>,
    pub exchanges: Arc<Exchanges>,
    /// Where messages go whose exchange is there.
    pub usual: UnboundedSender<Job>,
}

impl Asking {
    /// Asks for one after the other until nobody sends any more.
    pub async fn run(self, mut jobs: UnboundedReceiver<Job>) {
        while let Some(job) = jobs.recv().await {
            self.ask(job).await;
        }
    }

    async fn ask(&self, job: Job) {
        let exchange = &job.message.exchange;
        // Somebody may have asked for the same one just before.
        if self.exchanges.look(exchange) == Known::Nothing {
            match timely(exchange_exists(&self.connection, exchange)).await {
                Ok(Ok(())) => self.exchanges.learn(exchange, Known::There),
                Ok(Err(words)) => self.exchanges.learn(exchange, Known::Missing(words)),
                // The connection is going; dropping the job tells that it is lost.
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
