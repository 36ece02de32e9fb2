//! Tasks to participants, in both dialects, for both kinds of task queue.

use crate::{Mandatory, Outgoing, Properties, SHORT_TEXT_BYTES_MAX};
use bureaucrat_model::{ActivityId, ActivityPath, Fields, JsonText, Origin, ProcessId, Turn};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// The shape that tasks go out in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `{"header": {…}, "fields": {…}}`, the original's documented one.
    #[default]
    Workitem,
    /// `{"name": …, "target": …, "origin": …, "payload": {…}}`, a few weeks younger.
    Message,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskQueue {
    /// A queue `worker_PARTICIPANT` for each participant.
    #[default]
    Taskqueue,
    /// Celery, by its task protocol 1.
    Celery,
}

/// A text that is none of a closed set of names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not one of: {expected}")]
pub struct UnknownName {
    pub text: String,
    /// The names that there are.
    pub expected: &'static str,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Workitem => "workitem",
            Self::Message => "message",
        })
    }
}

impl FromStr for Dialect {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "workitem" => Ok(Self::Workitem),
            "message" => Ok(Self::Message),
            other => Err(UnknownName {
                text: other.to_owned(),
                expected: "workitem, message",
            }),
        }
    }
}

impl fmt::Display for TaskQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taskqueue => "taskqueue",
            Self::Celery => "celery",
        })
    }
}

impl FromStr for TaskQueue {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "taskqueue" => Ok(Self::Taskqueue),
            "celery" => Ok(Self::Celery),
            other => Err(UnknownName {
                text: other.to_owned(),
                expected: "taskqueue, celery",
            }),
        }
    }
}

/// A task, before it has a shape.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    pub process: ProcessId,
    pub path: &'a ActivityPath,
    pub turn: Turn,
    /// Who is to do it.
    pub participant: &'a str,
    pub fields: &'a Fields,
}

/// A participant that no message can be addressed to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParticipantError {
    #[error("the participant's name is empty")]
    Empty,
    /// The routing key would be too long for AMQP.
    #[error(
        "the participant's name makes a routing key of {bytes} bytes, more than the {SHORT_TEXT_BYTES_MAX} of AMQP"
    )]
    TooLong {
        /// The key's length in bytes.
        bytes: usize,
    },
    /// Celery in the message dialect takes the exchange from the task's name, which starts with a dot here.
    #[error(
        "the participant's name has nothing before its first dot, which is where the exchange stands"
    )]
    NoExchange,
}

/// Checks that tasks for this participant can be addressed.
///
/// # Errors
/// When they can't.
pub fn routing_key_fits(
    dialect: Dialect,
    queue: TaskQueue,
    participant: &str,
) -> Result<(), ParticipantError> {
    if participant.is_empty() {
        return Err(ParticipantError::Empty);
    }
    let (exchange, key) = address(dialect, queue, participant);
    if key.is_empty() {
        return Err(ParticipantError::NoExchange);
    }
    let bytes = exchange.len().max(key.len());
    if bytes > SHORT_TEXT_BYTES_MAX {
        return Err(ParticipantError::TooLong { bytes });
    }
    Ok(())
}

/// Exchange and routing key of a participant's tasks.
fn address(dialect: Dialect, queue: TaskQueue, participant: &str) -> (String, String) {
    match (queue, dialect) {
        (TaskQueue::Taskqueue, _) => (String::new(), format!("worker_{participant}")),
        (TaskQueue::Celery, Dialect::Workitem) => ("celery".to_owned(), "celery".to_owned()),
        (TaskQueue::Celery, Dialect::Message) => {
            let part = participant.split('.').next().unwrap_or_default();
            (part.to_owned(), part.to_owned())
        }
    }
}

/// The message that carries a task. Its message id is the same each time the task is sent (`PID_0_1~TURN`).
pub fn task(dialect: Dialect, queue: TaskQueue, task: &Task<'_>) -> Outgoing {
    let target = ActivityId {
        process: task.process,
        path: task.path.clone(),
    };
    let origin = Origin {
        activity: target.clone(),
        turn: Some(task.turn),
    }
    .to_string();
    let object = object(dialect, &target, &origin, task.fields);
    let (exchange, routing_key) = address(dialect, queue, task.participant);
    let (body, mut properties) = match queue {
        TaskQueue::Taskqueue => (
            object,
            Properties::persistent(match dialect {
                Dialect::Workitem => "application/x-bureaucrat-workitem",
                Dialect::Message => "application/x-bureaucrat-message",
            }),
        ),
        TaskQueue::Celery => (
            celery_body(task.participant, &celery_id(&origin), &object),
            Properties {
                content_encoding: Some("utf-8".to_owned()),
                ..Properties::persistent("application/json")
            },
        ),
    };
    properties.message_id = Some(origin);
    Outgoing {
        exchange,
        routing_key,
        mandatory: Mandatory::Yes,
        properties,
        body: body.into_bytes(),
    }
}

/// The task as the dialect writes it. Ids need no escapes.
fn object(dialect: Dialect, target: &ActivityId, origin: &str, fields: &Fields) -> String {
    match dialect {
        Dialect::Workitem => format!(
            r#"{{"header": {{"message": "response", "target": "{target}", "origin": "{origin}"}}, "fields": {}}}"#,
            fields.to_json()
        ),
        Dialect::Message => {
            let mut payload = fields.clone();
            payload.set("status", JsonText::text("done"));
            format!(
                r#"{{"name": "response", "target": "{target}", "origin": "{origin}", "payload": {}}}"#,
                payload.to_json()
            )
        }
    }
}

/// Celery's task protocol 1, as its documentation's page "Message Protocol" describes it.
fn celery_body(participant: &str, id: &uuid::Uuid, object: &str) -> String {
    let name = JsonText::text(participant);
    format!(
        r#"{{"task": {}, "id": "{id}", "args": [{object}], "kwargs": {{}}, "retries": 0, "eta": null, "expires": null, "utc": true, "callbacks": null, "errbacks": null, "timelimit": [null, null], "taskset": null, "chord": null}}"#,
        name.as_str()
    )
}

/// An id for Celery, one for each wait: a custom UUID (RFC 9562, version 8) of the message id's SHA-256.
fn celery_id(message_id: &str) -> uuid::Uuid {
    let digest = Sha256::digest(message_id.as_bytes());
    let mut seed = [0; 16];
    seed.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(seed).into_uuid()
}
