//! Tasks to participants, wrapped in every way that there is.

use crate::{
    Dialect, Mandatory, Outgoing, Properties, Results, Routes, SHORT_TEXT_BYTES_MAX, call,
    route::is_short,
};
use bureaucrat_model::{
    ActivityId, ActivityPath, Fields, JsonText, Origin, ProcessId, Timestamp, Turn, Via, Way,
};

/// A task, independent of a dialect.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    pub process: ProcessId,
    pub path: &'a ActivityPath,
    pub turn: Turn,
    pub participant: &'a str,
    pub way: &'a Way,
    /// What it carries; of a call, its arguments.
    pub fields: &'a Fields,
    /// When the process waits no longer for it.
    pub expires: Option<Timestamp>,
    pub results: &'a Results,
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
    /// Celery in the message dialect takes the exchange from the task's name, but this one begins
    /// with a dot.
    #[error(
        "the participant's name has nothing before its first dot, which would name the exchange"
    )]
    NoExchange,
}

/// Checks that tasks for this participant can be addressed, where its definition gives no
/// destination.
///
/// # Errors
/// If they cannot.
pub fn routing_key_fits(
    routes: &Routes,
    participant: &str,
    via: Option<Via>,
) -> Result<(), ParticipantError> {
    if participant.is_empty() {
        return Err(ParticipantError::Empty);
    }
    let told = Way {
        via,
        ..Way::default()
    };
    let (_, address) = routes.way_of(participant, &told);
    // Empty alone only where the participant's name makes both.
    if address.exchange.is_empty() && address.routing_key.is_empty() {
        return Err(ParticipantError::NoExchange);
    }
    if is_short(&address.exchange) && is_short(&address.routing_key) {
        return Ok(());
    }
    let bytes = address.exchange.len().max(address.routing_key.len());
    Err(ParticipantError::TooLong { bytes })
}

/// The message that carries a task. Its message id is the same each time the task is sent (`PID_0_1~TURN`), and so is
/// the id of a Celery task: an answer can be made from that alone.
pub fn task(routes: &Routes, task: &Task<'_>) -> Outgoing {
    let target = ActivityId {
        process: task.process,
        path: task.path.clone(),
    };
    let origin = Origin {
        activity: target.clone(),
        turn: Some(task.turn),
    }
    .to_string();
    let (via, address) = routes.way_of(task.participant, task.way);
    let object = |dialect| object(dialect, &target, &origin, task.fields);
    let in_celery = |dialect| {
        let body = celery_body(task.participant, &origin, &object(dialect));
        let properties = Properties {
            content_encoding: Some("utf-8".to_owned()),
            ..Properties::persistent("application/json")
        };
        (body, properties)
    };
    let (body, mut properties) = match via {
        Via::Taskqueue => (
            object(Dialect::Workitem),
            Properties::persistent("application/x-bureaucrat-workitem"),
        ),
        Via::Message => (
            object(Dialect::Message),
            Properties::persistent("application/x-bureaucrat-message"),
        ),
        Via::CeleryWorkitem => in_celery(Dialect::Workitem),
        Via::CeleryMessage => in_celery(Dialect::Message),
        Via::Celery => call::celery(task, &origin),
        Via::Request => call::request(task.fields, task.results, &origin),
    };
    properties.message_id = Some(origin);
    properties.priority = task.way.priority;
    Outgoing {
        exchange: address.exchange,
        routing_key: address.routing_key,
        mandatory: Mandatory::Yes,
        properties,
        body: body.into_bytes(),
    }
}

/// The task in its dialect. Ids need no escapes.
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

/// Celery's task protocol 1, as its documentation's page "Message Protocol" describes it. Ids need no escapes.
fn celery_body(participant: &str, id: &str, object: &str) -> String {
    let name = JsonText::text(participant);
    format!(
        r#"{{"task": {}, "id": "{id}", "args": [{object}], "kwargs": {{}}, "retries": 0, "eta": null, "expires": null, "utc": true, "callbacks": null, "errbacks": null, "timelimit": [null, null], "taskset": null, "chord": null}}"#,
        name.as_str()
    )
}
