//! Looks at queues for an operator: whether they exist, who consumes them, what waits in them.
//!
//! It asks over a connection of its own, which ends with the question: a missing queue closes the
//! channel that asked for it, and a broker that blocks publishers does not read their connections.
//! Everything is bounded in time, so that a broker that says nothing is an answer as well.

use crate::{
    connection::{close, connect},
    convert::short,
    queues::{Count, count},
};
use bureaucrat_connect::Dialer;
use bureaucrat_host::facts::{QUEUES_MAX, QueueState};
use lapin::{Connection, protocol::AMQPSoftError};
use std::time::Duration;

/// How long connecting and all the answers together may take.
const CONNECTING: Duration = Duration::from_secs(2);
const LOOKING: Duration = Duration::from_secs(2);
/// How long the broker may take to tell about one queue.
const ANSWER: Duration = Duration::from_secs(1);

/// How these queues are, in their order.
pub(crate) async fn look(dialer: &Dialer, queues: &[String]) -> Vec<QueueState> {
    let queues = &queues[..queues.len().min(QUEUES_MAX)];
    if queues.is_empty() {
        return Vec::new();
    }
    let silent = |words: String| vec![QueueState::Silent { words }; queues.len()];
    let connecting = connect(dialer, "looking", None);
    let connection = match tokio::time::timeout(CONNECTING, connecting).await {
        Ok(Ok(dialed)) => dialed.connection,
        Ok(Err(words)) => return silent(words),
        Err(_) => return silent(format!("no connection within {} s", CONNECTING.as_secs())),
    };
    let mut states = Vec::new();
    let all = async {
        for queue in queues {
            states.push(one(&connection, queue).await);
        }
    };
    let _ = tokio::time::timeout(LOOKING, all).await;
    let words = format!("no answer within {} s", LOOKING.as_secs());
    states.resize(queues.len(), QueueState::Silent { words });
    tokio::spawn(async move { close(&connection).await });
    states
}

async fn one(connection: &Connection, queue: &str) -> QueueState {
    if let Err(error) = short("a queue's name", queue) {
        let words = error.to_string();
        return QueueState::Refused { words };
    }
    match tokio::time::timeout(ANSWER, count(connection, queue)).await {
        Ok(Ok(Ok(Count {
            consumers,
            messages,
        }))) => QueueState::There {
            consumers,
            messages,
        },
        Ok(Ok(Err((AMQPSoftError::NOTFOUND, _)))) => QueueState::Missing,
        Ok(Ok(Err((_, words)))) => QueueState::Refused { words },
        Ok(Err(words)) => QueueState::Silent { words },
        Err(_) => QueueState::Silent {
            words: format!("no answer within {} s", ANSWER.as_secs()),
        },
    }
}
