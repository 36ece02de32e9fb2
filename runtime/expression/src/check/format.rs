//! F-strings: texts and values side by side, with the few formats that exist.

use ruff_python_ast::{
    ConversionFlag, ExprFString, FStringPart, InterpolatedElement, InterpolatedStringElement,
};

use super::{Checked, Checker};
use crate::ir::{Constant, Node, SequenceKind};
use crate::limits::{DECIMALS_MAX, WIDTH_MAX};

/// The numbers of the formats' letters, as the helper `format` takes them.
const PLAIN: u32 = 0;
const INTEGER: u32 = 1;
const TEXT: u32 = 2;
const FIXED: u32 = 3;

/// What Python writes for `f` without a number of decimals.
const DEFAULT_DECIMALS: u32 = 6;

impl Checker<'_> {
    pub(super) fn f_string(&mut self, text: &ExprFString) -> Checked {
        let mut pieces = Vec::new();
        for part in &text.value {
            match part {
                FStringPart::Literal(literal) => put(&mut pieces, literal_text(&literal.value)),
                FStringPart::FString(part) => {
                    for element in &part.elements {
                        let piece = match element {
                            InterpolatedStringElement::Literal(literal) => {
                                literal_text(&literal.value)
                            }
                            InterpolatedStringElement::Interpolation(value) => {
                                self.interpolation(value)?
                            }
                        };
                        put(&mut pieces, piece);
                    }
                }
            }
        }
        for piece in &pieces {
            if let Node::Constant(Constant::Text(value)) = piece
                && self.wrapped.has_surrogate(text, value)
            {
                return self.refuse(text, "half of a surrogate pair");
            }
        }
        Ok(match pieces.len() {
            0 => literal_text(""),
            1 => pieces.remove(0),
            _ => Node::Call(
                "concat_all",
                vec![Node::Sequence(SequenceKind::List, pieces)],
            ),
        })
    }

    fn interpolation(&mut self, element: &InterpolatedElement) -> Checked {
        if element.debug_text.is_some() {
            return self.refuse(element, "`=` in an f-string");
        }
        let value = self.node(&element.expression)?;
        let value = match element.conversion {
            ConversionFlag::None => value,
            ConversionFlag::Str => Node::Call("str", vec![value]),
            ConversionFlag::Repr => Node::Call("repr", vec![value]),
            ConversionFlag::Ascii => return self.refuse(element, "`!a` in an f-string"),
        };
        let Some(specification) = &element.format_spec else {
            return Ok(Node::Call("str", vec![value]));
        };
        let mut written = String::new();
        for part in &specification.elements {
            match part {
                InterpolatedStringElement::Literal(literal) => written.push_str(&literal.value),
                InterpolatedStringElement::Interpolation(_) => {
                    return self.refuse(element, "a computed format");
                }
            }
        }
        if written.is_empty() {
            return Ok(Node::Call("str", vec![value]));
        }
        match packed(&written) {
            Some(format) => Ok(Node::CallWith("format", vec![value], format)),
            None => self.refuse(
                element,
                format!("the format `{written}`; there are `d`, `s`, a width and `.Nf`"),
            ),
        }
    }
}

fn literal_text(text: &str) -> Node {
    Node::Constant(Constant::Text(text.to_owned()))
}

/// Adds a piece; texts that stand side by side become one.
fn put(pieces: &mut Vec<Node>, piece: Node) {
    if let (Some(Node::Constant(Constant::Text(before))), Node::Constant(Constant::Text(text))) =
        (pieces.last_mut(), &piece)
    {
        before.push_str(text);
    } else {
        pieces.push(piece);
    }
}

/// The width in the low 12 bits, the letter's number in the next 4, the decimals above.
fn packed(written: &str) -> Option<i32> {
    let (body, letter) = match written.as_bytes().last()? {
        b'd' => (&written[..written.len() - 1], INTEGER),
        b's' => (&written[..written.len() - 1], TEXT),
        b'f' => (&written[..written.len() - 1], FIXED),
        _ => (written, PLAIN),
    };
    let (width, decimals) = match body.split_once('.') {
        Some((width, decimals)) if letter == FIXED => (width, number(decimals, DECIMALS_MAX)?),
        Some(_) => return None,
        None => (body, DEFAULT_DECIMALS),
    };
    // A leading zero would ask for filling with zeros.
    let width = if width.is_empty() {
        0
    } else {
        number(width, WIDTH_MAX).filter(|_| !width.starts_with('0'))?
    };
    Some((width | letter << 12 | decimals << 16) as i32)
}

fn number(written: &str, most: u32) -> Option<u32> {
    let digits = written.bytes().all(|digit| digit.is_ascii_digit());
    written
        .parse()
        .ok()
        .filter(|number| digits && *number <= most)
}
