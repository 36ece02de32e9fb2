//! Searchable fields: which of a process's fields lists can be searched by, and what they hold.
//!
//! The engine keeps [`Searched`] in the head equal to the fields at the end of each step; the store
//! writes index rows of it. A text and a number are different, so that the text `"5"` and the number
//! 5 can both be found; numbers that Python calls equal are the same.

use crate::fields::{Fields, JsonText};
use serde::{Deserialize, Serialize};

/// What a searchable field holds, as the index has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Term {
    #[serde(rename = "1")]
    Text(String),
    /// In its shortest form: `5` for 5.0, too.
    #[serde(rename = "2")]
    Number(String),
    #[serde(rename = "3")]
    Truth(bool),
}

impl Term {
    /// The longest text, in bytes, that can be found.
    pub const BYTES: usize = 256;

    /// The term of a value; none for what cannot be searched for: lists, records, `null`, and texts
    /// and numbers that are too long.
    pub fn of(value: &JsonText) -> Option<Self> {
        // An escape is at most six times as long as what it means.
        const ESCAPED: usize = 6 * Term::BYTES + 2;
        let json = value.as_str();
        if json.len() > ESCAPED {
            return None;
        }
        match json.as_bytes().first()? {
            b'"' => value
                .as_text()
                .filter(|text| text.len() <= Self::BYTES)
                .map(Self::Text),
            b't' => Some(Self::Truth(true)),
            b'f' => Some(Self::Truth(false)),
            b'-' | b'0'..=b'9' => number(json).map(Self::Number),
            _ => None,
        }
    }

    /// What a person may mean who writes this value.
    pub fn meant_by(text: &str) -> Vec<Self> {
        let as_json = JsonText::parse(text).ok();
        let other = as_json.as_ref().and_then(Self::of);
        let text = (text.len() <= Self::BYTES).then(|| Self::Text(text.to_owned()));
        let other = other.filter(|term| !matches!(term, Self::Text(_)));
        text.into_iter().chain(other).collect()
    }
}

/// A JSON number in its shortest form.
fn number(json: &str) -> Option<String> {
    let short = match json.contains(['.', 'e', 'E']) {
        false => json.to_owned(),
        true => match json.parse::<f64>().ok().filter(|float| float.is_finite())? {
            // These are written without an exponent, as an integer is.
            float if float.fract() == 0.0 && float.abs() < 1e18 => format!("{float:.0}"),
            float => format!("{float:e}"),
        },
    };
    let short = if short == "-0" { "0".to_owned() } else { short };
    (short.len() <= Term::BYTES).then_some(short)
}

/// A field that lists can be searched by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    pub name: String,
    /// None while it holds nothing that can be searched for.
    pub term: Option<Term>,
}

impl Searched {
    /// Of a process that has not begun.
    pub const fn new(name: String) -> Self {
        Self { name, term: None }
    }

    /// The same field with what it holds now.
    #[must_use]
    pub fn in_fields(&self, fields: &Fields) -> Self {
        Self {
            name: self.name.clone(),
            term: fields.get(&self.name).and_then(Term::of),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn term(json: &str) -> Option<Term> {
        Term::of(&JsonText::parse(json).unwrap())
    }

    #[test]
    fn equal_numbers_are_one_term_and_texts_are_others() {
        let five = Some(Term::Number("5".into()));
        for json in ["5", "5.0", "5e0", "50E-1"] {
            assert_eq!(term(json), five, "{json}");
        }
        assert_eq!(term("-0.0"), term("0"));
        assert_eq!(term("0.1"), term("1e-1"));
        assert_ne!(term("0.1"), term("0.2"));
        assert_eq!(term(r#""5""#), Some(Term::Text("5".into())));
        assert_eq!(term("true"), Some(Term::Truth(true)));
        for json in ["null", "[]", "{}", "1e999"] {
            assert_eq!(term(json), None, "{json}");
        }
    }

    #[test]
    fn what_is_too_long_is_no_term() {
        for (length, is_term) in [(256, true), (257, false), (100_000, false)] {
            let text = JsonText::text(&"x".repeat(length));
            assert_eq!(Term::of(&text).is_some(), is_term);
            let number = JsonText::parse(&"9".repeat(length)).unwrap();
            assert_eq!(Term::of(&number).is_some(), is_term);
        }
        let escaped = JsonText::text(&"\u{1}".repeat(256));
        assert!(Term::of(&escaped).is_some());
    }

    #[test]
    fn a_written_value_finds_what_it_may_mean() {
        let text = |text: &str| Term::Text(text.into());
        assert_eq!(Term::meant_by("gold"), [text("gold")]);
        assert_eq!(
            Term::meant_by("5.0"),
            [text("5.0"), Term::Number("5".into())]
        );
        assert_eq!(Term::meant_by("true"), [text("true"), Term::Truth(true)]);
        assert_eq!(Term::meant_by("007"), [text("007")]);
        assert_eq!(Term::meant_by(""), [text("")]);
        assert_eq!(Term::meant_by("\"5\""), [text("\"5\"")]);
    }
}
