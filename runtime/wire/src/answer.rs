//! Participants' answers: recognised by shape, in either dialect, never by content type.

use crate::{Unreadable, WireLimits, cut, scan::Scan};
use bureaucrat_model::{
    ActivityId, Answer, FaultCode, Fields, FieldsError, JsonText, Millis, Origin, Turn, View,
};

/// A valid answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerMessage {
    pub target: ActivityId,
    /// The turn in `origin`. `None` if `origin` is not an id of the target with a turn: then the
    /// answer is matched only by the activity, as in the original.
    pub turn: Option<Turn>,
    pub answer: Answer,
}

/// An invalid answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct UnreadableAnswer {
    pub reason: Unreadable,
    /// The activity that waits for it, if the header could be read: that activity must get
    /// [`Answer::Unreadable`], so that nothing waits forever.
    pub waiting: Option<(ActivityId, Option<Turn>)>,
}

/// Reads an answer in either dialect.
///
/// # Errors
/// If the body is not an answer, with the reason and, if the header could be read, the waiting
/// activity.
pub fn decode_answer(body: &[u8], limits: &WireLimits) -> Result<AnswerMessage, UnreadableAnswer> {
    let scan = Scan::of(body, limits);
    let shape = Shape::of(&scan);
    let header = match &shape {
        Some(shape) => shape.header(&scan),
        None => Err(Unreadable::NoHeader),
    };
    if let Some(reason) = scan.defect {
        return Err(UnreadableAnswer {
            reason,
            waiting: header.ok(),
        });
    }
    let (target, turn) = header.map_err(|reason| UnreadableAnswer {
        reason,
        waiting: None,
    })?;
    let answer = match &shape {
        Some(shape) if shape.tells_progress(&scan) => Ok(progress(&scan, shape)),
        Some(Shape::Workitem { fields, fault, .. }) => match fault {
            None | Some(b"null") => read_fields(*fields, "fields")
                .map(without_reserved)
                .map(Answer::Replace),
            Some(fault) => read_fault(fault, limits),
        },
        Some(Shape::Message { payload, .. }) => {
            let payload = read_fields(*payload, "payload").map(without_reserved);
            payload.map(|payload| by_status(payload, limits))
        }
        None => Err(Unreadable::NoHeader),
    };
    match answer {
        Ok(answer) => Ok(AnswerMessage {
            target,
            turn,
            answer,
        }),
        Err(reason) => Err(UnreadableAnswer {
            reason,
            waiting: Some((target, turn)),
        }),
    }
}

/// Names that the engine gives are no fields of a process: an answer that has them sets none of them.
fn without_reserved(mut fields: Fields) -> Fields {
    let reserved = |name: &&str| name.starts_with(View::RESERVED);
    let names = fields.iter().map(|(name, _)| name).filter(reserved);
    for name in names.map(str::to_owned).collect::<Vec<_>>() {
        fields.remove(&name);
    }
    fields
}

/// The most bytes of a progress that are kept.
const PROGRESS_BYTES: usize = 16 << 10;

/// A participant's sign of progress: any JSON.
fn progress(scan: &Scan<'_>, shape: &Shape<'_>) -> Answer {
    let told = match shape {
        Shape::Workitem { .. } => scan.get("progress"),
        Shape::Message { payload } => scan.get("progress").or(*payload),
    };
    let text = told.and_then(|told| std::str::from_utf8(told).ok());
    Answer::Progress(match text {
        Some(text) if text.len() > PROGRESS_BYTES => JsonText::text(&format!(
            "(a progress of {} bytes; {PROGRESS_BYTES} are kept)",
            text.len()
        )),
        Some(text) => JsonText::parse(text).unwrap_or_else(|_| JsonText::text(text)),
        None => JsonText::of(&serde_json::Value::Null),
    })
}

/// The parts of a body, by dialect.
enum Shape<'a> {
    Workitem {
        header: Option<&'a [u8]>,
        fields: Option<&'a [u8]>,
        /// The participant failed: then no fields are wanted.
        fault: Option<&'a [u8]>,
    },
    Message {
        payload: Option<&'a [u8]>,
    },
}

