//! Rules about operators that are words: `AND`, `contains`, `between`.

use super::line::{KEYWORDS, Line};
use super::names::{is_called, is_free};
use super::tables::{self, found};
use super::{Rule, Slip};

pub(super) const RULES: &[Rule] = &[infix];

/// Operators that are words: `AND`, `contains`, `between`.
fn infix(line: &Line, at: usize) -> Option<Slip> {
    if !is_free(line, at) || KEYWORDS.contains(&line.text(at)) {
        return None;
    }
    let word = line.text(at);
    if matches!(word, "NOT" | "Not") && line.begins_operand(at + 1)
        || matches!(word, "NOT") && !is_called(line, at)
    {
        return Some(Slip::edit(
            format!("`{word}` is written `not`"),
            at..at + 1,
            "not",
        ));
    }
    if matches!(word, "AND" | "OR")
        && is_called(line, at)
        && (at == 0 || !line.ends_operand(at - 1))
    {
        return Some(spreadsheet(line, at));
    }
    if let Some(words) = found(tables::FOREIGN_WORDS, word) {
        return Some(Slip::told(words));
    }
    let is_negated = matches!(word, "IN" | "In") && line.before(at) == "not";
    if is_negated {
        return Some(Slip::edit(
            format!("`{word}` is written `in`"),
            at..at + 1,
            "in",
        ));
    }
    if at == 0 || !line.ends_operand(at - 1) {
        return None;
    }
    if let Some(meant) = found(tables::INFIX_WORDS, word) {
        if word == "instanceof" {
            return Some(Slip::told("`instanceof` is written `isinstance(x, str)`"));
        }
        return Some(Slip::edit(
            format!("`{word}` is written `{meant}`"),
            at..at + 1,
            meant,
        ));
    }
    let left = line.primary_start(at - 1)?;
    let source = line.source(left..at);
    match &*word.to_ascii_lowercase() {
        "contains" | "has" | "includes" => {
            let end = line.primary_end(at + 1)?;
            let meant = format!("{} in {source}", line.source(at + 1..end));
            Some(Slip::edit(
                format!("`a {word} b` is written `b in a`"),
                left..end,
                &meant,
            ))
        }
        name @ ("startswith" | "endswith" | "starts_with" | "ends_with") => {
            let name = name.replace('_', "");
            let end = line.primary_end(at + 1)?;
            let meant = format!("{source}.{name}({})", line.source(at + 1..end));
            Some(Slip::edit(
                format!("`{name}` is a method of text"),
                left..end,
                &meant,
            ))
        }
        "between" => between(line, left, at),
        "like" | "ilike" | "matches" | "rlike" | "regexp" => Some(Slip::told(
            "there are no patterns; use `in`, `startswith` or `endswith`",
        )),
        "then" | "end" | "endif" | "do" => Some(Slip::told(
            "a condition is one expression, without `then` and `end`",
        )),
        _ => None,
    }
}

/// `AND(a, b)`.
fn spreadsheet(line: &Line, at: usize) -> Slip {
    let operator = line.text(at).to_ascii_lowercase();
    let words = format!("`{}(a, b)` is written `a {operator} b`", line.text(at));
    let Some((arguments, close)) = line.arguments(at + 1).zip(line.closer(at + 1)) else {
        return Slip::told(&words);
    };
    let sides: Vec<String> = arguments
        .into_iter()
        .map(|range| line.source(range))
        .collect();
    Slip::edit(
        words,
        at..close + 1,
        &format!("({})", sides.join(&format!(" {operator} "))),
    )
}

fn between(line: &Line, left: usize, at: usize) -> Option<Slip> {
    let words = "`x between a and b` is written `a <= x <= b`";
    let low = line.primary_end(at + 1)?;
    if !line.text(low).eq_ignore_ascii_case("and") {
        return Some(Slip::told(words));
    }
    let high = line.primary_end(low + 1)?;
    let chain = format!(
        "{} <= {} <= {}",
        line.source(at + 1..low),
        line.source(left..at),
        line.source(low + 1..high)
    );
    Some(Slip::edit(words.to_owned(), left..high, &chain))
}
