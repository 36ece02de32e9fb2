//! What a participant sees and sends: JSON in either dialect, read and written as a worker would,
//! without the engine's own codecs.

use super::case::Reply;
use bureaucrat_model::{Fields, JsonText};
use bureaucrat_wire::Dialect;

/// A task as a participant sees it.
#[derive(Debug, Clone)]
pub struct Received {
    pub dialect: Dialect,
    pub target: String,
    pub origin: String,
    /// The fields, without the message dialect's `status`.
    pub fields: Fields,
    /// The last answer.
    pub answered: Option<String>,
}

impl Received {
    /// Reads a task's body.
    ///
    /// # Errors
    /// When it has the shape of neither dialect.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        let outer = Fields::parse(text).map_err(|error| error.to_string())?;
        let object = |fields: &Fields, name: &str| {
            let value = fields.get(name).ok_or(format!("no `{name}` in {text}"))?;
            Fields::parse(value.as_str()).map_err(|error| error.to_string())
        };
        let string = |fields: &Fields, name: &str| {
            let value = fields.get(name).and_then(JsonText::as_text);
            value.ok_or(format!("no text `{name}` in {text}"))
        };
        let (dialect, header, fields) = if outer.get("header").is_some() {
            let header = object(&outer, "header")?;
            if string(&header, "message")? != "response" {
                return Err(format!("no response is asked for: {text}"));
            }
            (Dialect::Workitem, header, object(&outer, "fields")?)
        } else {
            if string(&outer, "name")? != "response" {
                return Err(format!("no response is asked for: {text}"));
            }
            let mut payload = object(&outer, "payload")?;
            let status = payload.remove("status").and_then(|status| status.as_text());
            if status.as_deref() != Some("done") {
                return Err(format!("no status `done`: {text}"));
            }
            (Dialect::Message, outer, payload)
        };
        Ok(Self {
            dialect,
            target: string(&header, "target")?,
            origin: string(&header, "origin")?,
            fields,
            answered: None,
        })
    }

    /// The body of an answer.
    ///
    /// # Errors
    /// If [`Reply::Again`] is requested and the task was not answered before.
    pub fn answer(&mut self, reply: &Reply) -> Result<String, String> {
        let set = |changes: &Fields| {
            let mut fields = self.fields.clone();
            fields.update(changes);
            fields
        };
        let body = match reply {
            Reply::Set(changes) => self.body(self.dialect, &self.origin, set(changes)),
            Reply::Update(changes) => {
                let fields = match self.dialect {
                    Dialect::Workitem => set(changes),
                    Dialect::Message => changes.clone(),
                };
                self.body(self.dialect, &self.origin, fields)
            }
            Reply::Replace(fields) => self.body(self.dialect, &self.origin, fields.clone()),
            Reply::Without(names) => {
                let mut fields = self.fields.clone();
                for name in names {
                    fields.remove(name);
                }
                self.body(self.dialect, &self.origin, fields)
            }
            Reply::Bare(changes) => self.body(self.dialect, &self.target, set(changes)),
            Reply::Turn(turn, changes) => {
                let origin = format!("{}~{turn}", self.target);
                self.body(self.dialect, &origin, set(changes))
            }
            Reply::Other(changes) => {
                let other = match self.dialect {
                    Dialect::Workitem => Dialect::Message,
                    Dialect::Message => Dialect::Workitem,
                };
                self.body(other, &self.origin, set(changes))
            }
            Reply::Critical(error) => self.with_status("critical", error),
            Reply::Suspend(error) => self.with_status("error", error),
            Reply::Broken => {
                let whole = self.body(self.dialect, &self.origin, Fields::new());
                whole.replace("\": {}", "\": {\"x\": NaN}").replace(
                    "{\"status\": \"done\"}",
                    "{\"x\": NaN, \"status\": \"done\"}",
                )
            }
            Reply::Again => self.answered.clone().ok_or("there was no answer before")?,
        };
        self.answered = Some(body.clone());
        Ok(body)
    }

    fn with_status(&self, status: &str, error: &str) -> String {
        let mut payload = Fields::new();
        payload.set("status", JsonText::text(status));
        payload.set("error", JsonText::text(error));
        message(&self.target, &self.origin, &payload)
    }

    fn body(&self, dialect: Dialect, origin: &str, mut fields: Fields) -> String {
        match dialect {
            Dialect::Workitem => workitem(&self.target, origin, &fields),
            Dialect::Message => {
                fields.set("status", JsonText::text("done"));
                message(&self.target, origin, &fields)
            }
        }
    }
}

/// An answer in the workitem dialect.
pub fn workitem(target: &str, origin: &str, fields: &Fields) -> String {
    format!(
        r#"{{"header": {{"message": "response", "target": "{target}", "origin": "{origin}"}}, "fields": {}}}"#,
        fields.to_json()
    )
}

/// An answer in the message dialect.
pub fn message(target: &str, origin: &str, payload: &Fields) -> String {
    format!(
        r#"{{"name": "response", "target": "{target}", "origin": "{origin}", "payload": {}}}"#,
        payload.to_json()
    )
}
