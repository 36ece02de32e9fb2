//! Expressions that are literals: `5`, `"tea"`, `{"lines": [1, 2.5]}`.
//!
//! A host can keep their value, and needs no guest for it. The value is the JSON text that the
//! guest would give, byte for byte; where that is not certain, such as for floats that Python writes
//! with an exponent, the expression is none of these.

use crate::{
    Expression,
    ir::{Constant, Item, Node, SequenceKind},
};

/// Floats from here on, and from [`FLOATS_BELOW`] on not, are written without an exponent.
const FLOATS_FROM: f64 = 1e-4;
const FLOATS_BELOW: f64 = 1e16;
/// A decimal number of so many digits is the only one of its length that means its float.
const DIGITS_CERTAIN: usize = 15;

impl Expression {
    /// Its value as JSON text, if it is a literal.
    pub fn literal(&self) -> Option<String> {
        let mut text = String::new();
        write(&self.node, &mut text)?;
        Some(text)
    }
}

fn write(node: &Node, text: &mut String) -> Option<()> {
    if let Node::Constant(constant) = node {
        text.push_str(&constant_text(constant)?);
    } else if let Node::Call("negate", operands) = node {
        let [Node::Constant(Constant::Float(value))] = operands.as_slice() else {
            return None;
        };
        text.push_str(&float_text(-value)?);
    } else if let Node::Sequence(SequenceKind::List | SequenceKind::Tuple, items) = node {
        text.push('[');
        for (place, item) in items.iter().enumerate() {
            let Item::One(value) = item else {
                return None;
            };
            text.push_str(if place > 0 { ", " } else { "" });
            write(value, text)?;
        }
        text.push(']');
    } else if let Node::Dict(entries) = node {
        text.push('{');
        for (place, (key, value)) in entries.iter().enumerate() {
            let Node::Constant(Constant::Text(_)) = key else {
                return None;
            };
            // Of equal keys Python keeps the place of the first and the value of the last.
            if entries.iter().take(place).any(|(other, _)| other == key) {
                return None;
            }
            text.push_str(if place > 0 { ", " } else { "" });
            write(key, text)?;
            text.push_str(": ");
            write(value, text)?;
        }
        text.push('}');
    } else {
        return None;
    }
    Some(())
}

fn constant_text(constant: &Constant) -> Option<String> {
    Some(match constant {
        Constant::None => "null".to_owned(),
        Constant::True => "true".to_owned(),
        Constant::False => "false".to_owned(),
        Constant::Integer(value) => value.to_string(),
        Constant::BigInteger(digits) => digits.clone(),
        Constant::Float(value) => float_text(*value)?,
        Constant::Text(value) => json_text(value),
    })
}

/// A float as Python writes it: the shortest digits that mean this number, as Rust does. Of more
/// digits than these, two texts of one length may mean it, and each language chooses its own.
fn float_text(value: f64) -> Option<String> {
    let is_plain = value == 0.0 || (FLOATS_FROM..FLOATS_BELOW).contains(&value.abs());
    let text = is_plain.then(|| format!("{value:?}"))?;
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (digits <= DIGITS_CERTAIN).then_some(text)
}

/// A text as JSON, without escapes that are not needed.
fn json_text(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            control if control < ' ' => {
                text.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => text.push(other),
        }
    }
    text.push('"');
    text
}