impl<'a> Shape<'a> {
    fn of(scan: &Scan<'a>) -> Option<Self> {
        let (header, fields) = (scan.get("header"), scan.get("fields"));
        let payload = scan.get("payload");
        if header.is_some() || (fields.is_some() && payload.is_none()) {
            let fault = scan.get("fault");
            Some(Self::Workitem {
                header,
                fields,
                fault,
            })
        } else if payload.is_some() || scan.get("name").is_some() {
            Some(Self::Message { payload })
        } else {
            None
        }
    }

    /// Whether it is a sign of progress, not an answer.
    fn tells_progress(&self, scan: &Scan<'_>) -> bool {
        let name = match self {
            Self::Workitem { header, .. } => {
                let header = read_fields(*header, "header").ok();
                let name = header.as_ref().and_then(|header| header.get("message"));
                name.and_then(JsonText::as_text)
            }
            Self::Message { .. } => text(scan.get("name"), "name").ok(),
        };
        name.as_deref() == Some(PROGRESS)
    }

    /// The target and the turn, checked to belong to a response.
    fn header(&self, scan: &Scan<'a>) -> Result<(ActivityId, Option<Turn>), Unreadable> {
        match self {
            Self::Workitem { header, .. } => {
                let header = read_fields(*header, "header")?;
                let get = |name| header.get(name).map(|value| value.as_str().as_bytes());
                address(
                    text(get("message"), "header.message")?,
                    text(get("target"), "header.target")?,
                    text(get("origin"), "header.origin")?,
                    "header.target",
                )
            }
            Self::Message { .. } => address(
                text(scan.get("name"), "name")?,
                text(scan.get("target"), "target")?,
                text(scan.get("origin"), "origin")?,
                "target",
            ),
        }
    }
}

/// The name of a message of progress.
const PROGRESS: &str = "progress";

fn address(
    message: String,
    target: String,
    origin: String,
    target_key: &'static str,
) -> Result<(ActivityId, Option<Turn>), Unreadable> {
    match message.as_str() {
        "response" | PROGRESS => {}
        "start" | "completed" | "timeout" | "triggered" => {
            return Err(Unreadable::InnerMessage { name: message });
        }
        other => {
            return Err(Unreadable::UnknownMessage {
                name: cut(other, 80).to_owned(),
            });
        }
    }
    let target: ActivityId = target.parse().map_err(|_| Unreadable::NotAnId {
        key: target_key,
        text: cut(&target, 80).to_owned(),
    })?;
    let turn = origin
        .parse::<Origin>()
        .ok()
        .filter(|origin| origin.activity == target)
        .and_then(|origin| origin.turn);
    Ok((target, turn))
}

/// The text of a member.
pub(crate) fn text(value: Option<&[u8]>, key: &'static str) -> Result<String, Unreadable> {
    match value {
        None | Some(b"null") => Err(Unreadable::Missing { key }),
        Some(json) => serde_json::from_slice(json).map_err(|_| Unreadable::WrongType {
            key,
            wanted: "a text",
        }),
    }
}

/// The object of a member.
pub(crate) fn read_fields(value: Option<&[u8]>, key: &'static str) -> Result<Fields, Unreadable> {
    let json = match value {
        None | Some(b"null") => return Err(Unreadable::Missing { key }),
        Some(json) => std::str::from_utf8(json).map_err(|_| Unreadable::NotUtf8)?,
    };
    Fields::parse(json).map_err(|error| match error {
        FieldsError::NotObject(_) => Unreadable::WrongType {
            key,
            wanted: "an object",
        },
        FieldsError::NotJson(what) => Unreadable::NotJson { what, offset: 0 },
    })
}

/// The fault that a worker names: an object with `code` and `message`, or the message alone.
fn read_fault(fault: &[u8], limits: &WireLimits) -> Result<Answer, Unreadable> {
    if fault.starts_with(b"\"") {
        let message = text(Some(fault), "fault")?;
        return Ok(participant_fault(None, &message, limits).into());
    }
    let fault = read_fields(Some(fault), "fault")?;
    let message = fault.get("message").and_then(words).unwrap_or_default();
    Ok(participant_fault(code_of(&fault).as_deref(), &message, limits).with(&fault, limits))
}

