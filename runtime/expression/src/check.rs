//! From the parser's tree to the tree of what can be compiled.
//!
//! Whatever is not in the table of docs/expressions.md is refused here, with its place and the name of the construct.
//! Nothing that passes can fail to compile.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

mod calls;
mod comprehension;
mod format;
mod operators;

use ruff_python_ast::{Expr, Number, Operator, UnaryOp};
use ruff_text_size::Ranged;

use crate::ir::{Constant, Node, SequenceKind};
use crate::limits::{DEPTH_MAX, EXPONENT_MAX};
use crate::parse::Wrapped;
use crate::{Expression, Refusal};

/// Checks a tree that came from a wrapped text.
pub(crate) fn check(
    tree: &Expr,
    wrapped: &Wrapped,
    source_bytes: usize,
) -> Result<Expression, Refusal> {
    let mut checker = Checker {
        wrapped,
        scope: Vec::new(),
        variables: 0,
        depth: 0,
    };
    let node = checker.node(tree)?;
    Ok(Expression {
        node,
        variables: checker.variables,
        source_bytes,
    })
}

type Checked = Result<Node, Refusal>;

struct Checker<'a> {
    wrapped: &'a Wrapped,
    /// The comprehensions' variables in sight, inner ones last.
    scope: Vec<(String, u32)>,
    variables: u32,
    depth: u32,
}

