//! `"…{}…".format(values)`: the template is part of the expression and is read when the expression
//! is checked.

use ruff_python_ast::{Expr, ExprCall};

use super::f_string::{joined, put};
use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::Node;

/// A part of a template.
enum Part {
    Text(String),
    Value {
        /// Which argument: a number, a name, or empty for the next one.
        argument: String,
        /// The contents of `[…]` after it.
        keys: Vec<String>,
        conversion: Option<char>,
        format: String,
    },
}

/// The arguments of a call, each evaluated once.
struct Arguments {
    positional: Vec<u32>,
    named: Vec<(String, u32)>,
    values: Vec<(u32, Node)>,
}

/// The value of `[…]` after an argument; digits alone are an index.
fn subscripted(value: Node, keys: Vec<String>) -> Node {
    keys.into_iter().fold(value, |value, key| {
        let digits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
        let number = key.parse().ok().filter(|_| digits);
        let key = number.map_or_else(|| Node::text(key), Node::integer);
        Node::Call("subscript", vec![value, key])
    })
}

fn converted(value: Node, conversion: Option<char>) -> Node {
    match conversion {
        Some('r') => Node::Call("repr", vec![value]),
        Some('a') => Node::Call("ascii_text", vec![value]),
        Some(_) => Node::Call("str", vec![value]),
        None => value,
    }
}

impl Checker<'_> {
    pub(super) fn braces(&mut self, receiver: &Expr, call: &ExprCall) -> Checked {
        let Expr::StringLiteral(template) = receiver else {
            return self.refuse(
                receiver,
                "`format` needs a text that is written in the expression itself",
            );
        };
        let text = self.text(template)?;
        let parts = match parts(&text) {
            Ok(parts) => parts,
            Err(reason) => return self.refuse(template, reason),
        };
        let arguments = self.given(call)?;
        let mut pieces = Vec::new();
        let mut next = 0;
        let mut numbered = None;
        for part in parts {
            let (argument, keys, conversion, format) = match part {
                Part::Text(text) => {
                    put(&mut pieces, Node::text(text));
                    continue;
                }
                Part::Value {
                    argument,
                    keys,
                    conversion,
                    format,
                } => (argument, keys, conversion, format),
            };
            let automatic = argument.is_empty();
            let by_number = automatic || argument.bytes().all(|byte| byte.is_ascii_digit());
            if by_number && *numbered.get_or_insert(automatic) != automatic {
                return self.refuse(template, "the text has fields with and without numbers");
            }
            let found = if by_number {
                let number = if automatic {
                    Some(next)
                } else {
                    argument.parse().ok()
                };
                next += 1;
                number.and_then(|number: usize| arguments.positional.get(number).copied())
            } else {
                let named = arguments.named.iter().find(|(name, _)| *name == argument);
                named.map(|(_, variable)| *variable)
            };
            let Some(variable) = found else {
                return self.refuse(
                    template,
                    format!("the field `{{{argument}}}` has no argument"),
                );
            };
            let value = converted(subscripted(Node::Variable(variable), keys), conversion);
            pieces.push(self.formatted(template, value, &format)?);
        }
        let body = joined(pieces);
        Ok(arguments
            .values
            .into_iter()
            .rev()
            .fold(body, |body, (variable, value)| Node::Let {
                variable,
                value: Box::new(value),
                body: Box::new(body),
            }))
    }

    fn given(&mut self, call: &ExprCall) -> Result<Arguments, Refusal> {
        self.no_unpacking(&call.arguments.args)?;
        let mut given = Arguments {
            positional: Vec::new(),
            named: Vec::new(),
            values: Vec::new(),
        };
        for argument in &call.arguments.args {
            let (variable, value) = (self.fresh(), self.node(argument)?);
            given.positional.push(variable);
            given.values.push((variable, value));
        }
        for keyword in &call.arguments.keywords {
            let Some(name) = &keyword.arg else {
                return self.refuse(keyword, "unpacking by `**` is not allowed in a call");
            };
            let (variable, value) = (self.fresh(), self.node(&keyword.value)?);
            given.named.push((name.as_str().to_owned(), variable));
            given.values.push((variable, value));
        }
        Ok(given)
    }
}

fn parts(template: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        let brace = &after[..1];
        let after = &after[1..];
        if let Some(after) = after.strip_prefix(brace) {
            text.push_str(brace);
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err("a single `}` in a format");
        }
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        let (field, after) = after.split_once('}').ok_or("a `{` without its `}`")?;
        parts.push(value(field)?);
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// `name[key]!conversion:format`.
fn value(field: &str) -> Result<Part, &'static str> {
    let end = field.find(['!', ':', '[']).unwrap_or(field.len());
    let (argument, mut rest) = field.split_at(end);
    if argument.contains(['{', '.']) {
        return Err("a field with an attribute or a computed name");
    }
    let mut keys = Vec::new();
    while let Some(after) = rest.strip_prefix('[') {
        let (key, after) = after.split_once(']').ok_or("a `[` without its `]`")?;
        if key.is_empty() || key.contains(['{', '[']) {
            return Err("a field with an empty or computed key");
        }
        keys.push(key.to_owned());
        rest = after;
    }
    let mut conversion = None;
    if let Some(after) = rest.strip_prefix('!') {
        conversion = after
            .chars()
            .next()
            .filter(|letter| "rsa".contains(*letter));
        rest = after
            .get(1..)
            .filter(|_| conversion.is_some())
            .ok_or("a conversion other than `!r`, `!s` and `!a`")?;
    }
    let format = match rest.strip_prefix(':') {
        Some(format) if format.contains('{') => return Err("a computed format"),
        Some(format) => format.to_owned(),
        None if rest.is_empty() => String::new(),
        None => return Err("a field with an attribute or something else behind its key"),
    };
    Ok(Part::Value {
        argument: argument.to_owned(),
        keys,
        conversion,
        format,
    })
}