fn code_of(fault: &Fields) -> Option<String> {
    fault.get("code").and_then(JsonText::as_text)
}

/// A fault in a participant's words.
struct Reported {
    code: FaultCode,
    message: String,
    /// The code that it named, if participants may not give that.
    named: Option<String>,
}

impl Reported {
    /// With what else the participant says: `data`, if it is not too large, and `retry_after` in seconds.
    fn with(self, fault: &Fields, limits: &WireLimits) -> Answer {
        let data = fault.get("data").filter(|data| {
            let bytes = data.as_str().len();
            bytes <= limits.text_bytes && data.as_str() != "null"
        });
        let data = match &self.named {
            Some(code) => Some(JsonText::of(&serde_json::json!({
                "code": code,
                "data": data.and_then(JsonText::to_value),
            }))),
            None => data.cloned(),
        };
        let after = fault.get("retry_after");
        let after = after.and_then(|after| Millis::parse(&said(after)));
        Answer::Fault {
            code: self.code,
            message: self.message,
            data,
            retry_after: after,
        }
    }
}

impl From<Reported> for Answer {
    fn from(reported: Reported) -> Self {
        Self::fault(reported.code, reported.message)
    }
}

/// What is said; null says nothing.
fn words(value: &JsonText) -> Option<String> {
    (value.as_str() != "null").then(|| said(value))
}

/// A text's own words, anything else as JSON.
fn said(value: &JsonText) -> String {
    value.as_text().unwrap_or_else(|| value.as_str().to_owned())
}

/// Codes that say what the engine did or found: a participant that gives one gets [`FaultCode::ACTION_ERROR`], with
/// its code before the message.
const RESERVED_CODES: [&str; 12] = [
    FaultCode::BAD_ANSWER,
    FaultCode::TASK_REFUSED,
    FaultCode::CALL_ERROR,
    FaultCode::CONDITION_ERROR,
    FaultCode::OP_BUDGET_EXCEEDED,
    FaultCode::CANCELLED,
    FaultCode::LIMIT_EXCEEDED,
    "ProgramError",
    "Deadline",
    "EventLoop",
    "HeartbeatLost",
    "terminate",
];

/// A fault in a participant's words, as far as they may be the engine's.
fn participant_fault(code: Option<&str>, message: &str, limits: &WireLimits) -> Reported {
    let message = cut(message, limits.text_bytes);
    let own = || FaultCode::new(FaultCode::ACTION_ERROR);
    let is_free = |code: &str| {
        let is_name = code.len() <= FaultCode::LENGTH_MAX
            && code
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        is_name && !code.starts_with("sandbox.") && !RESERVED_CODES.contains(&code)
    };
    match code {
        None | Some("" | FaultCode::ACTION_ERROR) => Reported {
            code: own(),
            message: message.to_owned(),
            named: None,
        },
        Some(code) if is_free(code) => Reported {
            code: FaultCode::new(code),
            message: message.to_owned(),
            named: None,
        },
        Some(code) => {
            let code = cut(code, FaultCode::LENGTH_MAX);
            Reported {
                code: own(),
                message: format!("{code}: {message}"),
                named: Some(code.to_owned()),
            }
        }
    }
}

/// The message dialect's rules: `done` continues, `critical` is a fault, anything else leaves the activity suspended.
fn by_status(mut payload: Fields, limits: &WireLimits) -> Answer {
    let status = payload.remove("status");
    let status_text = status.as_ref().and_then(JsonText::as_text);
    let error = || payload.get("error").map(said).unwrap_or_default();
    match (status_text.as_deref(), &status) {
        (Some("done"), _) => Answer::Update(payload),
        (Some("critical"), _) => {
            participant_fault(code_of(&payload).as_deref(), &error(), limits).with(&payload, limits)
        }
        (Some("error"), _) => Answer::Suspended(cut(&error(), limits.text_bytes).to_owned()),
        (_, Some(other)) => {
            Answer::Suspended(format!("status {}", cut(other.as_str(), limits.text_bytes)))
        }
        (_, None) => Answer::Suspended("no status".to_owned()),
    }
}