impl Checker<'_> {
    fn refuse<T>(&self, at: &impl Ranged, reason: impl Into<String>) -> Result<T, Refusal> {
        Err(self.wrapped.refusal(at.range().start(), reason.into()))
    }

    fn nodes<'e>(
        &mut self,
        expressions: impl IntoIterator<Item = &'e Expr>,
    ) -> Result<Vec<Node>, Refusal> {
        expressions
            .into_iter()
            .map(|expression| self.node(expression))
            .collect()
    }

    fn node(&mut self, expression: &Expr) -> Checked {
        if self.depth == DEPTH_MAX {
            return self.refuse(expression, format!("a tree deeper than {DEPTH_MAX}"));
        }
        self.depth += 1;
        let node = self.shallow(expression);
        self.depth -= 1;
        node
    }

    fn shallow(&mut self, expression: &Expr) -> Checked {
        match expression {
            Expr::BoolOp(bool_op) => self.connective(bool_op),
            Expr::BinOp(operation) => self.binary(operation),
            Expr::UnaryOp(operation) => self.unary(operation),
            Expr::If(choice) => Ok(Node::If {
                test: Box::new(self.node(&choice.test)?),
                body: Box::new(self.node(&choice.body)?),
                otherwise: Box::new(self.node(&choice.orelse)?),
            }),
            Expr::Compare(compare) => self.compare(compare),
            Expr::Call(call) => self.call(call),
            Expr::Subscript(subscript) => self.subscript(subscript),
            Expr::Attribute(attribute) => self.attribute(attribute),
            Expr::Name(name) => self.name(name),
            Expr::StringLiteral(text) => Ok(Node::Constant(Constant::Text(self.text(text)?))),
            Expr::NumberLiteral(number) => self.literal(number),
            Expr::BooleanLiteral(literal) => Ok(Node::Constant(if literal.value {
                Constant::True
            } else {
                Constant::False
            })),
            Expr::NoneLiteral(_) => Ok(Node::Constant(Constant::None)),
            Expr::List(list) => Ok(Node::Sequence(SequenceKind::List, self.nodes(&list.elts)?)),
            Expr::Tuple(tuple) => Ok(Node::Sequence(
                SequenceKind::Tuple,
                self.nodes(&tuple.elts)?,
            )),
            Expr::Dict(dict) => self.dict(dict),
            Expr::ListComp(comprehension) => {
                self.comprehension(&comprehension.elt, &comprehension.generators)
            }
            Expr::FString(text) => self.f_string(text),
            Expr::Generator(_) => {
                self.refuse(expression, "a generator outside a function that takes one")
            }
            Expr::Set(_) => self.refuse(expression, "a set outside the right side of `in`"),
            Expr::SetComp(_) => self.refuse(expression, "a set comprehension"),
            Expr::DictComp(_) => self.refuse(expression, "a dict comprehension"),
            Expr::Named(_) => self.refuse(expression, "an assignment `:=`"),
            Expr::Lambda(_) => self.refuse(expression, "a lambda"),
            Expr::Await(_) => self.refuse(expression, "`await`"),
            Expr::Yield(_) | Expr::YieldFrom(_) => self.refuse(expression, "`yield`"),
            Expr::TString(_) => self.refuse(expression, "a template string"),
            Expr::BytesLiteral(_) => self.refuse(expression, "a bytes literal"),
            Expr::EllipsisLiteral(_) => self.refuse(expression, "`...`"),
            Expr::Starred(_) => self.refuse(expression, "an unpacking `*`"),
            Expr::Slice(_) => self.refuse(expression, "a slice outside an index"),
            Expr::IpyEscapeCommand(_) => self.refuse(expression, "a shell command"),
        }
    }

    /// A text literal; a lone surrogate is no text here.
    fn text(&self, literal: &ruff_python_ast::ExprStringLiteral) -> Result<String, Refusal> {
        let text = literal.value.to_str();
        if self.wrapped.has_surrogate(literal, text) {
            return self.refuse(literal, "half of a surrogate pair");
        }
        Ok(text.to_owned())
    }

    fn literal(&self, literal: &ruff_python_ast::ExprNumberLiteral) -> Checked {
        Ok(Node::Constant(match &literal.value {
            Number::Float(value) => Constant::Float(*value),
            Number::Complex { .. } => return self.refuse(literal, "a complex number"),
            Number::Int(value) => match value.as_i64() {
                Some(small) => Constant::Integer(small),
                None => Constant::BigInteger(match decimal_digits(&value.to_string()) {
                    Some(digits) => digits,
                    None => {
                        return self
                            .refuse(literal, "an integer outside 64 bits that is not decimal");
                    }
                }),
            },
        }))
    }

    fn name(&self, name: &ruff_python_ast::ExprName) -> Checked {
        if let Some((_, variable)) = self
            .scope
            .iter()
            .rev()
            .find(|(known, _)| known == name.id.as_str())
        {
            return Ok(Node::Variable(*variable));
        }
        match name.id.as_str() {
            "context" => Ok(Node::Fields),
            "workitem" => self.refuse(name, "`workitem` alone; its fields are `workitem.fields`"),
            unknown => self.refuse(
                name,
                format!("the name `{unknown}`; there are `workitem.fields` and `context`"),
            ),
        }
    }

    fn attribute(&self, attribute: &ruff_python_ast::ExprAttribute) -> Checked {
        if let Expr::Name(name) = &*attribute.value
            && name.id.as_str() == "workitem"
            && !self.scope.iter().any(|(known, _)| known == "workitem")
        {
            return match attribute.attr.as_str() {
                "fields" => Ok(Node::Fields),
                other => self.refuse(
                    attribute,
                    format!("`workitem.{other}`; a condition sees `workitem.fields` alone"),
                ),
            };
        }
        self.refuse(
            attribute,
            format!("access to the attribute `{}`", attribute.attr.as_str()),
        )
    }

    fn dict(&mut self, dict: &ruff_python_ast::ExprDict) -> Checked {
        let mut pairs = Vec::new();
        for item in &dict.items {
            let Some(key) = &item.key else {
                return self.refuse(&item.value, "an unpacking `**`");
            };
            pairs.push((self.node(key)?, self.node(&item.value)?));
        }
        Ok(Node::Dict(pairs))
    }

    fn subscript(&mut self, subscript: &ruff_python_ast::ExprSubscript) -> Checked {
        let value = self.node(&subscript.value)?;
        if let Expr::Slice(slice) = &*subscript.slice {
            let mut operands = vec![value];
            for bound in [&slice.lower, &slice.upper, &slice.step] {
                operands.push(match bound {
                    Some(bound) => self.node(bound)?,
                    None => Node::Constant(Constant::None),
                });
            }
            return Ok(Node::Call("slice", operands));
        }
        let index = self.node(&subscript.slice)?;
        Ok(match (value, index) {
            (Node::Fields, Node::Constant(Constant::Text(name))) => Node::Field(name),
            (value, index) => Node::Call("subscript", vec![value, index]),
        })
    }

    fn unary(&mut self, operation: &ruff_python_ast::ExprUnaryOp) -> Checked {
        let operand = self.node(&operation.operand)?;
        Ok(match (operation.op, operand) {
            (UnaryOp::USub, Node::Constant(Constant::Integer(value))) if value != i64::MIN => {
                Node::Constant(Constant::Integer(-value))
            }
            (UnaryOp::USub, Node::Constant(Constant::BigInteger(digits)))
                if !digits.starts_with('-') =>
            {
                let digits = format!("-{digits}");
                Node::Constant(
                    digits
                        .parse()
                        .map_or(Constant::BigInteger(digits), Constant::Integer),
                )
            }
            (UnaryOp::USub, operand) => Node::Call("negate", vec![operand]),
            (UnaryOp::UAdd, operand) => Node::Call("plus", vec![operand]),
            (UnaryOp::Invert, operand) => Node::Call("invert", vec![operand]),
            (UnaryOp::Not, operand) => Node::Not(Box::new(operand)),
        })
    }

    fn binary(&mut self, operation: &ruff_python_ast::ExprBinOp) -> Checked {
        if operation.op == Operator::Pow {
            return self.power(operation);
        }
        if operation.op == Operator::Mod
            && matches!(&*operation.left, Expr::StringLiteral(_) | Expr::FString(_))
        {
            return self.refuse(operation, "`%` formatting");
        }
        let helper = match operation.op {
            Operator::Add => "add_values",
            Operator::Sub => "subtract",
            Operator::Mult => "multiply",
            Operator::Div => "divide",
            Operator::FloorDiv => "floor_divide",
            Operator::Mod => "modulo",
            Operator::BitAnd => "bit_and",
            Operator::BitOr => "bit_or",
            Operator::BitXor => "bit_xor",
            Operator::LShift => "shift_left",
            Operator::RShift => "shift_right",
            Operator::MatMult | Operator::Pow => return self.refuse(operation, "the operator `@`"),
        };
        Ok(Node::Call(
            helper,
            vec![self.node(&operation.left)?, self.node(&operation.right)?],
        ))
    }

    fn power(&mut self, operation: &ruff_python_ast::ExprBinOp) -> Checked {
        let base = self.node(&operation.left)?;
        match self.node(&operation.right)? {
            Node::Constant(Constant::Integer(exponent))
                if (0..=EXPONENT_MAX).contains(&exponent) =>
            {
                Ok(Node::CallWith("power", vec![base], exponent as i32))
            }
            _ => self.refuse(
                &*operation.right,
                format!("`**` with anything but a constant 0 to {EXPONENT_MAX}"),
            ),
        }
    }
}

/// The digits of an integer literal as Python prints it; none for a radix other than ten.
fn decimal_digits(written: &str) -> Option<String> {
    let digits: String = written
        .chars()
        .filter(|character| *character != '_')
        .collect();
    let significant = digits.trim_start_matches('0');
    (significant.chars().all(|digit| digit.is_ascii_digit()) && !significant.is_empty())
        .then(|| significant.to_owned())
}
