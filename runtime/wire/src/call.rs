//! Calls: tasks for workers that know nothing of the engine.
//!
//! A Celery task is called by task protocol 2, as Celery's documentation describes it on the page
//! "Message Protocol", and `as_task_v2` in `celery/app/amqp.py` of Celery 5.7 writes it. Its callback
//! and its errback are tasks that no worker has: their messages are the result, which so comes back
//! without a result backend. A plain request is the fields as JSON, with the properties `reply_to`
//! and `correlation_id`. What comes back is read in `result.rs`.

use crate::{HeaderValue, Properties, Task, cut};
use bureaucrat_model::{Cargo, Carries, Fields, JsonText, Timestamp, Via};

/// Where the results of calls come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    pub queue: String,
    /// The direct exchange from which the queue gets what Celery's workers send, by its own name. A
    /// callback without an exchange would go to the worker's own default.
    pub exchange: String,
}

impl Default for Results {
    fn default() -> Self {
        Self {
            queue: "bureaucrat_results".to_owned(),
            exchange: "bureaucrat.celery".to_owned(),
        }
    }
}

/// A task that cannot carry what its definition gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CargoError {
    #[error(
        "the settings have the participant's tasks sent as calls of Celery tasks, which take \
         arguments, not fields (`in`); use `arg` and `kwarg`, or name another `via`"
    )]
    FieldsOfCall,
    #[error(
        "`arg` and `kwarg` are for calls of Celery tasks, and the settings have the participant's \
         tasks sent as `{}`; use `in`, or `via=\"celery\"`",
        via.name()
    )]
    ArgumentsOfNoCall { via: Via },
}

/// Checks that a task that is wrapped so can carry this.
///
/// # Errors
/// If it cannot.
pub const fn can_carry(via: Via, cargo: Cargo) -> Result<(), CargoError> {
    match (via, cargo) {
        (Via::Celery, Cargo::Fields) => Err(CargoError::FieldsOfCall),
        (Via::Celery, _) | (_, Cargo::All | Cargo::Fields) => Ok(()),
        (via, Cargo::Arguments) => Err(CargoError::ArgumentsOfNoCall { via }),
    }
}

/// What the id of a callback, of an errback and of a request has after that of its task, so that
/// what comes back says which it is.
pub(crate) const OK: &str = "~ok";
pub(crate) const FAILED: &str = "~failed";
pub(crate) const REPLY: &str = "~reply";

/// Celery's header for the time after which workers drop a task.
const EXPIRES: &str = "expires";
/// The most bytes of arguments that Celery's monitors show.
const SHOWN_BYTES_MAX: usize = 200;

/// The body and the properties of a Celery task with this id. Ids need no escapes.
pub(crate) fn celery(task: &Task<'_>, id: &str) -> (String, Properties) {
    let part = |name: &str, otherwise: &str| match task.fields.get(name) {
        Some(value) => value.as_str().to_owned(),
        None => otherwise.to_owned(),
    };
    let args = part(Carries::ARGS, "[]");
    let kwargs = part(Carries::KWARGS, "{}");
    let back = |name: &str, suffix: &str| {
        let exchange = JsonText::text(&task.results.exchange);
        let queue = JsonText::text(&task.results.queue);
        format!(
            r#"{{"task": "bureaucrat.{name}", "args": [], "kwargs": {{}}, "options": {{"exchange": {}, "routing_key": {}, "task_id": "{id}{suffix}", "serializer": "json", "delivery_mode": 2}}, "subtask_type": null, "immutable": false, "chord_size": null}}"#,
            exchange.as_str(),
            queue.as_str()
        )
    };
    let body = format!(
        r#"[{args}, {kwargs}, {{"callbacks": [{}], "errbacks": [{}], "chain": null, "chord": null}}]"#,
        back("succeeded", OK),
        back("failed", FAILED)
    );
    let text = |text: &str| HeaderValue::Text(text.to_owned());
    let none = || HeaderValue::Void;
    let headers = [
        ("lang", text("py")),
        ("task", text(task.participant)),
        ("id", text(id)),
        ("shadow", none()),
        ("eta", none()),
        (EXPIRES, task.expires.map_or(HeaderValue::Void, iso)),
        ("group", none()),
        ("group_index", none()),
        ("retries", HeaderValue::Int(0)),
        ("timelimit", HeaderValue::List(vec![none(), none()])),
        ("root_id", text(id)),
        ("parent_id", none()),
        ("argsrepr", text(cut(&args, SHOWN_BYTES_MAX))),
        ("kwargsrepr", text(cut(&kwargs, SHOWN_BYTES_MAX))),
        ("origin", text("bureaucrat")),
        // A worker with the result backend `rpc://` says then why a task failed.
        ("ignore_result", HeaderValue::Bool(false)),
    ];
    let properties = Properties {
        content_encoding: Some("utf-8".to_owned()),
        correlation_id: Some(id.to_owned()),
        reply_to: Some(task.results.queue.clone()),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        ..Properties::persistent("application/json")
    };
    (body, properties)
}

/// The body and the properties of a request.
pub(crate) fn request(fields: &Fields, results: &Results, id: &str) -> (String, Properties) {
    let properties = Properties {
        content_encoding: Some("utf-8".to_owned()),
        correlation_id: Some(format!("{id}{REPLY}")),
        reply_to: Some(results.queue.clone()),
        ..Properties::persistent("application/json")
    };
    (fields.to_json(), properties)
}

/// As Celery reads it in every version of Python, which takes `Z` for UTC since 3.11 only.
fn iso(time: Timestamp) -> HeaderValue {
    HeaderValue::Text(time.to_string().replace('Z', "+00:00"))
}

/// Takes from a Celery task the time after which workers drop it: it is sent late, and its attempt
/// begins again.
pub fn without_expiry(properties: &mut Properties) {
    let is_call = properties.correlation_id.is_some();
    let mut headers = properties.headers.iter_mut();
    if let Some((_, value)) = headers.find(|(name, _)| is_call && name == EXPIRES) {
        *value = HeaderValue::Void;
    }
}
