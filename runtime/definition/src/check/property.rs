//! Checks the properties of a context and turns them into JSON values.
//!
//! Numbers that are valid JSON stay unchanged; what only Python allows (`.5`, `007`, `+1`) becomes
//! the JSON number with the same value.

use super::{Checker, Node};
use crate::{
    checked::{Context, Local, Written},
    diagnostic::{Counted, ValueProblem, cut, meant, nearest},
    grammar::{EXPRESSION_TYPE, LOCAL_TYPES, TYPES, Tag},
    syntax::{Element, Tree},
};
use bureaucrat_model::{Fields, JsonText, View};
use std::collections::BTreeMap;

/// The type that a property declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyType {
    Int,
    Float,
    Str,
    Bool,
    Json,
}

/// Why a text is not a value of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    wanted: &'static str,
    /// What to write instead.
    hint: Option<&'static str>,
}

impl PropertyType {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "int" => Self::Int,
            "float" => Self::Float,
            "str" => Self::Str,
            "bool" => Self::Bool,
            "json" => Self::Json,
            _ => return None,
        })
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::Str => "str",
            Self::Bool => "bool",
            Self::Json => "json",
        }
    }

    /// The value that a person means who writes this text for a property of the type.
    ///
    /// # Errors
    /// What is expected instead, in words.
    pub fn value_of(self, text: &str) -> Result<JsonText, String> {
        self.read(text).map_err(|misfit| {
            let hint = misfit.hint.map(|hint| format!("; {hint}"));
            format!("expected {}{}", misfit.wanted, hint.unwrap_or_default())
        })
    }

    fn read(self, text: &str) -> Result<JsonText, Misfit> {
        let trimmed = text.trim();
        let (wanted, json) = match self {
            Self::Str => return Ok(JsonText::text(text)),
            Self::Int => ("an integer", integer_as_json(trimmed)),
            Self::Float => ("a finite number", float_as_json(trimmed)),
            Self::Bool => (
                "`true`, `false` or an integer (0 is false)",
                bool_as_json(trimmed),
            ),
            Self::Json => ("one JSON value", Some(trimmed.to_owned())),
        };
        let value = json.and_then(|json| JsonText::parse(&json).ok());
        value.ok_or_else(|| Misfit {
            wanted,
            hint: meant::value(self.name(), trimmed),
        })
    }
}

/// The declared types of a definition's properties, as far as it can be read: whether it is right is not asked.
pub(crate) fn declared(tree: &Tree<'_>) -> BTreeMap<String, PropertyType> {
    let children = |element: &Element<'_>, name: &'static str| {
        let children = element
            .children
            .iter()
            .filter_map(|child| tree.element(*child));
        let named = children.filter(|child| child.name == name);
        named.collect::<Vec<_>>()
    };
    let contexts = tree.element(0).map(|root| children(root, "context"));
    let properties = contexts.into_iter().flatten();
    properties
        .flat_map(|context| children(context, "property"))
        .filter_map(|property| {
            let name = property.attribute("name")?.value.to_string();
            Some((name, PropertyType::of(&property.attribute("type")?.value)?))
        })
        .collect()
}

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// The fields of a context; of two properties with one name the later one wins.
    pub(super) fn context(&mut self, node: &Node<'t, 's>) -> Context {
        let mut fields = Fields::new();
        let mut searchable = Vec::new();
        for (place, child) in node.children(Tag::Property).enumerate() {
            let limit = self.limits.properties;
            if !self.count(child.element.start, Counted::Properties, place + 1, limit) {
                break;
            }
            let child = self.shape(child);
            let name = child.element.attribute("name");
            let name = name.and_then(|name| self.nonempty(&child, "name", name));
            let value = self.value(child.element, name.unwrap_or_default(), &TYPES);
            if let Some(name) = name {
                self.declare(child.element, name);
            }
            if let Some(name) = name.filter(|name| name.starts_with(View::RESERVED)) {
                let found = cut(name);
                self.note(child.element.start, ValueProblem::ReservedName { found });
            }
            if let (Some(name), Some(value)) = (name, value) {
                fields.set(name, value);
            }
            if let Some(name) = name {
                self.searchable(&child, name, &mut searchable);
            }
        }
        Context { fields, searchable }
    }

    /// The fields that the context of an element declares.
    pub(super) fn locals(&mut self, node: &Node<'t, 's>) -> Vec<Local> {
        self.review_names(node, Tag::Local);
        let mut locals = Vec::new();
        for child in node.children(Tag::Local) {
            self.properties += 1;
            let (count, limit) = (self.properties, self.limits.properties);
            if !self.count(child.element.start, Counted::Properties, count, limit) {
                break;
            }
            let child = self.shape(child);
            let element = child.element;
            let Some(attribute) = element.attribute("name") else {
                continue;
            };
            let name = self.nonempty(&child, "name", attribute).map(str::to_owned);
            let is_reserved = |name: &String| name.starts_with(View::RESERVED);
            if let Some(name) = name.as_ref().filter(|name| is_reserved(name)) {
                let found = cut(name);
                self.note(attribute.value_start, ValueProblem::ReservedName { found });
            }
            let kind = element.attribute("type").map(|kind| &*kind.value);
            let value = match kind {
                Some(EXPRESSION_TYPE) => self.expression_text(element).map(Written::Computed),
                Some(_) | None => {
                    let name = name.as_deref().unwrap_or_default();
                    self.value(element, name, &LOCAL_TYPES).map(Written::Fixed)
                }
            };
            if let Some(name) = &name {
                self.declare_local(element, name);
            }
            if let (Some(name), Some(value)) = (name, value) {
                locals.push(Local { name, value });
            }
        }
        locals
    }

    /// The value of a property that may have one of these types.
    fn value(
        &mut self,
        element: &Element<'s>,
        property: &str,
        types: &'static [&'static str],
    ) -> Option<JsonText> {
        let kind = element.attribute("type")?;
        let Some(known) = PropertyType::of(&kind.value) else {
            let unknown = &*kind.value;
            let near = || nearest(unknown, types.iter().copied());
            let problem = match unknown {
                EXPRESSION_TYPE => ValueProblem::ExpressionOfProcess,
                _ => ValueProblem::UnknownType {
                    found: cut(unknown),
                    types,
                    nearest: meant::property_type(unknown).or_else(near),
                },
            };
            self.note(kind.value_start, problem);
            return None;
        };
        if known == PropertyType::Json {
            return self.json(element, property);
        }
        match known.read(element.text.as_str()) {
            Ok(value) => Some(value),
            // The value is in the wrong place, which has been noted.
            Err(_) if element.text.first_visible().is_none() && element.attributes.len() > 2 => {
                None
            }
            Err(Misfit { wanted, hint }) => {
                let offset = element.text.first_visible().unwrap_or(element.content);
                let problem = ValueProblem::BadProperty {
                    property: cut(property),
                    wanted,
                    found: cut(element.text.as_str().trim()),
                    hint,
                };
                self.note(offset, problem);
                None
            }
        }
    }

    fn json(&mut self, element: &Element<'s>, property: &str) -> Option<JsonText> {
        let text = element.text.trimmed();
        // Reading it into a tree, which `JsonText` alone does not do, limits the depth and finds
        // lone surrogates.
        let error = match serde_json::from_str::<serde_json::Value>(text.as_str()) {
            Ok(_) => return JsonText::parse(text.as_str()).ok(),
            Err(error) => error,
        };
        let theirs = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let at = json_offset(text.as_str(), error.line(), error.column());
        let theirs = theirs.strip_suffix(&place).unwrap_or(&theirs);
        let problem = ValueProblem::BadJson {
            property: cut(property),
            reason: meant::json(text.as_str(), at, theirs),
        };
        let offset = if text.as_str().is_empty() {
            element.content
        } else {
            text.offset(at)
        };
        self.note(offset, problem);
        None
    }
}

