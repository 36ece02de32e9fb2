//! What a schema says about the value of an attribute.
//!
//! A schema refuses no value that the checker takes. It lets some through that the checker refuses:
//! schemas count characters, the checker bytes, and no pattern knows which ids were there before.

use super::{row::Text, value::Value};
use std::fmt::Write as _;

/// A simple type of XML Schema with its restrictions, as both schemas know them.
pub(super) struct Facets {
    pub(super) base: &'static str,
    /// Names of facets and their values.
    pub(super) restrictions: Vec<(&'static str, String)>,
}

/// At least one character that is not white space.
const VISIBLE: &str = r"\s*\S[\s\S]*";
const NUMBER: &str = r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+\-]?[0-9]+)?";
const CODES: &str = r"\s*[^\s,]{1,64}\s*(,\s*[^\s,]{1,64}\s*)*";
const DEFINITION: &str = r"[A-Za-z0-9][A-Za-z0-9._\-]{0,127}(@0*[1-9][0-9]{0,9})?";
const CODE: &str = r"\s*[^\s,*]{1,64}\s*";

fn duration() -> String {
    let amount = r"[0-9][0-9.,eE+]*";
    let date = format!("({amount}W)?({amount}D)?");
    let time = format!("(T({amount}H)?({amount}M)?({amount}S)?)?");
    // Minus zero is zero.
    format!(r"\s*(\+?{NUMBER}|-[0.]+([eE][+\-]?[0-9]+)?)(ms|s|m|h|d|w)?\s*|\s*P{date}{time}\s*")
}

fn pattern(pattern: impl Into<String>) -> Facets {
    Facets {
        base: "string",
        restrictions: vec![("pattern", pattern.into())],
    }
}

fn limited(mut facets: Facets, characters: usize) -> Facets {
    facets
        .restrictions
        .push(("maxLength", characters.to_string()));
    facets
}

/// What may be computed: its length is that of the text, not of what becomes of it.
fn computed(mut facets: Facets) -> Facets {
    facets.restrictions.retain(|(name, _)| *name != "maxLength");
    for (name, value) in &mut facets.restrictions {
        if *name == "pattern" {
            *value = format!(r"({value})|[\s\S]*[{{][\s\S]*");
        }
    }
    facets
}

fn between(base: &'static str, least: f64, most: f64) -> Facets {
    let restrictions = vec![
        ("minInclusive", least.to_string()),
        ("maxInclusive", most.to_string()),
    ];
    Facets { base, restrictions }
}

/// What a schema says about a value of a kind.
pub(super) fn facets(value: Value) -> Facets {
    match value {
        Value::Name { bytes } => limited(pattern(VISIBLE), bytes),
        Value::Id { bytes } => limited(pattern("[A-Za-z0-9][A-Za-z0-9._\\-]*"), bytes),
        Value::Title { characters } => limited(pattern(VISIBLE), characters),
        Value::Text => Facets {
            base: "string",
            restrictions: Vec::new(),
        },
        Value::Duration => pattern(duration()),
        Value::Since => pattern(format!(r"\s*launch\s*|{}", duration())),
        Value::Integer { least, most } => between("integer", f64::from(least), f64::from(most)),
        Value::Thousandths { least, most } => between(
            "double",
            f64::from(least) / 1_000.0,
            f64::from(most) / 1_000.0,
        ),
        Value::FaultCode => pattern(CODE),
        Value::FaultPatterns => pattern(CODES),
        Value::FieldName => pattern(VISIBLE),
        Value::FieldPath => pattern(r"[^/][\s\S]*|/[^/]([^~]|~[01])*"),
        Value::Called => pattern(format!(r"[$]{VISIBLE}|{DEFINITION}")),
        Value::ModuleHash => pattern("sha256:[0-9a-f]{64}"),
        Value::ModuleRef => {
            pattern("[A-Za-z0-9][A-Za-z0-9._-]{0,127}(@([0-9]{1,10}|[A-Za-z][A-Za-z0-9_-]{0,63}))?")
        }
        Value::Function { bytes } => {
            limited(pattern("[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*"), bytes)
        }
        Value::Time | Value::Expression | Value::Cron | Value::Zone => pattern(VISIBLE),
        // A number with its bounds has no pattern that a brace could be added to.
        Value::Template(Value::Integer { .. }) => computed(pattern(r"\s*\+?[0-9]+\s*")),
        Value::Template(kind) => computed(facets(*kind)),
        Value::OneOf(words) => Facets {
            base: "string",
            restrictions: words
                .iter()
                .map(|word| ("enumeration", (*word).to_owned()))
                .collect(),
        },
    }
}

/// What a schema says about a text; nothing for any.
pub(super) fn text(text: Text) -> Option<Facets> {
    match text {
        Text::Any | Text::ExpressionOrNothing => None,
        Text::Base64 => Some(pattern(r"\s*[A-Za-z0-9+/][A-Za-z0-9+/=\s]*")),
        Text::Expression => Some(pattern(VISIBLE)),
    }
}

/// Lines of XML, indented.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    depth: usize,
}

impl Lines {
    /// A start tag; `tag` is what is between its brackets.
    pub(super) fn open(&mut self, tag: &str) {
        self.line(&format!("<{tag}>"));
        self.depth += 1;
    }

    pub(super) fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.line(&format!("</{name}>"));
    }

    pub(super) fn empty(&mut self, tag: &str) {
        self.line(&format!("<{tag}/>"));
    }

    /// An element that holds a text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.line(&format!("<{name}>{}</{name}>", escaped(text)));
    }

    pub(super) fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{:width$}{line}", "", width = self.depth * 2);
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// A text as it is written in XML, in attributes too.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
