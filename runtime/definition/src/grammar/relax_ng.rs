//! definitions/bureaucrat.rng, made from the table.
//!
//! RELAX NG says all of the grammar's table: children in any order, how often each, and that a text
//! may be replaced by attributes.

use super::{
    Attribute, Content, Least, Need, Occurs, ROWS, Row, Tag, Text,
    facets::{Facets, Lines, escaped, facets, text},
    root,
};

const HEAD: &str = r#"grammar xmlns="http://relaxng.org/ns/structure/1.0"
    xmlns:a="http://relaxng.org/ns/compatibility/annotations/1.0"
    datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes""#;

/// The schema, with the sentences of the table for editors.
pub fn relax_ng() -> String {
    let mut out = Lines::default();
    out.line(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    out.line("<!-- Made from runtime/definition/src/grammar/table.rs; a test compares. -->");
    out.open(HEAD);
    out.open("start");
    out.empty(&format!("ref name=\"{}\"", root().key()));
    out.close("start");
    out.open("define name=\"activity\"");
    out.open("choice");
    for row in ROWS.iter().filter(|row| row.tag.activity().is_some()) {
        out.empty(&format!("ref name=\"{}\"", row.key()));
    }
    out.close("choice");
    out.close("define");
    ignored(&mut out);
    for row in ROWS {
        define(row, &mut out);
    }
    out.close("grammar");
    out.finish()
}

/// What editors add.
fn ignored(out: &mut Lines) {
    out.open("define name=\"ignored\"");
    out.open("zeroOrMore");
    out.open("attribute");
    out.open("choice");
    out.empty("nsName ns=\"http://www.w3.org/XML/1998/namespace\"");
    out.empty("nsName ns=\"http://www.w3.org/2001/XMLSchema-instance\"");
    out.close("choice");
    out.close("attribute");
    out.close("zeroOrMore");
    out.close("define");
}

fn define(row: &Row, out: &mut Lines) {
    out.open(&format!("define name=\"{}\"", row.key()));
    out.open(&format!("element name=\"{}\"", row.name));
    out.text("a:documentation", row.purpose);
    out.empty("ref name=\"ignored\"");
    for found in row.attributes() {
        match found.need {
            Need::Required => attribute(found, out),
            Need::Optional(_) | Need::Default(_) => optional(found, out),
            Need::Either(_) | Need::InsteadOfText | Need::WithThat(_) => {}
        }
    }
    let mut either = row.attributes().iter();
    let mut either = either
        .by_ref()
        .filter(|found| matches!(found.need, Need::Either(_)));
    if let (Some(one), Some(other)) = (either.next(), either.next()) {
        out.open("choice");
        attribute(one, out);
        attribute(other, out);
        out.close("choice");
    }
    match row.content {
        Content::Text(kind) => text_or_attributes(row, kind, out),
        Content::Parts => children(row, None, out),
        Content::Body(least) => children(row, Some(least), out),
    }
    out.close("element");
    out.close("define");
}

fn optional(found: &Attribute, out: &mut Lines) {
    out.open("optional");
    attribute(found, out);
    out.close("optional");
}

fn attribute(found: &Attribute, out: &mut Lines) {
    out.open(&format!("attribute name=\"{}\"", found.name));
    out.text("a:documentation", &format!("{}.", found.meaning));
    data(&facets(found.value), out);
    out.close("attribute");
}

fn data(facets: &Facets, out: &mut Lines) {
    let words = facets.restrictions.iter();
    let words: Vec<&str> = words
        .filter(|(name, _)| *name == "enumeration")
        .map(|(_, word)| word.as_str())
        .collect();
    if !words.is_empty() {
        out.open("choice");
        for word in words {
            out.text("value", word);
        }
        return out.close("choice");
    }
    if facets.restrictions.is_empty() {
        return out.empty(&format!("data type=\"{}\"", facets.base));
    }
    out.open(&format!("data type=\"{}\"", facets.base));
    for (name, value) in &facets.restrictions {
        out.line(&format!(
            "<param name=\"{name}\">{}</param>",
            escaped(value)
        ));
    }
    out.close("data");
}

fn text_or_attributes(row: &Row, kind: Text, out: &mut Lines) {
    let written = |out: &mut Lines| match text(kind) {
        Some(facets) => data(&facets, out),
        None => out.empty("text"),
    };
    let attributes = row.attributes().iter();
    let (instead, with): (Vec<_>, Vec<_>) = (
        attributes
            .clone()
            .filter(|found| found.need == Need::InsteadOfText)
            .collect(),
        attributes
            .filter(|found| matches!(found.need, Need::WithThat(_)))
            .collect(),
    );
    if instead.is_empty() {
        return written(out);
    }
    out.open("choice");
    for found in instead {
        out.open("group");
        attribute(found, out);
        for found in &with {
            optional(found, out);
        }
        out.empty("empty");
        out.close("group");
    }
    written(out);
    out.close("choice");
}

/// The children of a row: first all that have no order among them.
fn children(row: &Row, activities: Option<Least>, out: &mut Lines) {
    let parts: Vec<&Row> = row
        .children()
        .iter()
        .copied()
        .filter(|child| child.tag.activity().is_none())
        .collect();
    if parts.is_empty() && activities.is_none() {
        return out.empty("empty");
    }
    out.open("interleave");
    for part in parts.iter().filter(|part| part.occurs != Occurs::Last) {
        let many = match part.occurs {
            Occurs::Any => "zeroOrMore",
            Occurs::Once | Occurs::Last => "optional",
        };
        reference(many, &part.key(), out);
    }
    match activities {
        None => {}
        Some(Least::None) => reference("zeroOrMore", "activity", out),
        Some(Least::One(_)) => reference("oneOrMore", "activity", out),
    }
    out.close("interleave");
    for part in parts.iter().filter(|part| part.occurs == Occurs::Last) {
        reference("optional", &part.key(), out);
    }
}

fn reference(many: &str, name: &str, out: &mut Lines) {
    out.open(many);
    out.empty(&format!("ref name=\"{name}\""));
    out.close(many);
}

impl Row {
    /// A name that no other row has.
    pub(super) fn key(&self) -> String {
        let is_shared = ROWS
            .iter()
            .any(|other| other.name == self.name && other.tag != self.tag);
        let first = ROWS.iter().find(|parent| {
            parent.tag != Tag::Process && parent.children().iter().any(|row| row.tag == self.tag)
        });
        match first {
            Some(parent) if is_shared => format!("{}-in-{}", self.name, parent.key()),
            Some(_) | None => self.name.to_owned(),
        }
    }
}
