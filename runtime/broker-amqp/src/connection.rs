//! Connecting, and classifying errors.

use crate::{guard::Guard, in_hand::Intake};
use bureaucrat_connect::{Dialed, Dialer, advised};
use futures_core::Stream;
use lapin::{
    Connection, Error, ErrorKind, Event,
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
};
use std::{
    fmt::Display,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;
use tracing::{info, warn};

/// One attempt at each broker; `role` tells our connections apart, `intake` bounds what is read
/// ahead of the host.
pub(crate) async fn connect(
    dialer: &Dialer,
    role: &str,
    intake: Option<Arc<Intake>>,
) -> Result<Dialed, String> {
    let guard = |frame_max| Guard::new(frame_max, intake.clone());
    let dialed = dialer.dial(role, guard).await;
    dialed.map_err(|failures| failures.to_string())
}

/// How long the broker may take to answer a request on a working connection.
const ANSWER: Duration = Duration::from_secs(15);

/// Waits for an answer, but not forever: lapin may never answer a request on a dying connection.
pub(crate) async fn timely<T, E: Display>(
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {ANSWER:?}")),
    }
}

/// Closes the connection cleanly, but does not wait long for the broker.
pub(crate) async fn close(connection: &Connection) {
    let _ = tokio::time::timeout(Duration::from_secs(1), connection.close(200, "bye".into())).await;
}

/// What the broker closed because of something that was sent.
#[derive(Debug, Clone)]
pub(crate) enum Closed {
    /// The channel, with the error and the broker's words.
    Channel(AMQPSoftError, String),
    /// The whole connection.
    Connection(String),
}

/// Whether the broker closed because of something that was sent. A connection that was lost, or
/// that the broker closed for reasons of its own (an operator, a shutdown, a lack of resources),
/// was not closed because of a message.
pub(crate) fn closed(error: &Error) -> Option<Closed> {
    let ErrorKind::ProtocolError(error) = error.kind() else {
        return None;
    };
    let words = error.get_message().to_string();
    match error.kind() {
        AMQPErrorKind::Soft(soft) => Some(Closed::Channel(soft.clone(), words)),
        AMQPErrorKind::Hard(
            AMQPHardError::FRAMEERROR
            | AMQPHardError::SYNTAXERROR
            | AMQPHardError::COMMANDINVALID
            | AMQPHardError::UNEXPECTEDFRAME
            | AMQPHardError::NOTIMPLEMENTED
            | AMQPHardError::INTERNALERROR,
        ) => Some(Closed::Connection(words)),
        AMQPErrorKind::Hard(_) => None,
    }
}

/// The broker's words, with what to do, when it closed a channel, not the connection, over what
/// was asked.
pub(crate) fn refusal(error: &Error) -> Option<(AMQPSoftError, String)> {
    match closed(error)? {
        Closed::Channel(soft, words) => {
            let words = advised(soft.get_id(), &words);
            Some((soft, words))
        }
        Closed::Connection(_) => None,
    }
}

/// Why the broker takes no messages at the moment, in its words.
pub(crate) type Blocked = watch::Sender<Option<String>>;

/// Logs and remembers when the broker blocks and unblocks publishers.
pub(crate) fn watch_alarms(
    connection: &Arc<Connection>,
    place: &str,
    blocked: &Arc<Blocked>,
) -> impl Future<Output = ()> + use<> {
    // What an earlier connection was told says nothing about this one.
    blocked.send_replace(None);
    let (connection, place) = (Arc::clone(connection), place.to_owned());
    let blocked = Arc::clone(blocked);
    async move {
        let mut events = pin!(connection.events_listener());
        while let Some(event) = poll_fn(|context| events.as_mut().poll_next(context)).await {
            if let Event::ConnectionBlocked(reason) = event {
                warn!(broker = place, "the broker blocks publishing: {reason}");
                blocked.send_replace(Some(reason));
            } else if matches!(event, Event::ConnectionUnblocked) {
                info!(broker = place, "the broker accepts messages again");
                blocked.send_replace(None);
            }
        }
    }
}
