//! The launcher's side: launches, events, and putting fields into a definition's context.

use crate::{LAUNCH_TYPE, Mandatory, NamedLaunch, Outgoing, Properties, declared::Declared};
use bureaucrat_model::{Fields, JsonText, Millis, ProcessId, ReplyTo};
use quick_xml::{
    Reader,
    escape::{escape, partial_escape},
    events::{BytesStart, Event},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where to publish a launch or an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The exchange; empty for the default one.
    pub exchange: String,
    /// The routing key; in the default exchange, the queue's name.
    pub routing_key: String,
}

/// The message that launches a process. With `message_id` it takes effect only once. If `reply_to`
/// names a queue, the engine reports the launch and the end there, with `correlation_id`.
pub fn launch(
    address: &Address,
    definition: &str,
    message_id: &str,
    reply_to: Option<&str>,
    correlation_id: Option<&str>,
) -> Outgoing {
    Outgoing {
        exchange: address.exchange.clone(),
        routing_key: address.routing_key.clone(),
        mandatory: Mandatory::Yes,
        properties: Properties {
            message_id: Some(message_id.to_owned()),
            reply_to: reply_to.map(str::to_owned),
            correlation_id: correlation_id.map(str::to_owned),
            ..Properties::persistent("application/xml")
        },
        body: definition.as_bytes().to_vec(),
    }
}

/// The message that launches a deployed definition; for the rest see [`launch`].
pub fn launch_named(
    address: &Address,
    named: &NamedLaunch,
    message_id: &str,
    reply_to: Option<&ReplyTo>,
) -> Outgoing {
    let body = named.to_json().into_bytes();
    message(address, LAUNCH_TYPE, message_id, reply_to, body)
}

/// An event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRequest {
    /// Its name.
    pub name: String,
    /// What it says.
    pub fields: Fields,
    /// With one, it reaches those who wait for it with this key, and those who want none.
    pub key: Option<String>,
    /// How long it is kept for those who wait for it later.
    pub keep: Option<Millis>,
    /// The process that it is for alone.
    pub process: Option<ProcessId>,
}

impl EventRequest {
    /// An event for all that wait for it now.
    pub fn new(name: &str, fields: &Fields) -> Self {
        Self {
            name: name.to_owned(),
            fields: fields.clone(),
            key: None,
            keep: None,
            process: None,
        }
    }
}

/// The message that publishes an event: the fields and, over them, its name in `event`, its key and what else is asked
/// for. With `reply_to` the engine tells there who waited for it.
pub fn event(
    address: &Address,
    event: &EventRequest,
    message_id: &str,
    reply_to: Option<&ReplyTo>,
) -> Outgoing {
    let mut body = Fields::new();
    body.set("event", JsonText::text(&event.name));
    let fields = event.fields.iter();
    for (field, value) in fields.filter(|(field, _)| *field != "event") {
        body.set(field, value.clone());
    }
    let keep = event.keep.map(|keep| format!("{}ms", keep.0));
    let process = event.process.map(|process| process.to_string());
    for (field, text) in [("key", &event.key), ("keep", &keep), ("process", &process)] {
        if let Some(text) = text {
            body.set(field, JsonText::text(text));
        }
    }
    let body = body.to_json().into_bytes();
    message(address, "application/json", message_id, reply_to, body)
}

/// A message to the engine that has an id.
pub(crate) fn message(
    address: &Address,
    content_type: &str,
    message_id: &str,
    reply_to: Option<&ReplyTo>,
    body: Vec<u8>,
) -> Outgoing {
    Outgoing {
        exchange: address.exchange.clone(),
        routing_key: address.routing_key.clone(),
        mandatory: Mandatory::Yes,
        properties: Properties {
            message_id: Some(message_id.to_owned()),
            reply_to: reply_to.map(|reply_to| reply_to.queue.clone()),
            correlation_id: reply_to.and_then(|reply_to| reply_to.correlation_id.clone()),
            ..Properties::persistent(content_type)
        },
        body,
    }
}

