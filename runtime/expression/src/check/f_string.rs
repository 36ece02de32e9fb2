//! F-strings, and `format`: texts and values side by side.

use ruff_python_ast::{
    ConversionFlag, ExprCall, ExprFString, FStringPart, InterpolatedElement,
    InterpolatedStringElement,
};
use ruff_text_size::Ranged;

use super::{Checked, Checker};
use crate::format::Format;
use crate::ir::{Constant, Node};

impl Checker<'_> {
    pub(super) fn f_string(&mut self, text: &ExprFString) -> Checked {
        let mut pieces = Vec::new();
        for part in &text.value {
            match part {
                FStringPart::Literal(literal) => {
                    put(&mut pieces, Node::text(literal.value.to_string()))
                }
                FStringPart::FString(part) => {
                    for element in &part.elements {
                        let piece = match element {
                            InterpolatedStringElement::Literal(literal) => {
                                Node::text(literal.value.to_string())
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
                return self.refuse(text, "half of a surrogate pair is not a character");
            }
        }
        Ok(joined(pieces))
    }

    /// `format(x)` and `format(x, "…")`.
    pub(super) fn format_function(&mut self, call: &ExprCall) -> Checked {
        let arguments = self.arguments(call, 1, 2)?;
        let value = self.node(&arguments[0])?;
        match arguments.get(1) {
            None => Ok(Node::Call("str", vec![value])),
            Some(ruff_python_ast::Expr::StringLiteral(written)) => {
                self.formatted(written, value, written.value.to_str())
            }
            Some(other) => self.refuse(other, "a computed format is not allowed"),
        }
    }

    pub(super) fn formatted(&mut self, at: &impl Ranged, value: Node, written: &str) -> Checked {
        if written.is_empty() {
            return Ok(Node::Call("str", vec![value]));
        }
        let Some(format) = Format::read(written) else {
            return self.date_format(at, value, written);
        };
        Ok(Node::Format(
            format.helper(),
            Box::new(value),
            format.packed(),
            written.to_owned(),
        ))
    }

    fn interpolation(&mut self, element: &InterpolatedElement) -> Checked {
        let value = self.node(&element.expression)?;
        let debugged = element.debug_text.is_some() && element.format_spec.is_none();
        let value = match element.conversion {
            ConversionFlag::None if debugged => Node::Call("repr", vec![value]),
            ConversionFlag::None => value,
            ConversionFlag::Str => Node::Call("str", vec![value]),
            ConversionFlag::Repr => Node::Call("repr", vec![value]),
            ConversionFlag::Ascii => Node::Call("ascii_text", vec![value]),
        };
        let mut written = String::new();
        for part in element.format_spec.iter().flat_map(|spec| &spec.elements) {
            match part {
                InterpolatedStringElement::Literal(literal) => written.push_str(&literal.value),
                InterpolatedStringElement::Interpolation(_) => {
                    return self.refuse(element, "a computed format is not allowed");
                }
            }
        }
        let value = self.formatted(element, value, &written)?;
        Ok(match &element.debug_text {
            Some(text) => joined(vec![Node::text(text.as_str()), value]),
            None => value,
        })
    }
}

/// The text of pieces side by side, all of them texts.
pub(crate) fn joined(mut pieces: Vec<Node>) -> Node {
    match pieces.len() {
        0 => Node::text(""),
        1 => pieces.remove(0),
        _ => Node::Call("concat_all", vec![Node::list(pieces)]),
    }
}

/// Adds a piece; texts that stand side by side become one.
pub(super) fn put(pieces: &mut Vec<Node>, piece: Node) {
    if let (Some(Node::Constant(Constant::Text(before))), Node::Constant(Constant::Text(text))) =
        (pieces.last_mut(), &piece)
    {
        before.push_str(text);
    } else {
        pieces.push(piece);
    }
}
