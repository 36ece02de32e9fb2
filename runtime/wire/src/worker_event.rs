//! What Celery's workers tell about their tasks if they send events (`-E`): why a task failed.
//!
//! The messages are those that `EventDispatcher` in `celery/events/dispatcher.py` of Celery 5.7
//! sends to the exchange `celeryev`: one event as an object, or many as a list. Anybody may send
//! them, and losing them is fine: what cannot be read is left out, and what is read explains a
//! failure that came by itself. It never is one.

use crate::{
    WireLimits, answer::failing::participant_fault, cut, result::nameless, scan::defect,
    traceback::data,
};
use bureaucrat_model::{ActivityId, Answer, Origin, Turn};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A larger message of events is not read.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// The most failures that are read in one message. Celery sends up to 24 events in one.
const FAILURES_MAX: usize = 1_000;
/// What Celery's pool of processes puts around exceptions of its own: a worker that was killed, a time
/// limit. It hides them in `repr()`.
const WRAPPER: &str = "ExceptionWithTraceback";
/// Where Python's own exceptions and Celery's are, whose codes have no module.
const OWN_MODULES: [&str; 2] = ["builtins", "celery.exceptions"];

/// Why a task of the engine failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureDetail {
    pub activity: ActivityId,
    pub turn: Turn,
    /// The fault.
    pub answer: Answer,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    uuid: Option<&'a RawValue>,
    #[serde(borrow)]
    exception: Option<&'a RawValue>,
    #[serde(borrow)]
    traceback: Option<&'a RawValue>,
}

/// Why tasks of the engine failed, as far as a message of events says so.
pub fn failure_details(body: &[u8], limits: &WireLimits) -> Vec<FailureDetail> {
    let is_told = body.len() <= MESSAGE_BYTES_MAX && contains(body, b"task-failed");
    if !is_told || defect(body, limits).is_some() {
        return Vec::new();
    }
    let events = match body.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice::<Vec<&RawValue>>(body),
        Some(_) | None => serde_json::from_slice(body).map(|event| vec![event]),
    };
    let events = events.unwrap_or_default().into_iter();
    let failures = events.filter_map(|event| failure(event, limits));
    failures.take(FAILURES_MAX).collect()
}

fn failure(event: &RawValue, limits: &WireLimits) -> Option<FailureDetail> {
    let event: Event<'_> = serde_json::from_str(event.get()).ok()?;
    if text(event.kind)? != "task-failed" {
        return None;
    }
    // Other tasks of the app have ids of another form.
    let Origin {
        activity,
        turn: Some(turn),
    } = text(event.uuid)?.parse().ok()?
    else {
        return None;
    };
    let exception = text(event.exception).unwrap_or_default();
    let traceback = text(event.traceback).unwrap_or_default();
    let answer = fault(exception.trim(), traceback.trim_end(), limits);
    Some(FailureDetail {
        activity,
        turn,
        answer,
    })
}

fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

/// The fault of a task whose exception has this `repr()` and this traceback. The code is the
/// exception's type, if its `repr()` is a name and what it was made with: `ValueError('no')`. The
/// last line of the traceback that begins with this name and its module has both, and the message:
/// `shop.errors.Declined: no`. Without one, the code is the name, and the message the `repr()`.
fn fault(exception: &str, traceback: &str, limits: &WireLimits) -> Answer {
    let Some(name) = type_name(exception) else {
        let message = cut(exception, limits.text_bytes);
        return nameless(message, data(None, traceback, limits));
    };
    let is_it = |(kind, _): &(&str, &str)| kind.rsplit('.').next() == Some(name);
    let found = match name {
        WRAPPER => ends(traceback).next().and_then(named),
        _ => ends(traceback).filter_map(named).find(is_it),
    };
    let (code, message) = found.unwrap_or((name, exception));
    let module = code.rsplit_once('.');
    let code = match module.filter(|(module, _)| OWN_MODULES.contains(module)) {
        Some((_, name)) => name,
        None => code,
    };
    let reported = participant_fault(Some(code), message, limits);
    Answer::Fault {
        code: reported.code,
        message: reported.message,
        data: data(reported.named, traceback, limits),
        retry_after: None,
    }
}

/// The name that a `repr()` begins with, if its parentheses follow.
fn type_name(exception: &str) -> Option<&str> {
    let (name, _) = exception.split_once('(')?;
    (exception.ends_with(')') && is_name(name)).then_some(name)
}

fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(is_letter)
}

/// The type with its module, and the message, if a text begins with these: `shop.errors.Declined: no`.
fn named(text: &str) -> Option<(&str, &str)> {
    let line = text.lines().next()?;
    let (kind, message) = match line.split_once(": ") {
        Some((kind, _)) => (kind, &text[kind.len() + 2..]),
        None => (line, ""),
    };
    kind.split('.').all(is_name).then_some((kind, message))
}

/// The end of a text from each of its lines on, the last line first.
fn ends(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.rmatch_indices('\n').map(|(at, _)| at + 1).chain([0]);
    starts.map(|start| &text[start..])
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}