/// The byte offset of serde_json's position: its columns are bytes from 1, and 0 means the end of
/// the previous line.
fn json_offset(text: &str, line: usize, column: usize) -> usize {
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let start = starts.into_iter().nth(line.saturating_sub(1)).unwrap_or(0);
    let mut offset = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// An integer of any size as Python's `int` reads it, without underscores.
fn integer_as_json(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let is_integer = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_integer.then(|| format!("{sign}{}", without_zeros(digits)))
}

/// A finite float as Python's `float` reads it, without underscores, as a JSON number with `.`, `e` or `E`.
pub(crate) fn float_as_json(text: &str) -> Option<String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => unsigned.split_at(at),
        None => (unsigned, ""),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let power = exponent
        .get(1..)
        .map(|power| power.strip_prefix(['+', '-']).unwrap_or(power));
    if !digits(whole)
        || !digits(fraction.unwrap_or_default())
        || whole.len() + fraction.map_or(0, str::len) == 0
        || power.is_some_and(|power| power.is_empty() || !digits(power))
    {
        return None;
    }
    let fraction = match fraction {
        Some("") | None if exponent.is_empty() => ".0".to_owned(),
        Some("") | None => String::new(),
        Some(fraction) => format!(".{fraction}"),
    };
    let json = format!("{sign}{}{fraction}{exponent}", without_zeros(whole));
    let finite = json.parse::<f64>().is_ok_and(f64::is_finite);
    finite.then_some(json)
}

fn bool_as_json(text: &str) -> Option<String> {
    match text {
        "true" | "false" => Some(text.to_owned()),
        number => integer_as_json(number).map(|number| {
            let is_true = number.trim_start_matches('-') != "0";
            is_true.to_string()
        }),
    }
}

/// Digits without leading zeros, but at least one.
fn without_zeros(digits: &str) -> &str {
    match digits.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_any_size() {
        let big = "9".repeat(1_000);
        assert_eq!(integer_as_json(&big), Some(big));
        for (text, expected) in [
            ("0", Some("0")),
            ("-0", Some("-0")),
            ("007", Some("7")),
            ("+5", Some("5")),
            ("-12", Some("-12")),
            ("", None),
            ("-", None),
            ("1.0", None),
            ("1_0", None),
            ("+-1", None),
            ("٣", None),
        ] {
            assert_eq!(integer_as_json(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn floats_stay_as_written_or_become_json() {
        for (text, expected) in [
            ("1.50", Some("1.50")),
            ("-0.0", Some("-0.0")),
            ("1e3", Some("1e3")),
            ("1E+3", Some("1E+3")),
            ("3", Some("3.0")),
            (".5", Some("0.5")),
            ("5.", Some("5.0")),
            ("5.e2", Some("5e2")),
            ("+00.5", Some("0.5")),
            ("", None),
            (".", None),
            ("e5", None),
            ("1e", None),
            ("1e+", None),
            ("1.5.2", None),
            ("nan", None),
            ("inf", None),
            ("-Infinity", None),
            ("1e999", None),
            ("1_0.0", None),
        ] {
            assert_eq!(float_as_json(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn bools_are_integers_or_words() {
        for (text, expected) in [
            ("0", Some("false")),
            ("-00", Some("false")),
            ("7", Some("true")),
            ("true", Some("true")),
            ("false", Some("false")),
            ("True", None),
            ("", None),
            ("0.0", None),
        ] {
            assert_eq!(bool_as_json(text).as_deref(), expected, "{text}");
        }
    }
}
