//! Answers of participants: decoded by shape, in either dialect, never by content type.

use crate::{Unreadable, WireLimits, cut, scan::Scan};
use bureaucrat_model::{ActivityId, Answer, Fields, FieldsError, JsonText, Origin, Turn};

/// An answer that can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerMessage {
    pub target: ActivityId,
    /// The turn that the participant echoed in `origin`. `None` when `origin` is not an id of the target with a turn:
    /// then the answer is matched by the activity alone, as in the original.
    pub turn: Option<Turn>,
    pub answer: Answer,
}

/// An answer that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct UnreadableAnswer {
    pub reason: Unreadable,
    /// Who waits for it, where the header could still be read: that activity is to get [`Answer::Unreadable`], so that
    /// nothing waits for ever.
    pub waiting: Option<(ActivityId, Option<Turn>)>,
}

/// Reads an answer of either dialect.
///
/// # Errors
/// When the body is no answer, with the reason and, where the header could be read, who waits.
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
        Some(Shape::Workitem { fields, .. }) => read_fields(*fields, "fields").map(Answer::Replace),
        Some(Shape::Message { payload, .. }) => {
            read_fields(*payload, "payload").map(|payload| by_status(payload, limits))
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

/// The parts of a body by its dialect.
enum Shape<'a> {
    Workitem {
        header: Option<&'a [u8]>,
        fields: Option<&'a [u8]>,
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
            Some(Self::Workitem { header, fields })
        } else if payload.is_some() || scan.get("name").is_some() {
            Some(Self::Message { payload })
        } else {
            None
        }
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

fn address(
    message: String,
    target: String,
    origin: String,
    target_key: &'static str,
) -> Result<(ActivityId, Option<Turn>), Unreadable> {
    match message.as_str() {
        "response" => {}
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

/// The text that a member holds.
pub(crate) fn text(value: Option<&[u8]>, key: &'static str) -> Result<String, Unreadable> {
    match value {
        None | Some(b"null") => Err(Unreadable::Missing { key }),
        Some(json) => serde_json::from_slice(json).map_err(|_| Unreadable::WrongType {
            key,
            wanted: "a text",
        }),
    }
}

/// The object that a member holds.
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

/// The message dialect's rules: `done` goes on, `critical` is a fault, anything else leaves the activity suspended.
fn by_status(mut payload: Fields, limits: &WireLimits) -> Answer {
    let status = payload.remove("status");
    let status_text = status.as_ref().and_then(JsonText::as_text);
    let error = || match payload.get("error") {
        Some(error) => error.as_text().unwrap_or_else(|| error.as_str().to_owned()),
        None => String::new(),
    };
    match (status_text.as_deref(), &status) {
        (Some("done"), _) => Answer::Update(payload),
        (Some("critical"), _) => Answer::Critical(cut(&error(), limits.text_bytes).to_owned()),
        (Some("error"), _) => Answer::Suspended(cut(&error(), limits.text_bytes).to_owned()),
        (_, Some(other)) => {
            Answer::Suspended(format!("status {}", cut(other.as_str(), limits.text_bytes)))
        }
        (_, None) => Answer::Suspended("no status".to_owned()),
    }
}
