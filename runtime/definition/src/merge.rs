//! Merges fields into a definition's text, as the original's launcher does before it publishes.
//!
//! Fields win over the definition's own `<context>`; the result is written as `<property name= type=>` in one `<context>`,
//! the first child of `<process>`. Whatever else stands in the text stays as it is.

use crate::{
    Limits, check,
    diagnostic::{Diagnostic, Diagnostics},
    reader,
    source::{Source, is_xml},
    syntax::{Closing, Tree},
};
use bureaucrat_model::{Fields, JsonText};
use std::fmt;

/// Why fields cannot be merged into a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The text is no XML, no `process`, or its `<context>` is wrong.
    #[error("the definition cannot be read: {}", Listed(.0))]
    Definition(Vec<Diagnostic>),
    /// The name of a field is empty or holds a character that XML does not allow.
    #[error("the field {0:?} cannot be written: XML does not allow its name")]
    Name(String),
}

/// Diagnostics in one line.
struct Listed<'a>(&'a [Diagnostic]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, diagnostic) in self.0.iter().enumerate() {
            let between = if place > 0 { "; " } else { "" };
            write!(f, "{between}{diagnostic}")?;
        }
        Ok(())
    }
}

/// Merges `fields` over the definition's own context. Types are written as the original's launcher does: `bool` as 0 or
/// 1, `float`, `int`, `str`, and `json` for lists, records and null. The rest of the definition is not checked; its size
/// is not bounded here, since it is the caller's own.
///
/// # Errors
/// When the text is no XML with a `process` at its root, or its context or a field's name is wrong.
pub fn merge_fields(definition: &str, fields: &Fields) -> Result<String, MergeError> {
    let limits = Limits {
        bytes: usize::MAX,
        activities: usize::MAX,
        properties: usize::MAX,
        attribute_bytes: usize::MAX,
        depth: Limits::DEPTH_MAX,
        ..Limits::default()
    };
    let source = Source::read(definition.as_bytes(), &limits)
        .map_err(|diagnostic| MergeError::Definition(vec![diagnostic]))?;
    let mut diagnostics = Diagnostics::new(&source, limits.diagnostics);
    let tree = reader::read(&source, &limits, &mut diagnostics);
    let read = tree.and_then(|tree| {
        let context = check::check_context(&tree, &limits, &mut diagnostics)?;
        Some((tree, context))
    });
    match read {
        Some((tree, mut context)) if diagnostics.is_empty() => {
            context.update(fields);
            Ok(rewritten(source.text(), &tree, &written(&context)?))
        }
        _ => Err(MergeError::Definition(diagnostics.finish())),
    }
}

/// The text with `context` as first child of the root, and without the contexts that were there.
fn rewritten(text: &str, tree: &Tree<'_>, context: &str) -> String {
    let Some(root) = tree.element(0) else {
        return text.to_owned();
    };
    let mut merged = String::with_capacity(text.len() + context.len());
    match root.closing {
        Closing::Empty => {
            // `<process/>` has to be opened first.
            let tag = &text[..root.content];
            merged.push_str(tag.strip_suffix("/>").unwrap_or(tag));
            merged.push('>');
            merged.push_str(context);
            merged.push_str("</process>");
        }
        Closing::EndTag => {
            merged.push_str(&text[..root.content]);
            merged.push_str(context);
        }
    }
    let mut done = root.content;
    let children = root
        .children
        .iter()
        .filter_map(|child| tree.element(*child));
    for old in children.filter(|child| child.name == "context") {
        merged.push_str(&text[done..old.start]);
        done = old.end;
    }
    merged.push_str(&text[done..]);
    merged
}

/// The fields as a `<context>`.
fn written(fields: &Fields) -> Result<String, MergeError> {
    let mut context = "<context>".to_owned();
    for (name, value) in fields.iter() {
        if name.trim().is_empty() || !name.chars().all(is_xml) {
            return Err(MergeError::Name(name.to_owned()));
        }
        let (kind, text) = typed(value);
        context.push_str("<property name=\"");
        escape(name, &mut context);
        context.push_str("\" type=\"");
        context.push_str(kind);
        context.push_str("\">");
        escape(&text, &mut context);
        context.push_str("</property>");
    }
    context.push_str("</context>");
    Ok(context)
}

/// The type of a property that holds a value, and its text. What another type cannot hold is `json`: text with
/// characters that XML does not allow, and numbers written as floats that are infinite as such.
fn typed(value: &JsonText) -> (&'static str, String) {
    let json = value.as_str();
    if let Some(text) = value.as_text() {
        return match text.chars().all(is_xml) {
            true => ("str", text),
            false => ("json", escaped_json(&text)),
        };
    }
    match json.as_bytes().first() {
        Some(b't') => ("bool", "1".to_owned()),
        Some(b'f') => ("bool", "0".to_owned()),
        Some(b'-' | b'0'..=b'9') if !json.contains(['.', 'e', 'E']) => ("int", json.to_owned()),
        Some(b'-' | b'0'..=b'9') if check::float_as_json(json).is_some() => {
            ("float", json.to_owned())
        }
        _ => ("json", json.to_owned()),
    }
}

/// A JSON string in which every character that XML does not allow is escaped.
fn escaped_json(text: &str) -> String {
    let mut json = String::new();
    for character in JsonText::text(text).as_str().chars() {
        if is_xml(character) {
            json.push(character);
        } else {
            // All of them, control characters aside, are U+FFFE and U+FFFF, and fit into four digits.
            json.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
    json
}

/// Appends a text so that it may stand in an attribute or an element and comes back as it is.
fn escape(text: &str, xml: &mut String) {
    for character in text.chars() {
        match character {
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '&' => xml.push_str("&amp;"),
            '"' => xml.push_str("&quot;"),
            '\t' => xml.push_str("&#9;"),
            '\n' => xml.push_str("&#10;"),
            '\r' => xml.push_str("&#13;"),
            other => xml.push(other),
        }
    }
}
