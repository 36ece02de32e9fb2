//! `"…" % values`: the template is part of the expression and is read when the expression is
//! checked.

use ruff_python_ast::{Expr, ExprStringLiteral};

use super::f_string::{joined, put};
use super::{Checked, Checker};
use crate::format::{Align, Format, leading_number};
use crate::ir::{Helper, Node};
use crate::limits::{DECIMALS_MAX, WIDTH_MAX};

/// A part of a template.
enum Part {
    Text(String),
    Value {
        /// `%(name)s`.
        name: Option<String>,
        /// The helper that converts the value for the format, and sets the fault if it cannot.
        taken: Helper,
        format: Format,
    },
}

impl Checker<'_> {
    pub(super) fn percent(&mut self, template: &ExprStringLiteral, right: &Expr) -> Checked {
        let text = self.text(template)?;
        let Some(parts) = parts(&text) else {
            return self.refuse(template, "this `%` format is not supported");
        };
        let value = |part: &Part| match part {
            Part::Text(_) => None,
            Part::Value { name, .. } => Some(name.is_some()),
        };
        let named: Vec<bool> = parts.iter().filter_map(value).collect();
        let by_name = named.first() == Some(&true);
        if named.iter().any(|named| *named != by_name) {
            return self.refuse(template, "the text has `%` formats with and without names");
        }
        let operand = self.node(right)?;
        let variable = self.fresh();
        let taken = if by_name {
            Node::Call("percent_mapping", vec![operand])
        } else {
            Node::CallWith("percent_values", vec![operand], named.len() as i32)
        };
        let mut pieces = Vec::new();
        let mut position = 0;
        for part in parts {
            match part {
                Part::Text(text) => put(&mut pieces, Node::text(text)),
                Part::Value {
                    name,
                    taken,
                    format,
                } => {
                    let variable = Node::Variable(variable);
                    let value = match name {
                        Some(name) => Node::Call("subscript", vec![variable, Node::text(name)]),
                        None => Node::CallWith("percent_value", vec![variable], position),
                    };
                    position += 1;
                    let value = Node::Call(taken, vec![value]);
                    let plain = format == Format::default();
                    pieces.push(if plain {
                        value
                    } else {
                        Node::Format(
                            format.helper(),
                            Box::new(value),
                            format.packed(),
                            String::new(),
                        )
                    });
                }
            }
        }
        let formatted = match pieces.as_slice() {
            [Node::Constant(_)] | [] => Node::Call(
                "percent_done",
                vec![Node::Variable(variable), joined(pieces)],
            ),
            _ => joined(pieces),
        };
        Ok(Node::Let {
            variable,
            value: Box::new(taken),
            body: Box::new(formatted),
        })
    }
}

/// The parts of a template; `None` if it contains something unsupported.
fn parts(template: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        let (part, after) = value(after)?;
        parts.push(part);
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Some(parts)
}

/// One `%…` without its sign, and what follows it.
fn value(written: &str) -> Option<(Part, &str)> {
    let (name, mut rest) = match written.strip_prefix('(') {
        None => (None, written),
        Some(after) => {
            let (name, after) = after.split_once(')')?;
            if name.contains('(') {
                return None;
            }
            (Some(name.to_owned()), after)
        }
    };
    let mut format = Format::default();
    let (mut left, mut zero) = (false, false);
    while let Some(flag) = rest.chars().next().filter(|flag| "-+ #0".contains(*flag)) {
        match flag {
            '-' => left = true,
            '0' => zero = true,
            '#' => format.prefix = true,
            '+' => format.sign = Some('+'),
            _ => format.sign = format.sign.or(Some(' ')),
        }
        rest = &rest[1..];
    }
    (format.width, rest) = leading_number(rest, WIDTH_MAX)?.unwrap_or((0, rest));
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = leading_number(after, DECIMALS_MAX)?.unwrap_or((0, after));
        (format.precision, rest) = (Some(precision), after);
    }
    let letter = rest.chars().next()?;
    let rest = &rest[letter.len_utf8()..];
    finish(&mut format, letter, left, zero).map(|taken| {
        (
            Part::Value {
                name,
                taken,
                format,
            },
            rest,
        )
    })
}

/// Sets letter and alignment; returns the helper that converts the value for the format.
fn finish(format: &mut Format, letter: char, left: bool, zero: bool) -> Option<Helper> {
    let text = matches!(letter, 's' | 'r' | 'a');
    format.align = match (left, zero && !text) {
        (true, _) => Align::Left,
        (false, true) => Align::Zero,
        (false, false) if format.width > 0 => Align::Right,
        (false, false) => Align::Default,
    };
    if format.align == Align::Zero {
        format.fill = '0';
    }
    let radix = matches!(letter, 'x' | 'X' | 'o');
    let taken = match letter {
        's' => "str",
        'r' => "repr",
        'a' => "ascii_text",
        'd' | 'i' | 'u' => "percent_integer",
        'x' | 'X' | 'o' => "percent_radix",
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => "percent_float",
        _ => return None,
    };
    if text {
        (format.sign, format.prefix) = (None, false);
        if *format == Format::default() {
            return Some(taken);
        }
    }
    let integer = matches!(letter, 'd' | 'i' | 'u') || radix;
    if (format.prefix && !radix) || (integer && format.precision.is_some()) {
        return None;
    }
    format.letter = Some(match letter {
        'r' | 'a' => 's',
        'i' | 'u' => 'd',
        letter => letter,
    });
    Some(taken)
}
