//! Whether the broker blocks publishing: it does so while it lacks memory or disk space, and then
//! reads nothing that is published.

use futures_core::Stream;
use lapin::{Connection, Event};
use std::{
    future::{pending, poll_fn},
    pin::pin,
};
use tokio::{sync::watch, task::JoinHandle};

/// Whether the broker blocks publishing, with its words. Clones are independent.
#[derive(Debug, Clone)]
pub struct Blocking(watch::Receiver<Option<String>>);

impl Blocking {
    /// Itself, and what keeps it up to date.
    pub(crate) fn of(connection: &Connection) -> (Self, JoinHandle<()>) {
        let (alarms, blocking) = watch::channel(None);
        let events = connection.events_listener();
        let watching = tokio::spawn(async move {
            let mut events = pin!(events);
            while let Some(event) = poll_fn(|context| events.as_mut().poll_next(context)).await {
                if let Event::ConnectionBlocked(reason) = event {
                    alarms.send_replace(Some(reason.to_string()));
                } else if matches!(event, Event::ConnectionUnblocked) {
                    alarms.send_replace(None);
                }
            }
        });
        (Self(blocking), watching)
    }

    /// The broker's words while it blocks publishing.
    pub fn now(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Waits until the broker begins or ceases to block publishing, and returns what holds then.
    pub async fn changed(&mut self) -> Option<String> {
        if self.0.changed().await.is_err() {
            // The connection is gone, which others say.
            pending::<()>().await;
        }
        self.0.borrow_and_update().clone()
    }
}
