//! Rules about methods and functions that are called otherwise here, or do not exist.

use super::line::{KEYWORDS, Line};
use super::names::{TYPES, is_called, is_free};
use super::scan::Kind;
use super::tables::{self, found};
use super::{Rule, Slip};
use crate::nearest::nearest;
use crate::vocabulary;
use std::ops::Range;

pub(super) const RULES: &[Rule] = &[method, function];

/// `x.contains(y)`, `x.size()`, `x.startsWith(y)`.
fn method(line: &Line, at: usize) -> Option<Slip> {
    if !line.is(at, ".") || at == 0 || !line.ends_operand(at - 1) || !is_called(line, at + 1) {
        return None;
    }
    let name = line.text(at + 1);
    let open = at + 2;
    let close = line.closer(open)?;
    let arguments = line.arguments(open)?;
    let start = line.primary_start(at - 1)?;
    let value = line.source(start..at);
    let shown = format!("`.{name}()` does not exist");
    if tables::CONTAINS.contains(&name)
        && let [one] = &*arguments
    {
        let words = format!("{shown}; write `y in x`");
        let test = format!("{} in {value}", line.operand(one.clone()));
        let is_whole = bracketed(line, start, close);
        return Some(Slip::edit(
            words,
            start..close + 1,
            &if is_whole { test } else { format!("({test})") },
        ));
    }
    if vocabulary::is_method(name) {
        return None;
    }
    let call = Method {
        line,
        name,
        value: &value,
        range: start..close + 1,
    };
    if let Some(slip) = call.rewritten(&arguments) {
        return Some(slip);
    }
    if let Some(function) = found(tables::FUNCTIONS_OF, name).filter(|_| arguments.is_empty()) {
        let words = format!("{shown}; write `{function}(…)`");
        return Some(Slip::edit(
            words,
            start..close + 1,
            &format!("{function}({value})"),
        ));
    }
    let meant = found(tables::METHODS, name)
        .or_else(|| nearest(name, vocabulary::methods()).filter(|_| name.len() > 2))?;
    Some(Slip::edit(
        format!("{shown}; did you mean `.{meant}()`?"),
        at + 1..at + 2,
        meant,
    ))
}

/// A call of a method that does not exist.
struct Method<'a> {
    line: &'a Line,
    name: &'a str,
    /// The source of what it is called on.
    value: &'a str,
    /// All of it.
    range: Range<usize>,
}

impl Method<'_> {
    /// Methods that are operators, indexes, slices or comprehensions here.
    fn rewritten(&self, arguments: &[Range<usize>]) -> Option<Slip> {
        let Self {
            line,
            name,
            value,
            range,
        } = self;
        let shown = format!("`.{name}()` does not exist");
        let edit = |words: String, text: String| Some(Slip::edit(words, range.clone(), &text));
        match (*name, arguments) {
            ("equals" | "equalsTo" | "eq", [other]) => edit(
                format!("{shown}; write `==`"),
                format!("{value} == {}", line.operand(other.clone())),
            ),
            ("equalsIgnoreCase", [other]) => edit(
                format!("{shown}; compare `.lower()` of both"),
                format!("{value}.lower() == {}.lower()", line.operand(other.clone())),
            ),
            ("isEmpty" | "empty" | "is_empty", []) => edit(
                format!("{shown}; what is empty counts as false: write `not x`"),
                format!("(not {value})"),
            ),
            ("substring" | "slice" | "Substring", [first, rest @ ..]) if rest.len() < 2 => {
                let end = rest.first().map(|end| line.source(end.clone()));
                let end = end.unwrap_or_default();
                edit(
                    format!("{shown}; write a slice, as in `x[0:3]`"),
                    format!("{value}[{}:{end}]", line.source(first.clone())),
                )
            }
            ("substr", _) => Some(Slip::told(&format!(
                "{shown}; write a slice from one index to another, as in `x[0:3]`"
            ))),
            ("charAt" | "at" | "nth", [index]) => edit(
                format!("{shown}; write an index, as in `x[0]`"),
                format!("{value}[{}]", line.source(index.clone())),
            ),
            ("matches" | "match" | "test" | "search", _) => {
                Some(Slip::told(&format!("{shown}: {}", tables::REGEX)))
            }
            ("some" | "any" | "every" | "all" | "filter" | "map" | "reduce", _) => {
                Some(Slip::told(&format!(
                    "{shown}; write a comprehension, as in `any(x > 1 for x in context[\"list\"])`"
                )))
            }
            _ => None,
        }
    }
}

/// Whether nothing else is in the brackets around a range, or `and` and `or` alone are beside it.
fn bracketed(line: &Line, start: usize, close: usize) -> bool {
    let before = matches!(
        line.before(start),
        "" | "(" | "," | "and" | "or" | "not" | "if" | "else"
    );
    let after = matches!(
        line.text(close + 1),
        "" | ")" | "," | "and" | "or" | "if" | "else"
    );
    before && after && !matches!(line.before(start), "not")
}

