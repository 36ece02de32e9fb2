//! What workers that know nothing of the engine see and send: calls of Celery tasks by protocol 2,
//! and requests, read and written without the engine's own codecs.

use bureaucrat_model::{Fields, JsonText};

/// What comes back from a call.
#[derive(Debug, Clone)]
pub enum Back {
    /// Celery's callback, with this result.
    Result(String),
    /// Celery's errback.
    Failure,
    /// What Celery's backend `rpc://` says.
    State(String),
    /// The reply to a request.
    Reply(String),
    /// The same, with this code of an error.
    Error { code: String, body: String },
    /// The last of these again.
    Again,
}

/// What a step sends back; none for any other step.
pub(super) fn back(word: &str, rest: &str) -> Option<Back> {
    Some(match word {
        "result" => Back::Result(rest.to_owned()),
        "failure" => Back::Failure,
        "state" => Back::State(rest.to_owned()),
        "reply" => Back::Reply(rest.to_owned()),
        "error" => {
            let (code, body) = rest.split_once(' ').unwrap_or((rest, ""));
            Back::Error {
                code: code.to_owned(),
                body: body.to_owned(),
            }
        }
        "repeat" => Back::Again,
        _ => return None,
    })
}

/// A message that comes back, without its destination, which is the queue of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultMessage {
    pub correlation_id: String,
    /// The headers, which are texts.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// A call as its worker sees it.
#[derive(Debug, Clone)]
pub struct Called {
    /// The property `correlation_id`.
    pub id: String,
    /// The arguments as they are written, or the fields.
    pub carries: String,
    callback: String,
    errback: String,
    sent: Option<ResultMessage>,
}

impl Called {
    /// Reads a call of a Celery task, or else a request.
    ///
    /// # Errors
    /// When the body is neither.
    pub fn read(id: String, body: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        let whole = JsonText::parse(text).map_err(|error| error.to_string())?;
        let mut called = Self {
            id,
            carries: text.to_owned(),
            callback: String::new(),
            errback: String::new(),
            sent: None,
        };
        if Fields::parse(text).is_ok() {
            return Ok(called);
        }
        let parts = whole.items().unwrap_or_default();
        let [args, kwargs, rest] = parts.as_slice() else {
            return Err(format!("neither a call nor a request: {text}"));
        };
        called.carries = format!("{} {}", args.as_str(), kwargs.as_str());
        let rest = rest.to_value().unwrap_or_default();
        let task_id = |list: &str| {
            let id = &rest[list][0]["options"]["task_id"];
            id.as_str()
                .map(str::to_owned)
                .ok_or(format!("no `{list}`: {text}"))
        };
        called.callback = task_id("callbacks")?;
        called.errback = task_id("errbacks")?;
        Ok(called)
    }

    /// The activity that waits, without its process.
    pub fn place(&self) -> &str {
        let rest = self.id.get(36..).unwrap_or_default();
        rest.split('~').next().unwrap_or_default()
    }

    /// The message that comes back.
    ///
    /// # Errors
    /// If [`Back::Again`] is wanted and nothing came back before.
    pub fn back(&mut self, back: &Back) -> Result<ResultMessage, String> {
        let task = |id: &String, argument: &str| ResultMessage {
            correlation_id: id.clone(),
            headers: vec![("root_id", self.id.clone())],
            body: format!(
                r#"[[{argument}], {{}}, {{"callbacks": null, "errbacks": null, "chain": null, "chord": null}}]"#
            ),
        };
        let plain = |headers, body: &str| ResultMessage {
            correlation_id: self.id.clone(),
            headers,
            body: body.to_owned(),
        };
        let message = match back {
            Back::Result(value) => task(&self.callback, value),
            Back::Failure => task(&self.errback, JsonText::text(&self.id).as_str()),
            Back::State(body) | Back::Reply(body) => plain(Vec::new(), body),
            Back::Error { code, body } => plain(vec![("error", code.clone())], body),
            Back::Again => self.sent.clone().ok_or("nothing came back before")?,
        };
        self.sent = Some(message.clone());
        Ok(message)
    }
}
