//! Events from outside: a JSON object that names itself.

use crate::{Unreadable, WireLimits, scan::Scan};
use bureaucrat_model::JsonText;

/// An event that can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMessage {
    /// Its name, never empty.
    pub name: String,
    /// Its whole JSON object, as it came.
    pub event: JsonText,
}

/// Reads an event.
///
/// # Errors
/// When the body is no JSON object within the limits, or `event` is no text.
pub fn decode_event(body: &[u8], limits: &WireLimits) -> Result<EventMessage, Unreadable> {
    let scan = Scan::of(body, limits);
    let name = scan.get("event");
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
    Ok(EventMessage { name, event })
}
