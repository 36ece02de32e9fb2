//! Doubts about conditions that compile: they always give the same, or something else than was meant.
//!
//! A doubt is a warning: it comes only where it is certain that the condition, or a part of it, cannot do what it seems to.
//! `True` and `False` alone are never doubted; they are how to say "always" and "never".
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

mod comparisons;
mod truths;

use crate::wrapped::Wrapped;
use crate::{Refusal, parse, reserved};
use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, ExprBoolOp, ExprNumberLiteral, Number};
use ruff_python_parser::parse_expression;
use ruff_text_size::{Ranged, TextRange};

/// Something that was probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What is odd, a fragment without a full stop.
    pub reason: String,
    /// Where, in bytes of the text.
    pub offset: usize,
    /// What was probably meant; it compiles.
    pub suggestion: Option<String>,
}

/// What a literal is that a field is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Literal {
    Text,
    Number,
    Truth,
}

/// A field that a condition reads by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRead {
    pub name: String,
    /// Where, in bytes of the text.
    pub offset: usize,
    /// What it is directly compared with by `==` or `!=`.
    pub compared: Option<Literal>,
}

/// What a reader of a condition sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review {
    pub doubts: Vec<Doubt>,
    pub fields: Vec<FieldRead>,
    /// The reserved fields that it reads by name.
    pub reserved: Vec<FieldRead>,
    /// Whether it is `True`, or is sure to be true otherwise.
    pub always: bool,
    /// The condition without its spelling: equal for conditions that mean the same.
    pub meaning: String,
}

/// Reviews a condition.
///
/// # Errors
/// As [`parse`](crate::parse()) has them.
pub fn review(source: &str) -> Result<Review, Refusal> {
    let expression = crate::parse(source)?;
    let wrapped = Wrapped::new(format!("({source}\n)"));
    let Ok(parsed) = parse_expression(wrapped.as_str()) else {
        return Ok(Review::default());
    };
    let tree = parsed.into_expr();
    let mut reviewer = Reviewer {
        text: wrapped.as_str(),
        source,
        review: Review::default(),
    };
    reviewer.whole(&tree);
    reviewer.visit_expr(&tree);
    let mut review = reviewer.review;
    review.doubts.sort_by_key(|doubt| doubt.offset);
    review.doubts.dedup_by_key(|doubt| doubt.offset);
    review.always = truths::truth(&tree) == Some(true);
    review.meaning = format!("{:?}", expression.node);
    Ok(review)
}

struct Reviewer<'a> {
    /// The text in the parentheses that the parser sees.
    text: &'a str,
    source: &'a str,
    review: Review,
}

impl Reviewer<'_> {
    fn written(&self, at: &impl Ranged) -> &str {
        self.slice(at.range())
    }

    fn slice(&self, range: TextRange) -> &str {
        let range = range.start().to_usize()..range.end().to_usize();
        self.text.get(range).unwrap_or_default()
    }

    fn offset(&self, at: usize) -> usize {
        at.saturating_sub(1).min(self.source.len())
    }

    fn doubt(&mut self, at: &impl Ranged, reason: impl Into<String>) {
        self.doubt_with(at.range().start().to_usize(), reason, None);
    }

    /// A doubt at an offset of the wrapped text, with the whole text as it was probably meant.
    fn doubt_with(&mut self, at: usize, reason: impl Into<String>, suggestion: Option<String>) {
        let offset = self.offset(at);
        self.review.doubts.push(Doubt {
            reason: reason.into(),
            offset,
            suggestion: suggestion.filter(|meant| parse::plain(meant).is_ok()),
        });
    }

    /// The whole text with something else for what is at `range`.
    fn with(&self, range: TextRange, text: &str) -> Option<String> {
        let (start, end) = (range.start().to_usize(), range.end().to_usize());
        if start == 0 {
            return Some(text.to_owned());
        }
        let (before, after) = (self.text.get(1..start)?, self.text.get(end..)?);
        let after = after.strip_suffix("\n)")?;
        Some(format!("{before}{text}{after}").trim().to_owned())
    }

    /// A field that is read by its name, and where it is.
    fn field(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Subscript(subscript) if is_fields(&subscript.value) => match &*subscript.slice {
                Expr::StringLiteral(name) => Some(name.value.to_str().to_owned()),
                _ => None,
            },
            _ => None,
        }
    }

    fn read(&mut self, name: &Expr, compared: Option<Literal>) {
        let offset = self.offset(name.range().start().to_usize());
        let Expr::StringLiteral(name) = name else {
            return;
        };
        let reads = match reserved::is_reserved(name.value.to_str()) {
            true => &mut self.review.reserved,
            false => &mut self.review.fields,
        };
        if !reads.iter().any(|read| read.offset == offset) {
            reads.push(FieldRead {
                name: name.value.to_str().to_owned(),
                offset,
                compared,
            });
        }
    }
}

/// Whether an expression is all fields.
fn is_fields(expression: &Expr) -> bool {
    match expression {
        Expr::Name(name) => name.id.as_str() == "context",
        Expr::Attribute(attribute) => {
            attribute.attr.as_str() == "fields"
                && matches!(&*attribute.value, Expr::Name(name) if name.id.as_str() == "workitem")
        }
        _ => false,
    }
}

/// A value that is in the text itself.
fn is_literal(expression: &Expr) -> bool {
    match expression {
        Expr::StringLiteral(_)
        | Expr::NumberLiteral(_)
        | Expr::BooleanLiteral(_)
        | Expr::NoneLiteral(_) => true,
        Expr::UnaryOp(operation) => {
            matches!(operation.op, ruff_python_ast::UnaryOp::USub)
                && matches!(&*operation.operand, Expr::NumberLiteral(_))
        }
        _ => false,
    }
}

fn is_zero(number: &ExprNumberLiteral) -> bool {
    match &number.value {
        Number::Int(value) => value.as_i64() == Some(0),
        Number::Float(value) => *value == 0.0,
        Number::Complex { .. } => false,
    }
}

impl<'e> Visitor<'e> for Reviewer<'_> {
    fn visit_expr(&mut self, expression: &'e Expr) {
        match expression {
            Expr::Compare(compare) => self.comparison(compare),
            Expr::BoolOp(operation) => self.contradiction(operation),
            Expr::Subscript(subscript) if is_fields(&subscript.value) => {
                if matches!(&*subscript.slice, Expr::NumberLiteral(_)) {
                    self.doubt(
                        &*subscript.slice,
                        "fields have names, not numbers: this always fails with `KeyError`",
                    );
                }
                self.read(&subscript.slice, None);
            }
            Expr::Call(call) => {
                if let Expr::Attribute(attribute) = &*call.func
                    && attribute.attr.as_str() == "get"
                    && is_fields(&attribute.value)
                    && let Some(name) = call.arguments.args.first()
                {
                    self.read(name, None);
                }
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}

/// The operands of `or` and `and`, with the word for the operator.
fn word(operation: &ExprBoolOp) -> &'static str {
    match operation.op {
        ruff_python_ast::BoolOp::And => "and",
        ruff_python_ast::BoolOp::Or => "or",
    }
}
