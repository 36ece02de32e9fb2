//! Attributes of a tag: quick-xml finds them, this refuses what XML does not allow and resolves references.

use super::references;
use crate::{
    Limits,
    collector::Diagnostics,
    diagnostic::{Counted, XmlProblem, cut},
    syntax::Attribute,
};
use quick_xml::events::attributes::{AttrError, Attributes};
use std::borrow::Cow;

/// Reads the attributes after the name in `inner`, the text between `<` and `>`. The name is
/// `length` bytes long and `inner` begins at `start`. Invalid attributes are reported and left out;
/// the second value is their number.
pub(super) fn read<'s>(
    inner: &'s str,
    length: usize,
    start: usize,
    limit: usize,
    diagnostics: &mut Diagnostics<'_>,
) -> (Vec<Attribute<'s>>, usize) {
    let mut found: Vec<Attribute<'s>> = Vec::new();
    let mut refused_count = 0;
    let mut attributes = Attributes::new(inner, length);
    // Duplicates are looked for below, among the few that are kept.
    attributes.with_checks(false);
    for attribute in attributes {
        let (name, value) = match attribute {
            Ok(attribute) => (attribute.key.0, attribute.value),
            Err(error) => {
                let (at, problem) = malformed(&error);
                diagnostics.push(start + at, XmlProblem::MalformedAttribute { problem });
                // After a problem it is guesswork what is a name and what a value.
                return (found, refused_count + 1);
            }
        };
        let Cow::Borrowed(raw) = value else {
            continue;
        };
        if found.len() == Limits::ATTRIBUTES {
            let (what, limit) = (Counted::Attributes, Limits::ATTRIBUTES);
            diagnostics.push(
                start + within(inner, name),
                XmlProblem::TooMany { what, limit },
            );
            return (found, refused_count + 1);
        }
        let name_start = start + within(inner, name);
        let value_start = start + within(inner, raw);
        if let Some(problem) = refused(inner, name, raw, limit, &found) {
            diagnostics.push(name_start, problem);
            refused_count += 1;
            continue;
        }
        match unescaped(raw, value_start, diagnostics) {
            Some(value) => found.push(Attribute {
                name,
                start: name_start,
                value,
                value_start,
            }),
            None => refused_count += 1,
        }
    }
    (found, refused_count)
}

/// Where `part` begins in `whole`, of which it is a slice.
fn within(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

fn malformed(error: &AttrError) -> (usize, &'static str) {
    match error {
        AttrError::ExpectedEq(at) => (*at, "expected `=` after the name"),
        AttrError::ExpectedValue(at) => (*at, "expected a value after `=`"),
        AttrError::UnquotedValue(at) => (*at, "the value needs straight quotes, `\"` or `'`"),
        AttrError::ExpectedQuote(at, _) => (*at, "the quote of the value is missing"),
        AttrError::Duplicated(at, _) => (*at, "each name is allowed once"),
    }
}

fn refused(
    inner: &str,
    name: &str,
    raw: &str,
    limit: usize,
    found: &[Attribute<'_>],
) -> Option<XmlProblem> {
    let before = inner.as_bytes()[..within(inner, name)].last();
    if !matches!(before, Some(b' ' | b'\t' | b'\n' | b'\r')) {
        let problem = "expected white space before the name";
        return Some(XmlProblem::MalformedAttribute { problem });
    }
    if !references::is_name(name) {
        let problem = "a name begins with a letter";
        return Some(XmlProblem::MalformedAttribute { problem });
    }
    if raw.contains('<') {
        let problem = "`<` in the value is written `&lt;`";
        return Some(XmlProblem::MalformedAttribute { problem });
    }
    if found.iter().any(|other| other.name == name) {
        let attribute = cut(name);
        return Some(XmlProblem::DuplicateAttribute { attribute });
    }
    if raw.len() > limit {
        let what = Counted::AttributeBytes;
        return Some(XmlProblem::TooMany { what, limit });
    }
    None
}

/// The value of `raw` at `start`: references resolved, literal white space turned into spaces.
fn unescaped<'s>(
    raw: &'s str,
    start: usize,
    diagnostics: &mut Diagnostics<'_>,
) -> Option<Cow<'s, str>> {
    if !raw.contains(['&', '\t', '\n', '\r']) {
        return Some(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        push_spaced(&rest[..at], &mut value);
        let offset = start + (raw.len() - rest.len()) + at;
        let Some(length) = rest[at..].find(';') else {
            let markup = crate::diagnostic::Markup::Reference;
            diagnostics.push(offset, XmlProblem::Unclosed(markup));
            return None;
        };
        match references::resolve(&rest[at + 1..at + length]) {
            Ok(character) => value.push(character),
            Err(problem) => {
                diagnostics.push(offset, problem);
                return None;
            }
        }
        rest = &rest[at + length + 1..];
    }
    push_spaced(rest, &mut value);
    Some(Cow::Owned(value))
}

/// Appends a literal part of a value: a line end, of one character or two, or a tab is one space.
fn push_spaced(part: &str, value: &mut String) {
    let mut after_return = false;
    for character in part.chars() {
        match character {
            '\n' if after_return => {}
            '\t' | '\n' | '\r' => value.push(' '),
            other => value.push(other),
        }
        after_return = character == '\r';
    }
}
