//! Participants' answers: recognised by shape, in either dialect, never by content type.

pub(crate) mod failing;

use crate::{Unreadable, WireLimits, cut, scan::Scan};
use bureaucrat_model::{
    ActivityId, Answer, Fields, FieldsError, JsonText, Origin, Turn, Unusable, View,
};
use failing::{by_status, read_fault};

/// A valid answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerMessage {
    pub target: ActivityId,
    /// The turn in `origin`. `None` if `origin` is not an id of the target with a turn: then the
    /// answer is matched only by the activity, as in the original.
    pub turn: Option<Turn>,
    pub answer: Answer,
    /// What of the message cannot be used, and is left out.
    pub unusable: Vec<Unusable>,
}

impl AnswerMessage {
    /// The answer to who waits, or why it cannot be read.
    pub(crate) fn read(
        (target, turn): (ActivityId, Option<Turn>),
        answer: Result<Answer, Unreadable>,
        unusable: Vec<Unusable>,
    ) -> Result<Self, UnreadableAnswer> {
        match answer {
            Ok(answer) => Ok(Self {
                target,
                turn,
                answer,
                unusable,
            }),
            Err(reason) => Err(UnreadableAnswer {
                reason,
                waiting: Some((target, turn)),
            }),
        }
    }
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
    let mut unusable = Vec::new();
    let answer = match &shape {
        Some(shape) if shape.tells_progress(&scan) => Ok(progress(&scan, shape, &mut unusable)),
        Some(Shape::Workitem { fields, fault, .. }) => match fault {
            None | Some(b"null") => read_fields(*fields, "fields")
                .map(|fields| without_reserved(fields, &mut unusable))
                .map(Answer::Replace),
            Some(fault) => read_fault(fault, None, limits, &mut unusable),
        },
        Some(Shape::Message { payload, .. }) => {
            let payload = read_fields(*payload, "payload");
            payload.map(|payload| {
                let payload = without_reserved(payload, &mut unusable);
                by_status(payload, limits, &mut unusable)
            })
        }
        None => Err(Unreadable::NoHeader),
    };
    AnswerMessage::read((target, turn), answer, unusable)
}

/// Names that the engine gives are no fields of a process: an answer that has them sets none of them.
fn without_reserved(mut fields: Fields, unusable: &mut Vec<Unusable>) -> Fields {
    let reserved = |name: &&str| name.starts_with(View::RESERVED);
    let names = fields.iter().map(|(name, _)| name).filter(reserved);
    let names: Vec<String> = names.map(str::to_owned).collect();
    if let Some(first) = names.first() {
        unusable.push(Unusable::reserved(first, names.len() as u64));
    }
    for name in names {
        fields.remove(&name);
    }
    fields
}

/// The most bytes of a progress that are kept.
const PROGRESS_BYTES: usize = 16 << 10;

/// A participant's sign of progress: any JSON.
fn progress(scan: &Scan<'_>, shape: &Shape<'_>, unusable: &mut Vec<Unusable>) -> Answer {
    let told = match shape {
        Shape::Workitem { .. } => scan.get("progress"),
        Shape::Message { payload } => scan.get("progress").or(*payload),
    };
    let text = told.and_then(|told| std::str::from_utf8(told).ok());
    Answer::Progress(match text {
        Some(text) if text.len() > PROGRESS_BYTES => {
            unusable.push(Unusable::Progress {
                bytes: text.len() as u64,
                limit: PROGRESS_BYTES as u64,
            });
            JsonText::text(&format!(
                "(a progress of {} bytes; {PROGRESS_BYTES} are kept)",
                text.len()
            ))
        }
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
