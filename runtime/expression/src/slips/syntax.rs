//! What is wrong with a text that no rule knows, in words: brackets, quotes, operands.

use super::line::{KEYWORDS, Line};
use super::scan::Kind;

/// The operators that need a value on their right.
const OPERATORS: &[&str] = &[
    "and", "or", "not", "in", "is", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "//",
    "%", "**", "if", "else", "|", "&", "^", "<<", ">>", "~",
];

/// Why the text is not an expression, and at which offset; the parser's own words where nothing better is known.
pub(super) fn explain(line: &Line, offset: usize, theirs: &str) -> (usize, String) {
    quotes(line)
        .or_else(|| brackets(line))
        .or_else(|| operands(line))
        .unwrap_or_else(|| (offset, plain(theirs)))
}

fn at(line: &Line, place: usize, words: String) -> (usize, String) {
    (
        line.tokens.get(place).map_or(0, |token| token.offset),
        words,
    )
}

fn quotes(line: &Line) -> Option<(usize, String)> {
    let place = (0..line.len()).find(|place| line.kind(*place) == Some(Kind::Unclosed))?;
    let quote = line
        .text(place)
        .trim_start_matches(char::is_alphabetic)
        .chars()
        .next()?;
    Some(at(
        line,
        place,
        format!("the text that begins here is not closed; a `{quote}` is missing"),
    ))
}

fn brackets(line: &Line) -> Option<(usize, String)> {
    let mut open = Vec::new();
    for place in 0..line.len() {
        match line.text(place) {
            "(" | "[" | "{" => open.push(place),
            found @ (")" | "]" | "}") => {
                let Some(opening) = open.pop() else {
                    return Some(at(
                        line,
                        place,
                        format!("this `{found}` closes nothing; a bracket before it is missing"),
                    ));
                };
                let expected = partner(line.text(opening));
                if expected != found {
                    let words = format!(
                        "found `{found}`; the `{}` before it needs `{expected}`",
                        line.text(opening)
                    );
                    return Some(at(line, place, words));
                }
            }
            _ => {}
        }
    }
    let place = open.pop()?;
    let words = format!(
        "this `{}` is not closed; a `{}` is missing",
        line.text(place),
        partner(line.text(place))
    );
    Some(at(line, place, words))
}

fn partner(opening: &str) -> &'static str {
    match opening {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

fn operands(line: &Line) -> Option<(usize, String)> {
    for place in 0..line.len() {
        let text = line.text(place);
        let next = place + 1;
        let binds = OPERATORS.contains(&text) && line.kind(place) != Some(Kind::Text);
        let unary = matches!(line.text(next), "not" | "-" | "+" | "~" | "lambda");
        let pair = matches!((text, line.text(next)), ("is", "not") | ("not", "in"));
        if binds && !line.begins_operand(next) && !unary && !pair {
            let words = match line.text(next) {
                "" => format!("a value is missing after `{text}`"),
                found => format!("a value is missing between `{text}` and `{found}`"),
            };
            return Some(at(line, place, words));
        }
        let two = line.ends_operand(place)
            && line.begins_operand(next)
            && !matches!(line.text(next), "(" | "[" | "-" | "not" | "{")
            && !(line.kind(place) == Some(Kind::Text) && line.kind(next) == Some(Kind::Text));
        if two {
            let words = format!(
                "an operator is missing between `{}` and `{}`",
                shown(text),
                shown(line.text(next))
            );
            return Some(at(line, next, words));
        }
        if place == 0 && binds && !matches!(text, "not" | "-" | "+" | "~") {
            return Some(at(
                line,
                place,
                format!("a value is missing before `{text}`"),
            ));
        }
    }
    let last = line.len().checked_sub(1)?;
    let word = line.text(last);
    (KEYWORDS.contains(&word) && !line.ends_operand(last)).then(|| {
        at(
            line,
            last,
            format!("the expression ends with `{word}`; something must follow"),
        )
    })
}

fn shown(text: &str) -> String {
    text.chars().take(30).collect()
}

/// The parser's words as ours: it is given the text in brackets, which the user did not write.
fn plain(theirs: &str) -> String {
    let lower = theirs
        .strip_prefix("Expected")
        .map(|rest| format!("expected{rest}"));
    let words = lower.unwrap_or_else(|| {
        let mut characters = theirs.chars();
        let first = characters
            .next()
            .map(|first| first.to_lowercase().to_string());
        first.unwrap_or_default() + characters.as_str()
    });
    format!(
        "this is not an expression of Python: {}",
        words.replace("expected `)`", "expected an operator or the end")
    )
}
