//! What comes back from calls: Celery's callbacks, errbacks and replies of its backend `rpc://`, and
//! replies to requests.
//!
//! All of them name their task in `correlation_id` alone. Callbacks are messages of Celery's task
//! protocol 2, or 1 where an app has that; replies of `rpc://` are the objects that `_to_result` in
//! `celery/backends/rpc.py` of Celery 5.7 makes. An errback tells nothing but that the task failed:
//! why, only `rpc://` says, in a reply that comes before it.

use crate::{
    AnswerMessage, HeaderValue, Properties, Unreadable, UnreadableAnswer, WireLimits,
    answer::failing::{Reported, participant_fault, read_fault, said},
    call::{FAILED, OK, REPLY},
    cut,
    scan::{Scan, defect},
    traceback, typed,
};
use bureaucrat_model::{ActivityId, Answer, FaultCode, Fields, JsonText, Origin, Turn, Unusable};
use serde::de::IgnoredAny;
use serde_json::{json, value::RawValue};

/// The header that makes a reply a fault.
const ERROR: &str = "error";
/// The most bytes of an exception's arguments that are kept as data.
const ARGUMENTS_BYTES: usize = 1_024;
/// An exception's arguments are taken apart up to so many bytes.
const MESSAGE_BYTES: usize = 64 << 10;
/// The longest id of a Celery task that a fault repeats.
const ID_BYTES: usize = 255;

/// What a message in the queue of results is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A Celery task succeeded.
    Succeeded,
    /// A Celery task failed.
    Failed,
    /// What the result backend `rpc://` says of a Celery task.
    State,
    /// A reply to a request.
    Reply,
}

/// The task that a message is about.
struct Subject {
    kind: Kind,
    activity: ActivityId,
    turn: Turn,
}

impl Subject {
    fn of(properties: &Properties) -> Result<Self, Unreadable> {
        const KEY: &str = "correlation_id";
        let id = properties.correlation_id.as_deref();
        let id = id.ok_or(Unreadable::Missing { key: KEY })?;
        let kinds = [
            (OK, Kind::Succeeded),
            (FAILED, Kind::Failed),
            (REPLY, Kind::Reply),
        ];
        let known = kinds
            .into_iter()
            .find_map(|(suffix, kind)| Some((id.strip_suffix(suffix)?, kind)));
        let (task, kind) = known.unwrap_or((id, Kind::State));
        let not_an_id = |key, text: &str| Unreadable::NotAnId {
            key,
            text: cut(text, 80).to_owned(),
        };
        let Ok(Origin {
            activity,
            turn: Some(turn),
        }) = task.parse()
        else {
            return Err(not_an_id(KEY, id));
        };
        let mut headers = properties.headers.iter();
        let root = headers.find_map(|(name, value)| {
            let HeaderValue::Text(text) = value else {
                return None;
            };
            (name == "root_id").then_some(text)
        });
        match root.filter(|root| *root != task) {
            Some(root) => Err(not_an_id("root_id", root)),
            None => Ok(Self {
                kind,
                activity,
                turn,
            }),
        }
    }
}

/// Reads the result of a call.
///
/// # Errors
/// If the message is not one, with the reason and, if it says that, the waiting activity.
pub fn decode_result(
    properties: &Properties,
    body: &[u8],
    limits: &WireLimits,
) -> Result<AnswerMessage, UnreadableAnswer> {
    let subject = Subject::of(properties).map_err(|reason| UnreadableAnswer {
        reason,
        waiting: None,
    })?;
    let mut unusable = Vec::new();
    let answer = match subject.kind {
        Kind::Succeeded => argument(body, limits).map(|result| Answer::Value(typed::plain(result))),
        Kind::Failed => argument(body, limits).map(|id| failed(&JsonText::from(id))),
        Kind::State => Ok(state(body, limits)),
        Kind::Reply => reply(properties, body, limits, &mut unusable),
    };
    AnswerMessage::read((subject.activity, Some(subject.turn)), answer, unusable)
}

