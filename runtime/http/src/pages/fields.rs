//! The fields of a form, as a browser sends them in a query or a body.

use crate::problem::Problem;
use bureaucrat_views::text::clean;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The most fields of a form.
const FIELDS_MAX: usize = 64;
/// What a part of an address may have as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields {
    given: Vec<(String, String)>,
    /// The first that was sent and is not UTF-8.
    not_text: Option<String>,
}

impl Fields {
    /// Reads them; one that is left empty is as one that is not there.
    ///
    /// # Errors
    /// If there are too many, or one is not UTF-8.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let mut fields = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            fields.add(decoded(name)?, decoded(value)?)?;
        }
        Ok(fields)
    }

    /// Adds one, unless it is left empty.
    ///
    /// # Errors
    /// If there are too many.
    pub fn add(&mut self, name: String, value: String) -> Result<(), Problem> {
        if self.given.len() == FIELDS_MAX {
            return Err(Problem::parameter("the form has too many fields"));
        }
        if !value.trim().is_empty() {
            self.given.push((name, value));
        }
        Ok(())
    }

    /// Notes one that is not UTF-8, so that the others can be kept.
    pub fn note_not_text(&mut self, name: String) {
        self.not_text.get_or_insert(name);
    }

    /// What is wrong if one is not UTF-8.
    pub fn not_text(&self) -> Option<Problem> {
        let name = self.not_text.as_deref()?;
        Some(Problem::body(format!("`{}` is not UTF-8", clean(name))))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(|(name, _)| name.as_str())
    }

    /// The first value of a field.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let own = self.given.iter().filter(move |(known, _)| known == name);
        own.map(|(_, value)| value.as_str())
    }

    /// The address of a page with these fields, but for some that are given.
    pub fn path(&self, page: &str, instead: &[(&str, &str)]) -> String {
        let own = self.given.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = own.filter(|(name, _)| instead.iter().all(|(other, _)| other != name));
        path(page, kept.chain(instead.iter().copied()))
    }
}

/// The address of a page with fields; empty ones are left out.
pub fn path<'a>(page: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = fields
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    match pairs.is_empty() {
        true => page.to_owned(),
        false => format!("{}?{}", page.trim_end_matches('?'), pairs.join("&")),
    }
}

/// A text as a part of an address.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

fn decoded(text: &str) -> Result<String, Problem> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    let decoded = decoded.map_err(|_| Problem::parameter("a field is not UTF-8"))?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_survive_an_address() {
        let hostile = "a&b=\"<script>'+ä\n?#/%";
        let address = path("/p", [("q", hostile), ("none", ""), ("q", "2")]);
        let (page, query) = address.split_once('?').unwrap();
        assert_eq!(page, "/p");
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~%=&".contains(c);
        assert!(query.chars().all(plain), "{query}");
        let fields = Fields::read(query).unwrap();
        assert_eq!(fields.all("q").collect::<Vec<_>>(), [hostile, "2"]);
        assert_eq!(fields.one("none"), None);
        assert_eq!(fields.path("/p", &[("q", "x y")]), "/p?q=x%20y");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert!(Fields::read("a=%ff").is_err());
        let many = "a=1&".repeat(FIELDS_MAX);
        assert!(Fields::read(&many).is_ok());
        assert!(Fields::read(&format!("{many}a=1")).is_err());
        assert_eq!(Fields::read("&&a=&b=+").unwrap(), Fields::default());
    }
}
