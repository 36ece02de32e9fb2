//! Events from outside: a JSON object that names itself; and what their publishers are told.

use crate::{Outgoing, Unreadable, WireLimits, reply::to, scan::Scan};
use bureaucrat_model::{JsonText, Millis, NameLimits, ProcessId, ReplyTo};
use serde::{Deserialize, Serialize};

/// A valid event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMessage {
    /// Its name, never empty.
    pub name: String,
    /// Its key, if it has one: a text or an integer.
    pub key: Option<String>,
    /// How long it is kept for those who wait for it later.
    pub keep: Option<Millis>,
    /// The process that it is for alone.
    pub process: Option<ProcessId>,
    /// The whole JSON object, unchanged.
    pub event: JsonText,
}

/// Reads an event.
///
/// # Errors
/// If the body is not a JSON object within the limits, or `event` is not a text.
pub fn decode_event(body: &[u8], limits: &WireLimits) -> Result<EventMessage, Unreadable> {
    let scan = Scan::of(body, limits);
    let (name, key) = (scan.get("event"), scan.get("key").and_then(key_of));
    let keep = scan.get("keep").and_then(keep_of);
    let process = scan.get("process").and_then(process_of);
    if let Some(defect) = scan.defect {
        return Err(defect);
    }
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotUtf8)?;
    let event = JsonText::parse(text).map_err(|error| Unreadable::NotJson {
        what: error.to_string(),
        offset: 0,
    })?;
    let name = match crate::answer::text(name, "event") {
        Ok(name) if name.is_empty() => return Err(Unreadable::NoEventName),
        Ok(name) => name,
        Err(Unreadable::Missing { .. }) => return Err(Unreadable::NoEventName),
        Err(other) => return Err(other),
    };
    if name.len() > limits.name_bytes {
        return Err(Unreadable::NameTooLong {
            key: "event",
            bytes: name.len(),
            limit: limits.name_bytes,
        });
    }
    Ok(EventMessage {
        name,
        key,
        keep,
        process,
        event,
    })
}

/// The key that a value is: a text or an integer of at most [`NameLimits::KEY`] bytes. Other values are no keys.
fn key_of(value: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(value).ok()?;
    let key = match value {
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) => {
            Some(number.to_string()).filter(|text| !text.contains(['.', 'e', 'E']))?
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => return None,
    };
    (1..=NameLimits::KEY).contains(&key.len()).then_some(key)
}

/// A duration as a text or a number of seconds; any other value says nothing.
fn keep_of(value: &[u8]) -> Option<Millis> {
    let text = match serde_json::from_slice(value).ok()? {
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => return None,
    };
    Millis::parse(&text).filter(|keep| *keep <= Millis::LONGEST && keep.0 > 0)
}

/// A process's id; any other value is what the event's publisher means by it.
fn process_of(value: &[u8]) -> Option<ProcessId> {
    let text: String = serde_json::from_slice(value).ok()?;
    text.parse().ok()
}

/// Whom an event reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCounts {
    /// How many activities waited for it.
    pub waiting: u64,
    /// How many of them took it.
    pub taken: u64,
    /// How many of them are in parked processes, which keep it until they continue.
    pub parked: u64,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventOutcome {
    /// Everybody who waited for it has had it.
    Delivered(EventCounts),
    /// It is still being handed out: so far.
    Delivering(EventCounts),
    /// An event with its message id took effect before.
    Repeated,
}

/// The reply to the publisher of an event.
pub fn event_reply(reply_to: &ReplyTo, name: &str, outcome: EventOutcome) -> Outgoing {
    let name = JsonText::text(name);
    let name = name.as_str();
    let counted = |status: &str, counts: EventCounts| {
        let EventCounts {
            waiting,
            taken,
            parked,
        } = counts;
        format!(
            r#"{{"status": "{status}", "event": {name}, "waiting": {waiting}, "taken": {taken}, "parked": {parked}}}"#
        )
    };
    let json = match outcome {
        EventOutcome::Delivered(counts) => counted("delivered", counts),
        EventOutcome::Delivering(counts) => counted("delivering", counts),
        EventOutcome::Repeated => format!(r#"{{"status": "repeated", "event": {name}}}"#),
    };
    to(reply_to, json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, EventRequest, Reply, decode_reply, event};
    use bureaucrat_model::Fields;

    #[test]
    fn what_is_no_duration_and_no_id_is_an_ordinary_field() {
        let read = |text: &str| {
            let event = decode_event(text.as_bytes(), &WireLimits::default());
            event.map(|event| (event.keep, event.process)).ok()
        };
        let id = "01234567-89ab-8def-8123-456789abcdef";
        for (fields, keep, process) in [
            (r#""keep": "1h""#.to_owned(), Some(Millis(3_600_000)), None),
            (r#""keep": 1.5"#.to_owned(), Some(Millis(1_500)), None),
            (r#""keep": 0"#.to_owned(), None, None),
            (r#""keep": "soon""#.to_owned(), None, None),
            (r#""keep": true"#.to_owned(), None, None),
            (r#""process": "billing""#.to_owned(), None, None),
        ] {
            let text = format!(r#"{{"event": "e", {fields}}}"#);
            assert_eq!(read(&text), Some((keep, process)), "{text}");
        }
        let process = id.parse::<ProcessId>().ok();
        assert!(process.is_some());
        let text = format!(
            r#"{{"event": "e", "process": "{}"}}"#,
            process.map_or_else(String::new, |id| id.to_string())
        );
        assert_eq!(read(&text), Some((None, process)));
    }

    #[test]
    fn replies_to_events_read_back() {
        let to = ReplyTo {
            queue: "replies".into(),
            correlation_id: Some("c".into()),
        };
        let counts = EventCounts {
            waiting: 4,
            taken: 1,
            parked: 2,
        };
        for outcome in [
            EventOutcome::Delivered(counts),
            EventOutcome::Delivering(counts),
            EventOutcome::Repeated,
        ] {
            let message = event_reply(&to, "pa\"id", outcome);
            assert_eq!(message.properties.correlation_id.as_deref(), Some("c"));
            let read = decode_reply(&message.body, &WireLimits::default());
            assert_eq!(read, Ok(Reply::Event(outcome)));
        }
        let address = Address {
            exchange: String::new(),
            routing_key: "events".into(),
        };
        let sent = event(
            &address,
            &EventRequest::new("paid", &Fields::new()),
            "m",
            Some(&to),
        )
        .properties;
        assert_eq!(sent.reply_to.as_deref(), Some("replies"));
        assert_eq!(sent.correlation_id.as_deref(), Some("c"));
    }
}