/// A result whose body cannot be read, for this reason. What `rpc://` says is not needed: the
/// callback or the errback comes after it.
pub fn unreadable_result(
    properties: &Properties,
    reason: Unreadable,
) -> Result<AnswerMessage, UnreadableAnswer> {
    let subject = Subject::of(properties).ok();
    match subject {
        Some(Subject {
            kind: Kind::State,
            activity,
            turn,
        }) => Ok(AnswerMessage {
            target: activity,
            turn: Some(turn),
            answer: unread(&reason),
            unusable: Vec::new(),
        }),
        other => Err(UnreadableAnswer {
            reason,
            waiting: other.map(|subject| (subject.activity, Some(subject.turn))),
        }),
    }
}

/// Whether a message tells that a Celery task failed and not why: an errback.
pub fn tells_no_reason(properties: &Properties) -> bool {
    let id = properties.correlation_id.as_deref();
    id.is_some_and(|id| id.ends_with(FAILED))
}

fn unread(reason: &Unreadable) -> Answer {
    Answer::Suspended(format!("the reply of Celery's result backend: {reason}"))
}

/// The one argument that a callback or errback is called with.
fn argument<'a>(body: &'a [u8], limits: &WireLimits) -> Result<&'a RawValue, Unreadable> {
    let wrong = || Unreadable::WrongType {
        key: "args",
        wanted: "a list with one value, the result of a Celery task",
    };
    if body.trim_ascii_start().first() == Some(&b'{') {
        let scan = Scan::of(body, limits);
        if let Some(defect) = scan.defect {
            return Err(defect);
        }
        let args = scan.get("args").ok_or_else(wrong)?;
        let [argument] = serde_json::from_slice::<[&RawValue; 1]>(args).map_err(|_| wrong())?;
        return Ok(argument);
    }
    if let Some(defect) = defect(body, limits) {
        return Err(defect);
    }
    type Call<'a> = ([&'a RawValue; 1], IgnoredAny, IgnoredAny);
    let ([argument], _, _) = serde_json::from_slice::<Call<'_>>(body).map_err(|_| wrong())?;
    Ok(argument)
}

/// An errback came before any detail.
fn failed(id: &JsonText) -> Answer {
    let id = id.as_text().unwrap_or_default();
    let id = cut(&id, ID_BYTES);
    let message = "the Celery task failed; its worker's log says why. To see it here, give the \
                   app the result backend `rpc://`, or the worker `-E` and the engine \
                   `--celery-events read`";
    nameless(message, Some(JsonText::of(&json!({ "task": id }))))
}

/// The fault of a task whose exception has no name that could be its code.
pub(crate) fn nameless(message: &str, data: Option<JsonText>) -> Answer {
    Answer::Fault {
        code: FaultCode::new(FaultCode::CELERY_TASK_FAILED),
        message: message.to_owned(),
        data,
        retry_after: None,
    }
}

/// What `rpc://` says of a task.
fn state(body: &[u8], limits: &WireLimits) -> Answer {
    let scan = Scan::of(body, limits);
    if let Some(defect) = &scan.defect {
        return unread(defect);
    }
    let member = |name: &str| {
        let text = std::str::from_utf8(scan.get(name)?).ok()?;
        JsonText::parse(text).ok()
    };
    let status = member("status").and_then(|status| status.as_text());
    let status = status.unwrap_or_default();
    let result = scan.get("result").unwrap_or(b"null");
    match status.as_str() {
        "SUCCESS" => match serde_json::from_slice(result) {
            Ok(result) => Answer::Value(typed::plain(result)),
            Err(error) => unread(&Unreadable::NotJson {
                what: error.to_string(),
                offset: 0,
            }),
        },
        "FAILURE" | "REVOKED" => {
            let traceback = member("traceback").and_then(|text| text.as_text());
            Exception::read(result).fault(&status, traceback.as_deref(), limits)
        }
        other => {
            let said = match Exception::read(result).message() {
                said if said.is_empty() => format!("Celery says {other}"),
                said => format!("Celery says {other}: {said}"),
            };
            Answer::Suspended(cut(&said, limits.text_bytes).to_owned())
        }
    }
}

/// An exception as `rpc://` tells it.
#[derive(Default)]
struct Exception {
    kind: String,
    module: String,
    arguments: Option<JsonText>,
}

