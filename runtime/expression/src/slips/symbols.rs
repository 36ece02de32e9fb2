//! Rules about operators that are symbols, and marks between expressions.

use super::line::Line;
use super::scan::Kind;
use super::tables::{self, REGEX, found};
use super::{Rule, Slip};

pub(super) const RULES: &[Rule] = &[
    escaped,
    filter,
    known,
    question,
    equals,
    divided,
    exclamation,
    steps,
    shell,
    missing_left,
    semicolon,
    comment,
];

/// `&lt;`, once more than it was resolved.
fn escaped(line: &Line, at: usize) -> Option<Slip> {
    let names = [
        ("lt", "<"),
        ("gt", ">"),
        ("amp", "&"),
        ("quot", "\""),
        ("apos", "'"),
    ];
    if !line.is(at, "&") || !line.is(at + 2, ";") {
        return None;
    }
    let name = line.text(at + 1);
    let meant = found(&names, name)?;
    let shown = format!("`&{name};` is how XML writes `{meant}`");
    let words = format!("{shown}; outside XML, write `{meant}`");
    if matches!(name, "quot" | "apos") {
        let close = (at + 3..line.len()).find(|close| {
            line.is(*close, "&") && line.is(close + 1, name) && line.is(close + 2, ";")
        })?;
        let text = format!("{meant}{}{meant}", line.source(at + 3..close));
        return Some(Slip::edit(words, at..close + 3, &text));
    }
    if name == "amp" && line.is(at + 3, "&") && line.is(at + 4, "amp") {
        return Some(Slip::edit(words, at..at + 6, "and"));
    }
    if line.is(at + 3, "=") {
        return Some(Slip::edit(words, at..at + 4, &format!("{meant}=")));
    }
    Some(Slip::edit(words, at..at + 3, meant))
}

/// Operators with another spelling.
fn known(line: &Line, at: usize) -> Option<Slip> {
    if line.kind(at) != Some(Kind::Symbol) {
        return None;
    }
    let symbol = line.text(at);
    if symbol == "<" && line.is(at + 1, ">") && line.is_joined(at + 1) {
        return Some(Slip::edit(
            "`<>` is written `!=`".to_owned(),
            at..at + 2,
            "!=",
        ));
    }
    if symbol == "=>"
        && (line.before(at) == ")" || line.is_bound(line.before(at)) || in_call(line, at))
    {
        let words = "`=>` makes no function here; write a comprehension, as in `any(x > 1 for x in context[\"list\"])`";
        return Some(Slip::told(words));
    }
    let meant = found(tables::SYMBOLS, symbol)?;
    Some(Slip::edit(
        format!("`{symbol}` is written `{meant}`"),
        at..at + 1,
        meant,
    ))
}

fn in_call(line: &Line, at: usize) -> bool {
    let open = line.bracket_around(at);
    open.is_some_and(|open| line.is(open, "(") && open > 0 && line.ends_operand(open - 1))
}

/// `c ? a : b`, `a ?: b`, `a ?? b`.
fn question(line: &Line, at: usize) -> Option<Slip> {
    match line.text(at) {
        "?" => {
            let around = line.bracket_around(at);
            let first = around.map_or(0, |open| open + 1);
            let last = around
                .and_then(|open| line.closer(open))
                .unwrap_or(line.len());
            let words = "`c ? a : b` is written `a if c else b`";
            let colon = (at..last)
                .find(|place| line.is(*place, ":") && line.bracket_around(*place) == around);
            let Some(colon) = colon else {
                return Some(Slip::told(words));
            };
            let choice = format!(
                "{} if {} else {}",
                line.source(at + 1..colon),
                line.source(first..at),
                line.source(colon + 1..last)
            );
            Some(Slip::edit(words.to_owned(), first..last, &choice))
        }
        symbol @ ("??" | "?:") => {
            let words = format!(
                "`{symbol}` does not exist here; a field that may be missing is `context.get(\"x\", default)`"
            );
            let start = at
                .checked_sub(1)
                .and_then(|before| line.primary_start(before))?;
            let is_field = line.is(start, "context")
                && line.is(start + 1, "[")
                && line.closer(start + 1) == Some(at - 1);
            if !is_field {
                return Some(Slip::told(&words));
            }
            let end = line.primary_end(at + 1)?;
            let read = format!(
                "context.get({}, {})",
                line.source(start + 2..at - 1),
                line.source(at + 1..end)
            );
            Some(Slip::edit(words, start..end, &read))
        }
        _ => None,
    }
}

/// `=` for `==`, `= =`, `+=` and its like.
fn equals(line: &Line, at: usize) -> Option<Slip> {
    let symbol = line.text(at);
    if ["+=", "-=", "*=", "/=", "%=", "//=", "**="].contains(&symbol) {
        return Some(Slip::told(tables::SETS));
    }
    if ["<", ">", "!", "="].contains(&symbol) && line.is(at + 1, "=") {
        let meant = format!("{symbol}=");
        return Some(Slip::edit(
            format!("`{symbol} =` is written `{meant}`"),
            at..at + 2,
            &meant,
        ));
    }
    if symbol == "==" && line.is(at + 1, "=") {
        return Some(Slip::edit(
            "`===` is written `==`".to_owned(),
            at..at + 2,
            "==",
        ));
    }
    if symbol != "=" {
        return None;
    }
    if at == 0 {
        return Some(Slip::edit(
            "a condition begins without `=`".to_owned(),
            0..1,
            "",
        ));
    }
    let is_keyword = at > 0
        && line.kind(at - 1) == Some(Kind::Word)
        && at
            .checked_sub(2)
            .is_some_and(|before| matches!(line.text(before), "(" | ","))
        && in_call(line, at);
    if is_keyword || line.before(at) == "lambda" {
        return None;
    }
    Some(Slip::edit(
        "`=` sets a value; to compare, write `==`".to_owned(),
        at..at + 1,
        "==",
    ))
}