/// Why fields cannot be put into a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The part of the definition that had to be read is not XML.
    #[error("the definition is not XML: {0}")]
    NotXml(String),
    /// The definition has no root element.
    #[error("the definition has no `<process>`")]
    NoProcess,
    /// A field is not of the type that its property declares.
    #[error(
        "the field `{name}` is {found}, but its property is of type `{declared}`; send \
         {expected}, or change the type"
    )]
    Type {
        name: String,
        declared: &'static str,
        found: &'static str,
        expected: &'static str,
    },
    /// A field's name contains characters that XML forbids.
    #[error("the field name {0:?} can't be written in XML")]
    Name(String),
}

/// A definition with `fields` in its context: properties of the same names are replaced, others stay. The type that a
/// replaced property declares holds: numbers and truths become text for `str`, integers become floats for `float`, and
/// any other value of another type is an error, since turning it into one would be guesswork. The context becomes the first child of `<process>`; everything else stays as it was written. The definition is not checked
/// otherwise.
///
/// # Errors
/// When the definition can't be read so far, a field is not of its declared type, or its name can't be written in XML.
pub fn merge_fields(definition: &str, fields: &Fields) -> Result<String, MergeError> {
    if fields.is_empty() {
        return Ok(definition.to_owned());
    }
    let outline = Outline::of(definition, fields)?;
    let mut context = String::from("<context>");
    for property in &outline.kept {
        context += property;
    }
    for (name, value) in fields.iter() {
        let declared = outline.declared.get(name).copied();
        context += &property(name, value, declared)?;
    }
    context += "</context>";

    let mut merged = definition[..outline.head_end].to_owned();
    let mut rest = outline.head_end;
    match outline.empty_root {
        // `<process name="x"/>` must be opened first.
        Some(root) => {
            let head = &definition[..outline.head_end];
            let open = head.strip_suffix("/>").unwrap_or(head).trim_end();
            merged = format!("{open}>{context}</{root}>");
        }
        None => merged += &context,
    }
    for (start, end) in outline.contexts {
        merged += &definition[rest..start];
        rest = end;
    }
    merged += &definition[rest..];
    Ok(merged)
}

/// What merging must know about a definition.
#[derive(Default)]
struct Outline<'a> {
    /// Where the root's start tag ends, in bytes.
    head_end: usize,
    /// The root's name, if it is an empty element.
    empty_root: Option<String>,
    /// The places of the root's contexts.
    contexts: Vec<(usize, usize)>,
    /// The properties that are not overridden, unchanged.
    kept: Vec<&'a str>,
    /// The types that overridden properties declare.
    declared: BTreeMap<String, Declared>,
}

impl<'a> Outline<'a> {
    fn of(definition: &'a str, overrides: &Fields) -> Result<Self, MergeError> {
        let mut reader = Reader::from_str(definition);
        let mut outline = Self::default();
        let mut depth = 0_usize;
        // The beginnings of the current context and of the current property in it.
        let (mut context, mut property) = (None, None);
        loop {
            let start = place(&reader);
            let event = reader
                .read_event()
                .map_err(|error| MergeError::NotXml(error.to_string()))?;
            let end = place(&reader);
            match event {
                Event::Start(tag) => {
                    match depth {
                        0 => outline.head_end = end,
                        1 if tag.name().as_ref() == "context" => context = Some(start),
                        2 if context.is_some() => {
                            property = Some((start, outline.overridden(&tag, overrides)?))
                        }
                        _ => {}
                    }
                    depth += 1;
                }
                Event::Empty(tag) => match depth {
                    0 => {
                        outline.head_end = end;
                        outline.empty_root = Some(tag.name().as_ref().to_owned());
                        return Ok(outline);
                    }
                    1 if tag.name().as_ref() == "context" => outline.contexts.push((start, end)),
                    2 if context.is_some() => match outline.overridden(&tag, overrides)? {
                        Overridden::No => outline.kept.push(&definition[start..end]),
                        Overridden::Yes => {}
                    },
                    _ => {}
                },
                Event::End(_) => {
                    depth = depth.saturating_sub(1);
                    match depth {
                        0 => return Ok(outline),
                        1 => outline
                            .contexts
                            .extend(context.take().map(|start| (start, end))),
                        2 => {
                            if let Some((start, Overridden::No)) = property.take() {
                                outline.kept.push(&definition[start..end]);
                            }
                        }
                        _ => {}
                    }
                }
                Event::Eof if depth == 0 => return Err(MergeError::NoProcess),
                Event::Eof => {
                    return Err(MergeError::NotXml("it ends inside an element".to_owned()));
                }
                Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::GeneralRef(_) => {}
            }
        }
    }
}

