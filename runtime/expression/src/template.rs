//! Templates: texts with expressions in braces, which are the bodies of f-strings.
//!
//! A text without `{` is plain. Any other is compiled as Python 3.12 compiles the body of a raw
//! f-string: quotes are free, backslashes are characters, `{{` and `}}` are braces. Places in
//! refusals are those of the template's text.

use std::ops::Range;

use crate::ir::Node;
use crate::parse::{self, Refused};
use crate::{Expression, Refusal, check, parse_unexplained};

/// What the text of an attribute is.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    Plain(String),
    /// Its value is always a text.
    Computed(Box<Expression>),
}

/// The quotes that a body can be put in.
const QUOTES: [&str; 2] = ["\"\"\"", "'''"];

/// What precedes the quotes.
const PREFIX: &str = "rf";

/// Reads a template.
///
/// # Errors
/// As [`parse`](crate::parse()) has them, for the first expression that is refused.
pub fn template(text: &str) -> Result<Template, Refusal> {
    read(text).map_err(|refused| explained(text, refused.refusal()))
}

/// As [`template`], but does not look for what was meant: for refusals that nobody reads.
///
/// # Errors
/// As [`template`] has them, in fewer words.
pub fn template_unexplained(text: &str) -> Result<Template, Refusal> {
    read(text).map_err(|refused| placed(refused.refusal()))
}

fn read(text: &str) -> Result<Template, Refused> {
    if !text.contains('{') {
        return Ok(Template::Plain(text.to_owned()));
    }
    // What follows the last brace is text, and need not go through quotes.
    let end = text.rfind('}').map_or(text.len(), |at| at + 1);
    let tail = text.get(end..).unwrap_or_default().replace("{{", "{");
    let is_text = end + tail.len() + tail.matches('{').count() == text.len();
    let (body, tail) = match is_text {
        true => (text.get(..end).unwrap_or_default(), tail),
        false => (text, String::new()),
    };
    let Some(quotes) = QUOTES.iter().find(|quotes| !body.contains(*quotes)) else {
        return Err(Refused::from(Refusal {
            reason: "a template cannot contain both `\"\"\"` and `'''`".to_owned(),
            line: 1,
            column: 1 + (PREFIX.len() + 3) as u32,
            suggestion: None,
        }));
    };
    let mut expression = parse::plain(&format!("{PREFIX}{quotes}{body}{quotes}"))?;
    if !tail.is_empty() {
        let whole = check::joined(vec![expression.node, Node::text(tail)]);
        expression.node = whole;
        expression.source_bytes = text.len();
    }
    Ok(Template::Computed(Box::new(expression)))
}

/// A refusal with its place in the template, not in the f-string.
fn placed(mut refusal: Refusal) -> Refusal {
    if refusal.line == 1 {
        let added = (PREFIX.len() + 3) as u32;
        refusal.column = refusal.column.saturating_sub(added).max(1);
    }
    if let Some(reason) = refusal.reason.strip_prefix("f-string: ") {
        refusal.reason = reason.to_owned();
    }
    refusal.suggestion = None;
    refusal
}

/// The refusal of the first expression that is refused alone, in the words that it gets there.
fn explained(text: &str, refusal: Refusal) -> Refusal {
    for range in expressions(text) {
        let before = text.get(..range.start).unwrap_or_default();
        let lines = before.matches('\n').count() as u32;
        let columns = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count() as u32;
        if range.end == text.len() {
            return Refusal {
                reason: "this `{` begins an expression, and no `}` ends it; a brace itself is \
                         written `{{`"
                    .to_owned(),
                line: 1 + lines,
                column: columns.max(1),
                suggestion: None,
            };
        }
        let source = text.get(range.clone()).unwrap_or_default();
        if parse_unexplained(source).is_ok() {
            continue;
        }
        let Err(mut refusal) = crate::parse(source) else {
            continue;
        };
        if refusal.line == 1 {
            refusal.column += columns;
        }
        refusal.line += lines;
        refusal.suggestion = refusal.suggestion.and_then(|meant| {
            let after = text.get(range.end..).unwrap_or_default();
            // Attributes are usually in double quotes.
            let meant = match source.contains('"') || meant.contains('\'') {
                true => meant,
                false => meant.replace('"', "'"),
            };
            // A brace at the start would double the template's own.
            let space = if meant.starts_with('{') { " " } else { "" };
            let whole = format!("{before}{space}{meant}{after}");
            read(&whole).is_ok().then_some(whole)
        });
        return refusal;
    }
    placed(refusal)
}

/// Where the expressions seem to be. It need not be exact: it only chooses the words of a refusal.
fn expressions(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(at) = text.get(rest..).and_then(|after| after.find('{')) {
        let start = rest + at + 1;
        let after = text.get(start..).unwrap_or_default();
        if after.starts_with('{') {
            rest = start + 1;
            continue;
        }
        let end = start + length(after);
        found.push(start..end);
        let close = text.get(end..).and_then(|after| after.find('}'));
        rest = close.map_or(text.len(), |close| end + close + 1);
    }
    found
}

/// How long the expression at the start is: up to `}`, a format, a conversion or a debugging `=`.
fn length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => depth += 1,
            (None, '}' | ':') if depth == 0 => return at,
            (None, '!') if depth == 0 && next != Some('=') => return at,
            (None, '=') if depth == 0 && next == Some('}') => return at,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    text.len()
}
