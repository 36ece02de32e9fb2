//! Rules about the whole text: statements, templates, quotes around everything.

use super::Slip;
use super::line::Line;
use super::scan::Kind;
use super::tables::{LEADING, SETS, STATEMENTS, found};

/// Pairs that templates put around an expression.
const WRAPPERS: &[(&str, &str)] = &[
    ("{{", "}}"),
    ("{%", "%}"),
    ("<%=", "%>"),
    ("<%", "%>"),
    ("${", "}"),
    ("#{", "}"),
    ("$((", "))"),
    ("$(", ")"),
    ("[[", "]]"),
];

/// What is inside a template's marks, and the marks.
pub(super) fn unwrapped(source: &str) -> Option<(&'static str, &'static str, &str)> {
    let text = source.trim();
    WRAPPERS.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        let brackets =
            inner.matches(['[', '{', '(']).count() == inner.matches([']', '}', ')']).count();
        (brackets && (*open != "[[" || text.starts_with("[[ "))).then_some((
            *open,
            *close,
            inner.trim(),
        ))
    })
}

/// What the first words make of the text.
pub(super) fn leading(line: &Line) -> Option<Slip> {
    let word = line.text(0);
    if line.kind(0) == Some(Kind::Symbol) {
        return percents(line);
    }
    if line.kind(0) != Some(Kind::Word) || line.len() < 2 {
        return None;
    }
    if let Some(slip) = function(line) {
        return Some(slip);
    }
    // `test == 1`, `print(x)` and `set(x)` are no statements.
    let is_statement = line.begins_operand(1)
        && !(matches!(line.text(1), "(" | "[")
            && line.is_joined(1)
            && !matches!(word, "if" | "while" | "elif"));
    if STATEMENTS.contains(&word) && (is_statement || matches!(line.text(1), ":" | "{" | "*")) {
        let module = (0..line.len()).any(|at| line.is(at, "datetime") || line.is(at, "time"));
        if matches!(word, "import" | "from") && module {
            return Some(Slip::told(
                "nothing is imported; `datetime`, `date`, `time`, `timedelta`, `timezone` and \
                 `now()` are built in",
            ));
        }
        let words =
            format!("`{word}` begins a statement; a condition is one expression that has a value");
        return Some(Slip::told(&words));
    }
    let words = found(LEADING, word).filter(|_| is_statement)?;
    if words == SETS {
        return Some(Slip::told(words));
    }
    let body = body(line);
    if word == "unless" {
        return Some(Slip::edit(
            words.to_owned(),
            0..line.len(),
            &format!("not ({})", line.source(body)),
        ));
    }
    Some(Slip::edit(
        words.to_owned(),
        0..line.len(),
        &line.source(body),
    ))
}

/// `def f(): …`, `x => …` and `function (x) {…}` at the start.
fn function(line: &Line) -> Option<Slip> {
    let is_typed = [
        "int", "str", "string", "String", "bool", "boolean", "float", "double", "auto", "char",
        "long",
    ]
    .contains(&line.text(0))
        && line.kind(1) == Some(Kind::Word)
        && line.is(2, "=");
    is_typed.then(|| Slip::told(SETS))
}

/// What follows the first word, up to a `:`, `then` or `{` outside brackets; brackets around all of it are left out.
fn body(line: &Line) -> std::ops::Range<usize> {
    let mut end = line.len();
    let mut at = 1;
    while at < line.len() {
        match line.text(at) {
            "{" if at > 1 && line.ends_operand(at - 1) => {
                end = at;
                break;
            }
            "(" | "[" | "{" => at = line.closer(at).unwrap_or(line.len()),
            ":" | "then" | "THEN" | ";" => {
                end = at;
                break;
            }
            _ => {}
        }
        at += 1;
    }
    if line.is(1, "(") && line.closer(1) == Some(end.wrapping_sub(1)) {
        return 2..end - 1;
    }
    1..end
}

/// `%x%`.
fn percents(line: &Line) -> Option<Slip> {
    let is_variable = line.is(0, "%")
        && line.kind(1) == Some(Kind::Word)
        && line.is(2, "%")
        && line.is_joined(1)
        && line.is_joined(2);
    let name = line.text(1);
    is_variable.then(|| {
        let field = super::symbols::field(name);
        let words = format!("`%{name}%` does not read a field; write `{field}`");
        Slip::edit(words, 0..3, &field)
    })
}