/// Functions that do not exist, or are called otherwise.
fn function(line: &Line, at: usize) -> Option<Slip> {
    if !is_free(line, at) || !is_called(line, at) || KEYWORDS.contains(&line.text(at)) {
        return None;
    }
    let name = line.text(at);
    if vocabulary::is_function(name)
        || TYPES.contains(&name)
        || ["context", "workitem"].contains(&name)
    {
        return None;
    }
    let shown = format!("the function `{name}` does not exist here");
    let arguments = line.arguments(at + 1)?;
    let close = line.closer(at + 1)?;
    if let Some(why) = found(tables::NO_FUNCTIONS, name) {
        let words = format!("{shown}: {why}");
        return Some(match &*arguments {
            [value] if why == tables::PRINT => {
                Slip::edit(words, at..close + 1, &line.operand(value.clone()))
            }
            _ => Slip::told(&words),
        });
    }
    if let Some(slip) = rewritten(line, at, &arguments, close) {
        return Some(slip);
    }
    if let Some(meant) = found(tables::METHODS_OF, name)
        && let [value, rest @ ..] = &*arguments
    {
        let rest: Vec<String> = rest
            .iter()
            .map(|range| line.source(range.clone()))
            .collect();
        let call = format!(
            "{}.{meant}({})",
            line.operand(value.clone()),
            rest.join(", ")
        );
        return Some(Slip::edit(
            format!("{shown}; write the method `.{meant}()`"),
            at..close + 1,
            &call,
        ));
    }
    let foreign = tables::FUNCTIONS.iter().map(|(known, _)| *known);
    let meant = found(tables::FUNCTIONS, name)
        .or_else(|| nearest(name, vocabulary::functions()))
        .or_else(|| found(tables::FUNCTIONS, nearest(name, foreign)?))?;
    Some(Slip::edit(
        format!("{shown}; did you mean `{meant}`?"),
        at..at + 1,
        meant,
    ))
}

/// Functions that become operators.
fn rewritten(line: &Line, at: usize, arguments: &[Range<usize>], close: usize) -> Option<Slip> {
    let name = line.text(at);
    let operand = |place: usize| {
        arguments
            .get(place)
            .map(|range| line.operand(range.clone()))
    };
    let (like, meant) = match (name, arguments.len()) {
        ("isNull" | "is_null" | "isnull" | "ISNULL" | "isNone", 1) => {
            ("x is None", format!("{} is None", operand(0)?))
        }
        ("isset" | "defined" | "exists" | "has" | "isDefined", 1) => {
            let name = argument_field(line, &arguments[0])?;
            ("\"x\" in context", format!("{name} in context"))
        }
        ("empty" | "isEmpty" | "is_empty", 1) => ("not x", format!("not {}", operand(0)?)),
        ("contains" | "includes" | "in_array" | "CONTAINS", 2) => {
            let (value, inside) = if name == "in_array" { (0, 1) } else { (1, 0) };
            (
                "y in x",
                format!("{} in {}", operand(value)?, operand(inside)?),
            )
        }
        ("coalesce" | "nvl" | "ifnull" | "COALESCE" | "IFNULL" | "NVL", 2) => {
            let name = argument_field(line, &arguments[0])?;
            let default = line.source(arguments[1].clone());
            (
                "context.get(\"x\", y)",
                format!("context.get({name}, {default})"),
            )
        }
        ("iif" | "IF" | "IIF" | "ifelse", 3) => {
            let sides: Vec<String> = arguments
                .iter()
                .map(|range| line.source(range.clone()))
                .collect();
            (
                "a if c else b",
                format!("({} if {} else {})", sides[1], sides[0], sides[2]),
            )
        }
        ("concat" | "CONCAT", 2..) => {
            let sides: Vec<String> = arguments
                .iter()
                .map(|range| line.operand(range.clone()))
                .collect();
            ("a + b", format!("({})", sides.join(" + ")))
        }
        ("get" | "field" | "variable" | "getVariable" | "getvar", 1..) => {
            let name = line.source(arguments[0].clone());
            ("context[\"x\"]", format!("context[{name}]"))
        }
        _ => return None,
    };
    let words = format!("the function `{name}` does not exist here; write `{like}`");
    Some(Slip::edit(words, at..close + 1, &meant))
}

/// The name, in its quotes, of the field that an argument reads.
fn argument_field(line: &Line, argument: &Range<usize>) -> Option<String> {
    let at = argument.start;
    if argument.len() == 1 && line.kind(at) == Some(Kind::Text) {
        return Some(line.text(at).to_owned());
    }
    if argument.len() == 1 && is_free(line, at) {
        return Some(format!("\"{}\"", line.text(at)));
    }
    let is_field = line.is(at, "context")
        && line.is(at + 1, "[")
        && line.closer(at + 1) == Some(argument.end - 1);
    is_field.then(|| line.source(at + 2..argument.end - 1))
}
