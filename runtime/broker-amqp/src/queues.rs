//! The engine's own queues and its exchanges: checked first, created only if missing. An existing
//! queue with other arguments is used as it is, unless it has a type other than the requested one.

use crate::{
    QueueNames, QueueType,
    connection::{refusal, timely},
    convert::short,
};
use lapin::{
    Channel, Connection, Error, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::AMQPSoftError,
    types::{AMQPValue, FieldTable, LongString},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use tracing::{debug, warn};

/// How often to check that the dead-letter queue exists.
const LOOK: Duration = Duration::from_secs(2);

/// What happens to messages that a quorum queue drops because they were delivered too often.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Letters<'a> {
    /// They go to this queue.
    Limited(&'a str),
    /// None are dropped for that reason.
    Kept,
}

/// Whether a queue existed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    There,
    Made,
}

/// Declares everything that belongs to the engine, except the owner queue and the queue with the
/// storage's id.
pub(crate) async fn declare_all(
    connection: &Connection,
    names: &QueueNames,
    kind: Option<QueueType>,
) -> Result<(), String> {
    let dead_letters = &names.dead_letters;
    declare_queue(connection, dead_letters, kind, Letters::Kept).await?;
    for queue in [
        &names.launches,
        &names.answers,
        &names.events,
        &names.results,
    ] {
        declare_queue(connection, queue, kind, Letters::Limited(dead_letters)).await?;
    }
    declare_exchanges(connection, names).await
}

async fn declare_exchanges(connection: &Connection, names: &QueueNames) -> Result<(), String> {
    for (exchange, kind) in [
        (&names.processes, ExchangeKind::Topic),
        (&names.cancelled, ExchangeKind::Topic),
        (&names.celery, ExchangeKind::Direct),
    ] {
        declare_exchange(connection, exchange, kind).await?;
    }
    bind(connection, &names.celery, &names.results).await
}

/// Declares the dead-letter queue and the exchanges again if they were deleted, and the binding of
/// the queue of results, as long as the connection works: they have no consumer that would notice. `returned` reports that a dead letter
/// was returned.
pub(crate) async fn keep(
    connection: Arc<Connection>,
    names: QueueNames,
    kind: Option<QueueType>,
    returned: Arc<Notify>,
) {
    let queue = &names.dead_letters;
    loop {
        let _ = tokio::time::timeout(LOOK, returned.notified()).await;
        match timely(declare_queue(&connection, queue, kind, Letters::Kept)).await {
            Ok(Declared::There) => {}
            Ok(Declared::Made) => warn!(queue, "the queue was deleted; it is declared again"),
            Err(words) => debug!(queue, "cannot look for the queue: {words}"),
        }
        if let Err(words) = timely(declare_exchanges(&connection, &names)).await {
            debug!("cannot look for the exchanges: {words}");
        }
    }
}

/// Declares one queue, durable, not exclusive, not auto-deleted, unless it exists.
///
/// # Errors
/// If it exists with a type other than the requested one, or the broker cannot be asked.
pub(crate) async fn declare_queue(
    connection: &Connection,
    queue: &str,
    kind: Option<QueueType>,
    letters: Letters<'_>,
) -> Result<Declared, String> {
    let declared = match attempt(connection, queue, Attempt::Passive).await? {
        Ok(()) => Declared::There,
        Err((AMQPSoftError::NOTFOUND, _)) => {
            let arguments = kind.map_or_else(FieldTable::default, |kind| table(kind, letters));
            return match attempt(connection, queue, Attempt::Make(arguments)).await? {
                Ok(()) => Ok(Declared::Made),
                Err((_, words)) => Err(format!("queue {queue}: {words}")),
            };
        }
        Err((_, words)) => return Err(format!("queue {queue}: {words}")),
    };
    if let Some(kind) = kind {
        check_type(connection, queue, kind, letters).await?;
    }
    Ok(declared)
}

/// Checks whether an existing queue has the requested type: the broker accepts a declaration only
/// with equal arguments. A queue with other arguments than the engine would use cannot be
/// identified in this way, and is used.
async fn check_type(
    connection: &Connection,
    queue: &str,
    kind: QueueType,
    letters: Letters<'_>,
) -> Result<(), String> {
    let wanted = Attempt::Make(table(kind, letters));
    let Err((_, words)) = attempt(connection, queue, wanted).await? else {
        return Ok(());
    };
    let other = match kind {
        QueueType::Classic => QueueType::Quorum,
        QueueType::Quorum => QueueType::Classic,
    };
    let mut candidates = vec![
        (kind, type_alone(kind)),
        (other, table(other, letters)),
        (other, type_alone(other)),
    ];
    if other == QueueType::Classic {
        candidates.push((other, FieldTable::default()));
    }
    for (candidate, arguments) in candidates {
        let is_it = attempt(connection, queue, Attempt::Make(arguments)).await?;
        match (is_it, candidate == kind) {
            (Ok(()), true) => break,
            (Ok(()), false) => {
                let (kind, other) = (kind.name(), other.name());
                return Err(format!(
                    "queue {queue}: it is a {other} queue, and queue_type is {kind} ({words}). Set \
                     queue_type = {other}; or move its messages elsewhere and delete it, then the \
                     engine makes a {kind} queue"
                ));
            }
            (Err(_), _) => {}
        }
    }
    debug!(queue, "the queue is used as it is: {words}");
    Ok(())
}

/// One way to declare a queue.
enum Attempt {
    /// Only check whether it exists.
    Passive,
    /// With these arguments.
    Make(FieldTable),
}