impl Exception {
    fn read(result: &[u8]) -> Self {
        let text = std::str::from_utf8(result).unwrap_or_default();
        let found = Fields::parse(text).unwrap_or_default();
        let part = |name: &str| found.get(name).and_then(JsonText::as_text);
        let read = Self {
            kind: part("exc_type").unwrap_or_default(),
            module: part("exc_module").unwrap_or_default(),
            arguments: found.get("exc_message").and_then(|arguments| {
                let arguments = serde_json::from_str::<&RawValue>(arguments.as_str());
                arguments.ok().map(typed::plain)
            }),
        };
        read.unwrapped().unwrap_or(read)
    }

    /// The one inside, of an exception that Python cannot pickle: Celery puts its module, its type,
    /// its arguments and its text into one of its own.
    fn unwrapped(&self) -> Option<Self> {
        if self.kind != "UnpickleableExceptionWrapper" {
            return None;
        }
        let parts = self.items()?;
        let [module, kind, arguments, _] = parts.as_slice() else {
            return None;
        };
        Some(Self {
            kind: kind.as_text()?,
            module: module.as_text()?,
            arguments: Some(arguments.clone()),
        })
    }

    /// Its arguments, unless they are too large to be taken apart.
    fn items(&self) -> Option<Vec<JsonText>> {
        let arguments = self.arguments.as_ref()?;
        match arguments.as_str().len() {
            0..=MESSAGE_BYTES => arguments.items(),
            _ => None,
        }
    }

    /// Its type, with its module unless that is Python's or Celery's own.
    fn name(&self) -> String {
        match self.module.as_str() {
            "" | "builtins" | "celery.exceptions" => self.kind.clone(),
            module => format!("{module}.{}", self.kind),
        }
    }

    /// Its arguments as one text.
    fn message(&self) -> String {
        let Some(arguments) = &self.arguments else {
            return String::new();
        };
        match self.items() {
            Some(items) => items.iter().map(said).collect::<Vec<_>>().join(", "),
            None => said(arguments),
        }
    }

    /// The fault of a task that failed or was revoked.
    fn fault(self, status: &str, traceback: Option<&str>, limits: &WireLimits) -> Answer {
        let code = match status {
            "REVOKED" => "TaskRevoked".to_owned(),
            _ => self.name(),
        };
        let Reported {
            code,
            message,
            named,
        } = participant_fault(Some(&code), &self.message(), limits);
        let is_small = |arguments: &JsonText| arguments.as_str().len() <= ARGUMENTS_BYTES;
        let arguments = self.arguments.filter(is_small);
        let mut data = serde_json::Map::new();
        let parts = [
            ("code", named.map(|code| json!(code))),
            ("args", arguments.and_then(|arguments| arguments.to_value())),
            ("traceback", traceback.map(traceback::ending)),
        ];
        for (name, part) in parts {
            data.extend(part.map(|part| (name.to_owned(), part)));
        }
        Answer::Fault {
            code,
            message,
            data: traceback::within(data, limits.text_bytes),
            retry_after: None,
        }
    }
}

/// The reply to a request: any JSON, or nothing, which is null.
fn reply(
    properties: &Properties,
    body: &[u8],
    limits: &WireLimits,
    unusable: &mut Vec<Unusable>,
) -> Result<Answer, Unreadable> {
    let body = match body.trim_ascii() {
        b"" => b"null",
        body => body,
    };
    let mut headers = properties.headers.iter();
    let error = headers.find(|(name, value)| {
        let is_said = !matches!(value, HeaderValue::Void | HeaderValue::Bool(false));
        name == ERROR && is_said
    });
    let defect = defect(body, limits);
    let Some((_, error)) = error else {
        return match defect {
            Some(defect) => Err(defect),
            None => serde_json::from_slice(body)
                .map(|reply: &RawValue| Answer::Value(reply.into()))
                .map_err(|error| Unreadable::NotJson {
                    what: error.to_string(),
                    offset: 0,
                }),
        };
    };
    let named = if let HeaderValue::Text(text) = error {
        text.as_str()
    } else {
        ""
    };
    // A service that fails may say so in any form: what it says is its header then.
    let told = match (defect, body.first()) {
        (None, Some(b'{')) => read_fault(body, Some(named), limits, unusable).ok(),
        (None, Some(b'"')) => {
            let said = serde_json::from_slice::<String>(body).unwrap_or_default();
            Some(participant_fault(Some(named), &said, limits).into())
        }
        _ => None,
    };
    Ok(told.unwrap_or_else(|| participant_fault(None, named, limits).into()))
}