impl Outline<'_> {
    /// Whether a property is overridden; the type of one that is, is remembered.
    fn overridden(
        &mut self,
        tag: &BytesStart<'_>,
        overrides: &Fields,
    ) -> Result<Overridden, MergeError> {
        let Some(name) = attribute(tag, "name")? else {
            return Ok(Overridden::No);
        };
        if overrides.get(&name).is_none() {
            return Ok(Overridden::No);
        }
        // Of two properties with one name the later counts, its type too.
        match attribute(tag, "type")?.as_deref().and_then(Declared::of) {
            Some(declared) => self.declared.insert(name, declared),
            None => self.declared.remove(&name),
        };
        Ok(Overridden::Yes)
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, MergeError> {
    let attribute = tag
        .try_get_attribute(name)
        .map_err(|error| MergeError::NotXml(error.to_string()))?;
    let Some(attribute) = attribute else {
        return Ok(None);
    };
    let value = quick_xml::escape::unescape(&attribute.value)
        .map_err(|error| MergeError::NotXml(error.to_string()))?;
    Ok(Some(value.into_owned()))
}

fn place(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Overridden {
    Yes,
    No,
}

/// One property, typed by its value once that fits the declared type: `bool` as 0 or 1, `float`, `int`, `str`, else `json`. Texts that XML can't hold or a
/// reader might trim, and numbers beyond 64 bits, go as `json`, which is exact.
fn property(
    name: &str,
    value: &JsonText,
    declared: Option<Declared>,
) -> Result<String, MergeError> {
    if !name
        .chars()
        .all(|character| is_xml(character) && !character.is_control())
    {
        return Err(MergeError::Name(crate::cut(name, 80).to_owned()));
    }
    let fitted = match (declared, value.to_value()) {
        (Some(declared), Some(given)) => Some(declared.fit(name, given)?),
        (_, given) => given,
    };
    let value = &match (declared, &fitted) {
        (Some(_), Some(fitted)) => JsonText::of(fitted),
        _ => value.clone(),
    };
    let (kind, text) = match fitted {
        Some(Value::Bool(truth)) => ("bool", u8::from(truth).to_string()),
        Some(Value::Number(number)) if number.is_i64() => ("int", number.to_string()),
        Some(Value::Number(number))
            if number.as_str().contains(['.', 'e', 'E']) && is_finite(&number) =>
        {
            ("float", number.to_string())
        }
        Some(Value::String(text)) if text.trim() == text && text.chars().all(is_plain) => {
            ("str", text)
        }
        Some(_) | None => ("json", json(value)),
    };
    Ok(format!(
        r#"<property name="{}" type="{kind}">{}</property>"#,
        escape(name),
        partial_escape(&text)
    ))
}

fn is_finite(number: &serde_json::Number) -> bool {
    number.as_f64().is_some_and(f64::is_finite)
}

/// The JSON text, with escapes for characters that XML forbids; such characters are only in
/// strings.
fn json(value: &JsonText) -> String {
    let mut text = String::with_capacity(value.as_str().len());
    for character in value.as_str().chars() {
        if is_xml(character) {
            text.push(character);
        } else {
            text += &format!("\\u{:04x}", u32::from(character));
        }
    }
    text
}

/// The characters of XML 1.0, production `Char`.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Characters that every XML reader passes on unchanged; a carriage return becomes a line feed.
fn is_plain(character: char) -> bool {
    is_xml(character) && character != '\r'
}