/// `//` at the end as a comment of C's.
fn comment(line: &Line, at: usize) -> Option<Slip> {
    if line.is(at, "/*") {
        let end = (at..line.len()).find(|end| line.is(*end, "*/"));
        let words = "a comment begins with `#` here".to_owned();
        return Some(Slip::edit(
            words,
            at..end.map_or(line.len(), |end| end + 1),
            "",
        ));
    }
    None
}

fn divided(line: &Line, at: usize) -> Option<Slip> {
    if !line.is(at, "//") || at == 0 {
        return None;
    }
    let rest_is_no_operand = line.kind(at + 1) == Some(Kind::Word)
        && line.kind(at + 2) == Some(Kind::Word)
        && !super::line::KEYWORDS.contains(&line.text(at + 2));
    if !rest_is_no_operand && at + 1 < line.len() {
        return None;
    }
    let words = "a comment begins with `#` here; `//` divides".to_owned();
    Some(Slip::edit(words, at..line.len(), ""))
}

/// `x|length`.
fn filter(line: &Line, at: usize) -> Option<Slip> {
    if !line.is(at, "|") || at == 0 || line.is(at + 2, "(") {
        return None;
    }
    let name = line.text(at + 1);
    let start = line.primary_start(at - 1)?;
    let value = line.source(start..at);
    let meant = match found(tables::FUNCTIONS, name).or_else(|| found(tables::FUNCTIONS_OF, name)) {
        Some(function) => format!("{function}({value})"),
        None => format!("{value}.{}()", found(tables::METHODS_OF, name)?),
    };
    let words = format!("`|{name}` is a template's filter; write `{meant}`");
    Some(Slip::edit(words, start..at + 2, &meant))
}

/// `!x`.
fn exclamation(line: &Line, at: usize) -> Option<Slip> {
    match line.text(at) {
        "!" => Some(Slip::edit(
            "`!` is written `not`".to_owned(),
            at..at + 1,
            "not ",
        )),
        symbol @ ("=~" | "!~") => Some(Slip::told(&format!(
            "`{symbol}` does not exist here: {REGEX}"
        ))),
        _ => None,
    }
}

/// `x++`.
fn steps(line: &Line, at: usize) -> Option<Slip> {
    let is_step = matches!(line.text(at), "++" | "--") && !line.begins_operand(at + 1);
    is_step.then(|| Slip::told(tables::SETS))
}

/// `[ "$x" -eq 3 ]`, `-z`.
fn shell(line: &Line, at: usize) -> Option<Slip> {
    if !line.is(at, "-") || !line.is_joined(at + 1) || at == 0 || !line.ends_operand(at - 1) {
        return None;
    }
    let name = line.text(at + 1);
    let is_shell =
        ["eq", "ne", "lt", "le", "gt", "ge"].contains(&name) && line.begins_operand(at + 2);
    let meant = found(tables::INFIX_WORDS, name).filter(|_| is_shell)?;
    let left = line.text(at - 1).trim_matches(['"', '\'']);
    if let Some(variable) = left
        .strip_prefix('$')
        .filter(|_| line.kind(at - 1) == Some(Kind::Text))
    {
        let variable = variable.trim_matches(['{', '}']);
        let test = format!("{} {meant}", field(variable));
        let words = format!("`-{name}` is the shell's; write `{meant}`");
        return Some(Slip::edit(words, at - 1..at + 2, &test));
    }
    Some(Slip::edit(
        format!("`-{name}` is the shell's; write `{meant}`"),
        at..at + 2,
        meant,
    ))
}

/// How a field of this name is read.
pub(super) fn field(name: &str) -> String {
    if name == "context" {
        return name.to_owned();
    }
    format!("context[\"{name}\"]")
}

/// `a > 1 and < 5`.
fn missing_left(line: &Line, at: usize) -> Option<Slip> {
    let comparisons = ["<", ">", "<=", ">=", "==", "!="];
    if !matches!(line.text(at), "and" | "or") || !comparisons.contains(&line.text(at + 1)) {
        return None;
    }
    let words = "a comparison has two sides: repeat the left one";
    let before = (0..at)
        .rev()
        .find(|place| comparisons.contains(&line.text(*place)));
    let left = before.filter(|place| *place > 0).and_then(|place| {
        let start = line.primary_start(place - 1)?;
        Some(line.source(start..place))
    });
    Some(match left {
        Some(left) => {
            let repeated = format!("{} {left}", line.text(at));
            Slip::edit(words.to_owned(), at..at + 1, &repeated)
        }
        None => Slip::told(words),
    })
}

/// `;` at the end.
fn semicolon(line: &Line, at: usize) -> Option<Slip> {
    if !line.is(at, ";") {
        return None;
    }
    if at + 1 == line.len() {
        let words = "a condition ends without `;`".to_owned();
        return Some(Slip::edit(words, at..at + 1, ""));
    }
    Some(Slip::told(
        "a condition is one expression; join several by `and` or `or`",
    ))
}
