//! Putting a launcher's fields into a definition's context.

use crate::declared::Declared;
use bureaucrat_model::{Fields, JsonText};
use quick_xml::{
    Reader,
    escape::{escape, partial_escape},
    events::{BytesStart, Event},
};
use serde_json::Value;
use std::{collections::BTreeMap, ops::Range};

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

/// A definition with `fields` in its context: properties of the same names are replaced, others stay.
/// The type that a replaced property declares holds: numbers and truths become text for `str`,
/// integers become floats for `float`, and any other value of another type is an error, since turning
/// it into one would be guesswork. Everything else stays as it was written, in its line, so that what
/// is said about the result also holds for the file. The definition is not checked otherwise.
///
/// # Errors
/// When the definition can't be read so far, a field is not of its declared type, or its name can't be written in XML.
pub fn merge_fields(definition: &str, fields: &Fields) -> Result<String, MergeError> {
    if fields.is_empty() {
        return Ok(definition.to_owned());
    }
    // The XML reader passes over a byte order mark, and counts without it.
    let marked = definition;
    let definition = marked.trim_start_matches('\u{feff}');
    let mark = &marked[..marked.len() - definition.len()];
    let outline = Outline::of(definition, fields)?;
    let mut properties = String::new();
    for (name, value) in fields.iter() {
        let declared = outline.declared.get(name).copied();
        let searchable = outline.searchable.get(name).map(String::as_str);
        properties += &property(name, value, declared, searchable)?;
    }
    let text = |place: &Range<usize>| &definition[place.clone()];
    let opened = |place: &Range<usize>| {
        let tag = text(place);
        format!("{}>", tag.strip_suffix("/>").unwrap_or(tag).trim_end())
    };
    let root = outline.root;
    let inserted = match outline.context {
        // After the others, as a later property would be.
        Some(Context::Ended(end)) => (end..end, properties),
        Some(Context::Empty(tag)) => {
            let open = opened(&tag);
            (tag, format!("{open}{properties}</context>"))
        }
        None => {
            let context = format!("<context>{properties}</context>");
            match outline.empty_root {
                // `<process name="x"/>` must be opened first.
                Some(name) => {
                    let open = opened(&root);
                    (root, format!("{open}{context}</{name}>"))
                }
                None => (root.end..root.end, context),
            }
        }
    };
    let mut edits = vec![inserted];
    edits.extend(outline.overridden.into_iter().map(|place| {
        let lines = text(&place).matches('\n').count();
        (place, "\n".repeat(lines))
    }));
    edits.sort_by_key(|(place, _)| place.start);
    let (mut merged, mut rest) = (mark.to_owned(), 0);
    for (place, replacement) in edits {
        merged += &definition[rest..place.start];
        merged += &replacement;
        rest = place.end;
    }
    merged += &definition[rest..];
    Ok(merged)
}

/// Where properties can be added to a context.
enum Context {
    /// Before its end tag, which begins there.
    Ended(usize),
    /// It is this tag alone.
    Empty(Range<usize>),
}

/// What merging must know about a definition; places are in bytes.
#[derive(Default)]
struct Outline {
    /// The root's start tag.
    root: Range<usize>,
    /// The root's name, if it is an empty element.
    empty_root: Option<String>,
    /// The root's first context.
    context: Option<Context>,
    /// The properties that are overridden.
    overridden: Vec<Range<usize>>,
    /// The types that they declare.
    declared: BTreeMap<String, Declared>,
    /// What they say of searches.
    searchable: BTreeMap<String, String>,
}

impl Outline {
    fn of(definition: &str, overrides: &Fields) -> Result<Self, MergeError> {
        let mut reader = Reader::from_str(definition);
        let mut outline = Self::default();
        let mut depth = 0_usize;
        // The beginning of the current property that is overridden.
        let (mut in_context, mut property) = (false, None);
        loop {
            let start = place(&reader);
            let event = reader
                .read_event()
                .map_err(|error| MergeError::NotXml(error.to_string()))?;
            let end = place(&reader);
            match event {
                Event::Start(tag) => {
                    match depth {
                        0 => outline.root = start..end,
                        1 => in_context = tag.name().as_ref() == "context",
                        2 if in_context && outline.is_overridden(&tag, overrides)? => {
                            property = Some(start);
                        }
                        _ => {}
                    }
                    depth += 1;
                }
                Event::Empty(tag) => match depth {
                    0 => {
                        outline.root = start..end;
                        outline.empty_root = Some(tag.name().as_ref().to_owned());
                        return Ok(outline);
                    }
                    1 if tag.name().as_ref() == "context" => {
                        outline.context.get_or_insert(Context::Empty(start..end));
                    }
                    2 if in_context && outline.is_overridden(&tag, overrides)? => {
                        outline.overridden.push(start..end);
                    }
                    _ => {}
                },
                Event::End(_) => {
                    depth = depth.saturating_sub(1);
                    match depth {
                        0 => return Ok(outline),
                        1 if in_context => {
                            in_context = false;
                            outline.context.get_or_insert(Context::Ended(start));
                        }
                        2 => outline
                            .overridden
                            .extend(property.take().map(|start| start..end)),
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

    /// Whether a property is overridden; the type of one that is, and whether it is searchable, are remembered.
    fn is_overridden(
        &mut self,
        tag: &BytesStart<'_>,
        overrides: &Fields,
    ) -> Result<bool, MergeError> {
        let Some(name) = attribute(tag, "name")? else {
            return Ok(false);
        };
        if overrides.get(&name).is_none() {
            return Ok(false);
        }
        // Of two properties with one name the later counts, its type too.
        match attribute(tag, "type")?.as_deref().and_then(Declared::of) {
            Some(declared) => self.declared.insert(name.clone(), declared),
            None => self.declared.remove(&name),
        };
        match attribute(tag, "searchable")? {
            Some(searchable) => self.searchable.insert(name, searchable),
            None => self.searchable.remove(&name),
        };
        Ok(true)
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

/// One property, typed by its value once that fits the declared type: `bool` as 0 or 1, `float`, `int`, `str`, else `json`. Texts that XML can't hold or a
/// reader might trim, line breaks, and numbers beyond 64 bits go as `json`, which is exact.
fn property(
    name: &str,
    value: &JsonText,
    declared: Option<Declared>,
    searchable: Option<&str>,
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
    let searchable =
        searchable.map(|searchable| format!(r#" searchable="{}""#, escape(searchable)));
    Ok(format!(
        r#"<property name="{}" type="{kind}"{}>{}</property>"#,
        escape(name),
        searchable.unwrap_or_default(),
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

/// Characters that every XML reader passes on unchanged, and that begin no line.
fn is_plain(character: char) -> bool {
    is_xml(character) && !['\r', '\n'].contains(&character)
}
