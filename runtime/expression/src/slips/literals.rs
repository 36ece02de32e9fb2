//! Rules about texts, numbers, variables and white space that are written otherwise here.

use super::line::Line;
use super::scan::{Kind, is_invisible};
use super::symbols::field;
use super::{Rule, Slip};

pub(super) const RULES: &[Rule] = &[gap, quotes, dollar, number];

/// White space that Python does not know.
fn gap(line: &Line, at: usize) -> Option<Slip> {
    let token = line.tokens.get(at)?;
    let odd = token.gap.chars().find(|found| is_odd(*found))?;
    if token.gap.contains('#') {
        return None;
    }
    let mut slip = Slip::edit(odd_words(odd), at..at, "");
    slip.edits.clear();
    slip.respace = true;
    slip.offset_in_gap = token.gap.find(odd).map(|found| token.gap.len() - found);
    Some(slip)
}

/// Quotes of a word processor, backticks.
fn quotes(line: &Line, at: usize) -> Option<Slip> {
    if line.kind(at) != Some(Kind::Typographic) {
        return None;
    }
    let text = line.text(at);
    let quote = text.chars().next()?;
    let mut inner = text.chars();
    inner.next();
    inner.next_back();
    let inner = inner.as_str();
    let straight = if inner.contains('"') { '\'' } else { '"' };
    let words = match quote {
        '`' => "a text needs straight quotes (`\"` or `'`), not backticks".to_owned(),
        _ => format!("`{quote}` is a typographic quote; a text needs straight ones, `\"` or `'`"),
    };
    Some(Slip::edit(
        words,
        at..at + 1,
        &format!("{straight}{inner}{straight}"),
    ))
}

/// `$x`, `${x}`, `@x`.
fn dollar(line: &Line, at: usize) -> Option<Slip> {
    if !matches!(line.text(at), "$" | "@" | "#")
        || !line.is_joined(at + 1)
        || (at > 0 && line.ends_operand(at - 1))
    {
        return None;
    }
    let sign = line.text(at);
    if line.kind(at + 1) == Some(Kind::Number) && sign == "$" {
        let words = "a number is written without a currency".to_owned();
        return Some(Slip::edit(words, at..at + 2, line.text(at + 1)));
    }
    let (name, end) = match line.text(at + 1) {
        "{" if line.is(at + 3, "}") => (line.text(at + 2), at + 4),
        "{" | "(" => {
            let close = line.closer(at + 1)?;
            let words =
                format!("`{sign}{{…}}` belongs to a template; a condition is the expression alone");
            return Some(Slip::edit(
                words,
                at..close + 1,
                &line.source(at + 2..close),
            ));
        }
        name if line.kind(at + 1) == Some(Kind::Word) => (name, at + 2),
        _ => return None,
    };
    let field = field(name);
    let written = line.source(at..end);
    Some(Slip::edit(
        format!("`{written}` does not read a field; write `{field}`"),
        at..end,
        &field,
    ))
}

/// Numbers with units, dates, versions.
fn number(line: &Line, at: usize) -> Option<Slip> {
    if line.kind(at) != Some(Kind::Number) {
        return None;
    }
    let text = line.text(at);
    let is_date = line.is(at + 1, "-")
        && line.is(at + 3, "-")
        && text.len() == 4
        && (1..5).all(|place| line.is_joined(at + place))
        && line.kind(at + 4) == Some(Kind::Number);
    if is_date {
        let date = line.source(at..at + 5);
        let words = "a date is a text in quotes; texts in ISO form compare as dates do".to_owned();
        return Some(Slip::edit(words, at..at + 5, &format!("\"{date}\"")));
    }
    if text.contains("..") {
        return Some(Slip::told(
            "`..` makes no range; write `1 <= x <= 5`, or `x in range(1, 6)`",
        ));
    }
    if text.matches('.').count() > 1 {
        let words = format!("`{text}` is not a number; a version or date is a text in quotes");
        return Some(Slip::edit(words, at..at + 1, &format!("\"{text}\"")));
    }
    let digits = text
        .find(|found: char| found.is_alphabetic())
        .map(|end| text.split_at(end));
    let (digits, unit) = digits.filter(|(_, unit)| !is_python(unit))?;
    if text.starts_with("0x")
        || text.starts_with("0b")
        || text.starts_with("0o")
        || text.starts_with("0X")
    {
        return None;
    }
    let words = format!("`{text}` is not a number; write `{digits}` without `{unit}`");
    Some(Slip::edit(words, at..at + 1, digits))
}

/// Whether letters behind digits belong to a number of Python's.
fn is_python(unit: &str) -> bool {
    let exponent = unit.strip_prefix(['e', 'E']).unwrap_or("x");
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    matches!(unit, "j" | "J")
        || (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// White space that Python does not know.
pub(super) fn is_odd(found: char) -> bool {
    !found.is_ascii() && (found.is_whitespace() || is_invisible(found))
}

pub(super) fn odd_words(odd: char) -> String {
    let code = u32::from(odd);
    if is_invisible(odd) {
        return format!("there is an invisible character here, U+{code:04X}; remove it");
    }
    format!("this is U+{code:04X}, which only looks like a space; use a plain space")
}