/// Declares a queue on a separate channel, because a refusal closes it. The inner error is the
/// broker's refusal, the outer one means that it could not be asked.
async fn attempt(
    connection: &Connection,
    queue: &str,
    attempt: Attempt,
) -> Result<Result<(), (AMQPSoftError, String)>, String> {
    let name = short("a queue's name", queue).map_err(|error| error.to_string())?;
    let (passive, arguments) = match attempt {
        Attempt::Passive => (true, FieldTable::default()),
        Attempt::Make(arguments) => (false, arguments),
    };
    let options = QueueDeclareOptions {
        passive,
        durable: !passive,
        ..QueueDeclareOptions::default()
    };
    let channel = channel(connection).await?;
    let answer = channel.queue_declare(name, options, arguments).await;
    answered(&channel, answer.map(|_| ())).await
}

/// What a queue holds, and who takes it.
pub(crate) struct Count {
    pub consumers: u32,
    /// Those that wait for a consumer.
    pub messages: u32,
}

/// How many messages wait in a queue; none when the broker does not say.
pub(crate) async fn ready(connection: &Connection, queue: &str) -> Result<u64, String> {
    let counted = count(connection, queue).await?;
    Ok(counted.map_or(0, |count| count.messages.into()))
}

/// Counts on a separate channel, because a refusal closes it. The inner error is the broker's
/// refusal, the outer one means that it could not be asked.
pub(crate) async fn count(
    connection: &Connection,
    queue: &str,
) -> Result<Result<Count, (AMQPSoftError, String)>, String> {
    let name = short("a queue's name", queue).map_err(|error| error.to_string())?;
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let channel = channel(connection).await?;
    let asked = channel.queue_declare(name, passive, FieldTable::default());
    let found = asked.await;
    let count = found.as_ref().map_or((0, 0), |found| {
        (found.consumer_count(), found.message_count())
    });
    let (consumers, messages) = count;
    let answered = answered(&channel, found.map(|_| ())).await?;
    Ok(answered.map(|()| Count {
        consumers,
        messages,
    }))
}

/// The arguments of a queue that the engine declares.
fn table(kind: QueueType, letters: Letters<'_>) -> FieldTable {
    let mut table = type_alone(kind);
    if let (QueueType::Quorum, Letters::Limited(queue)) = (kind, letters) {
        for (name, value) in [
            ("x-dead-letter-exchange", ""),
            ("x-dead-letter-routing-key", queue),
            ("x-dead-letter-strategy", "at-least-once"),
            ("x-overflow", "reject-publish"),
        ] {
            table.insert(name.into(), text(value));
        }
    }
    table
}

fn type_alone(kind: QueueType) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), text(kind.name()));
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value.as_bytes()))
}

/// Declares a durable exchange, unless it exists.
pub(crate) async fn declare_exchange(
    connection: &Connection,
    exchange: &str,
    kind: ExchangeKind,
) -> Result<(), String> {
    if exchange.is_empty() || exchange_exists(connection, exchange).await?.is_ok() {
        return Ok(());
    }
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    exchange_asked(connection, exchange, kind, durable)
        .await?
        .map_err(|words| format!("exchange {exchange}: {words}"))
}

/// Binds a queue to a direct exchange by its own name.
pub(crate) async fn bind(
    connection: &Connection,
    exchange: &str,
    queue: &str,
) -> Result<(), String> {
    if exchange.is_empty() {
        return Ok(());
    }
    let channel = channel(connection).await?;
    let name = |what, text| short(what, text).map_err(|error| error.to_string());
    let asked = channel.queue_bind(
        name("a queue's name", queue)?,
        name("an exchange's name", exchange)?,
        name("a queue's name", queue)?,
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    let answer = asked.await;
    answered(&channel, answer)
        .await?
        .map_err(|(_, words)| format!("queue {queue} at exchange {exchange}: {words}"))
}

/// Whether an exchange exists. The inner error is the broker's refusal, the outer one means that it
/// could not be asked.
pub(crate) async fn exchange_exists(
    connection: &Connection,
    exchange: &str,
) -> Result<Result<(), String>, String> {
    let passive = ExchangeDeclareOptions {
        passive: true,
        ..ExchangeDeclareOptions::default()
    };
    exchange_asked(connection, exchange, ExchangeKind::Direct, passive).await
}

async fn exchange_asked(
    connection: &Connection,
    exchange: &str,
    kind: ExchangeKind,
    options: ExchangeDeclareOptions,
) -> Result<Result<(), String>, String> {
    let name = match short("an exchange's name", exchange) {
        Ok(name) => name,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let channel = channel(connection).await?;
    let asked = channel.exchange_declare(name, kind, options, FieldTable::default());
    let answer = asked.await;
    let answered = answered(&channel, answer).await?;
    Ok(answered.map_err(|(_, words)| words))
}

async fn channel(connection: &Connection) -> Result<Channel, String> {
    let channel = connection.create_channel().await;
    channel.map_err(|error| error.to_string())
}

/// Tells a refusal from a missing answer; closes a channel that is still open.
async fn answered(
    channel: &Channel,
    answer: Result<(), Error>,
) -> Result<Result<(), (AMQPSoftError, String)>, String> {
    match answer {
        Ok(()) => {
            let _ = channel.close(200, "done".into()).await;
            Ok(Ok(()))
        }
        Err(error) => refusal(&error).map(Err).ok_or_else(|| error.to_string()),
    }
}
