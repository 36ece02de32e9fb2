//! What participants say when they fail, or are not done.

use super::{read_fields, text};
use crate::{Unreadable, WireLimits, cut};
use bureaucrat_model::{Answer, FaultCode, Fields, JsonText, Millis, Unusable};

/// The fault that a worker names: an object with `code` and `message`, or the message alone. A code
/// that is named elsewhere counts if the object has none.
pub(crate) fn read_fault(
    fault: &[u8],
    elsewhere: Option<&str>,
    limits: &WireLimits,
    unusable: &mut Vec<Unusable>,
) -> Result<Answer, Unreadable> {
    if fault.starts_with(b"\"") {
        let message = text(Some(fault), "fault")?;
        return Ok(participant_fault(None, &message, limits).into());
    }
    let fault = read_fields(Some(fault), "fault")?;
    let message = fault.get("message").and_then(words).unwrap_or_default();
    let code = code_of(&fault);
    let reported = participant_fault(code.as_deref().or(elsewhere), &message, limits);
    Ok(reported.with(&fault, limits, unusable))
}

fn code_of(fault: &Fields) -> Option<String> {
    fault.get("code").and_then(JsonText::as_text)
}

/// A fault in a participant's words.
pub(crate) struct Reported {
    pub code: FaultCode,
    pub message: String,
    /// The code that it named, if participants may not give that.
    pub named: Option<String>,
}

impl Reported {
    /// With what else the participant says: `data`, if it is not too large, and `retry_after` in
    /// seconds.
    fn with(self, fault: &Fields, limits: &WireLimits, unusable: &mut Vec<Unusable>) -> Answer {
        let is_said = |value: &&JsonText| value.as_str() != "null";
        let data = fault.get("data").filter(is_said).filter(|data| {
            let (bytes, limit) = (data.as_str().len(), limits.text_bytes);
            if bytes > limit {
                let (bytes, limit) = (bytes as u64, limit as u64);
                unusable.push(Unusable::Data { bytes, limit });
            }
            bytes <= limit
        });
        let data = match &self.named {
            Some(code) => Some(JsonText::of(&serde_json::json!({
                "code": code,
                "data": data.and_then(JsonText::to_value),
            }))),
            None => data.cloned(),
        };
        let after = fault.get("retry_after").filter(is_said);
        let after = after.and_then(|after| {
            let text = said(after);
            let span = Millis::parse(&text);
            if span.is_none() {
                unusable.push(Unusable::retry_after(&text));
            }
            span
        });
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
pub(crate) fn said(value: &JsonText) -> String {
    value.as_text().unwrap_or_else(|| value.as_str().to_owned())
}

/// Codes that say what the engine did or found: a participant that gives one gets
/// [`FaultCode::ACTION_ERROR`], with its code before the message.
const RESERVED_CODES: [&str; 14] = [
    FaultCode::CELERY_TASK_FAILED,
    FaultCode::BAD_ANSWER,
    FaultCode::TASK_REFUSED,
    FaultCode::CALL_ERROR,
    FaultCode::CONDITION_ERROR,
    FaultCode::OP_BUDGET_EXCEEDED,
    FaultCode::CANCELLED,
    FaultCode::TERMINATED,
    FaultCode::LIMIT_EXCEEDED,
    "ProgramError",
    "Deadline",
    "EventLoop",
    "HeartbeatLost",
    "terminate",
];

/// A fault in a participant's words, as far as they may be the engine's.
pub(crate) fn participant_fault(
    code: Option<&str>,
    message: &str,
    limits: &WireLimits,
) -> Reported {
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

/// The message dialect's rules: `done` continues, `critical` is a fault, anything else leaves the
/// activity suspended.
pub(super) fn by_status(
    mut payload: Fields,
    limits: &WireLimits,
    unusable: &mut Vec<Unusable>,
) -> Answer {
    let status = payload.remove("status");
    let status_text = status.as_ref().and_then(JsonText::as_text);
    let error = || payload.get("error").map(said).unwrap_or_default();
    match (status_text.as_deref(), &status) {
        (Some("done"), _) => Answer::Update(payload),
        (Some("critical"), _) => {
            let code = code_of(&payload);
            participant_fault(code.as_deref(), &error(), limits).with(&payload, limits, unusable)
        }
        (Some("error"), _) => Answer::Suspended(cut(&error(), limits.text_bytes).to_owned()),
        (_, Some(other)) => {
            Answer::Suspended(format!("status {}", cut(other.as_str(), limits.text_bytes)))
        }
        (_, None) => Answer::Suspended("no status".to_owned()),
    }
}
