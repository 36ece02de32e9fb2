//! From the parser's tree to the tree of what can be compiled.
//!
//! Everything that is not in the tables of docs/expressions.md is refused here, with its place and
//! the name of the construct. Nothing that passes can fail to compile.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

mod braces;
mod callable;
mod comprehension;
pub(crate) mod dates;
mod displays;
mod f_string;
mod functions;
mod iterables;
pub(crate) mod methods;
mod operators;
mod percent;
mod reductions;
mod types;

pub(crate) use f_string::joined;
pub(crate) use functions::FUNCTIONS;
pub(crate) use iterables::{STREAMS, VIEWS};

use ruff_python_ast::{Expr, Number, UnaryOp};
use ruff_text_size::Ranged;

use crate::ir::{Constant, Node, SequenceKind};
use crate::limits::DEPTH_MAX;
use crate::reserved::{self, Unknown};
use crate::wrapped::Wrapped;
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
        assigned: Vec::new(),
        lambdas: 0,
        variables: 0,
        sets: false,
        dates: false,
        dated: None,
        depth: 0,
    };
    let node = checker.node(tree)?;
    let expression = Expression {
        node,
        variables: checker.variables,
        sets: checker.sets,
        dates: checker.dates,
        source_bytes,
    };
    checker.finished(expression)
}

type Checked = Result<Node, Refusal>;

struct Checker<'a> {
    wrapped: &'a Wrapped,
    /// The visible variables of comprehensions and lambdas, inner ones last.
    scope: Vec<(String, u32)>,
    /// The variables of `:=`, which stay visible.
    assigned: Vec<(String, u32)>,
    /// The number of open lambdas.
    lambdas: u32,
    variables: u32,
    /// Whether anything found so far returns a set.
    sets: bool,
    /// Whether anything found so far makes a date.
    dates: bool,
    /// The first use of a date.
    dated: Option<dates::Use>,
    depth: u32,
}

impl Checker<'_> {
    fn refuse<T>(&self, at: &impl Ranged, reason: impl Into<String>) -> Result<T, Refusal> {
        Err(self.wrapped.refusal(at.range().start(), reason.into()))
    }

    /// Refuses the name of a field, where the text could have another one instead.
    fn refuse_name<T>(&self, name: &impl Ranged, unknown: Unknown) -> Result<T, Refusal> {
        let mut refusal = self
            .wrapped
            .refusal(name.range().start(), unknown.reason.clone());
        refusal.suggestion = unknown.meant.and_then(|meant| {
            let quote = self.wrapped.written(name).chars().next()?;
            let is_quote = matches!(quote, '"' | '\'');
            is_quote.then(|| self.wrapped.with(name, &format!("{quote}{meant}{quote}")))?
        });
        Err(refusal)
    }

    /// Refuses a reserved field, or a member of one, that never exists.
    fn known_field(&self, value: &Node, key: &Node, at: &impl Ranged) -> Result<(), Refusal> {
        let Node::Constant(Constant::Text(name)) = key else {
            return Ok(());
        };
        let known = match value {
            Node::Fields => reserved::field(name),
            Node::Field(field) => reserved::member(field, name),
            _ => Ok(()),
        };
        known.or_else(|unknown| self.refuse_name(at, unknown))
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
            return self.refuse(
                expression,
                format!("the expression nests deeper than {DEPTH_MAX}"),
            );
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
            Expr::List(list) => self.display(SequenceKind::List, &list.elts),
            Expr::Tuple(tuple) => self.display(SequenceKind::Tuple, &tuple.elts),
            Expr::Set(set) => self.display(SequenceKind::Set, &set.elts),
            Expr::Dict(dict) => self.dict(dict),
            Expr::ListComp(comprehension) => self.comprehension(
                SequenceKind::List,
                &comprehension.elt,
                &comprehension.generators,
            ),
            Expr::SetComp(comprehension) => self.comprehension(
                SequenceKind::Set,
                &comprehension.elt,
                &comprehension.generators,
            ),
            Expr::DictComp(comprehension) => self.dict_comprehension(comprehension),
            Expr::Named(named) => self.assignment(named),
            Expr::FString(text) => self.f_string(text),
            Expr::Generator(_) => {
                self.refuse(expression, "a generator is only allowed as the argument of a function, as in `any(x > 1 for x in context[\"list\"])`")
            }
            Expr::Lambda(_) => {
                self.refuse(expression, "a lambda is only allowed as `key=` and as the first argument of `map` and `filter`")
            }
            Expr::Await(_) => self.refuse(expression, "`await` is not allowed here"),
            Expr::Yield(_) | Expr::YieldFrom(_) => self.refuse(expression, "`yield` is not allowed here"),
            Expr::TString(_) => self.refuse(expression, "template strings are not supported"),
            Expr::BytesLiteral(_) => self.refuse(expression, "bytes literals are not supported"),
            Expr::EllipsisLiteral(_) => self.refuse(expression, "`...` is not a value here"),
            Expr::Starred(_) => self.refuse(expression, "unpacking by `*` is not allowed here"),
            Expr::Slice(_) => self.refuse(expression, "a slice is only allowed in an index, as in `x[0:3]`"),
            Expr::IpyEscapeCommand(_) => self.refuse(expression, "shell commands are not supported"),
        }
    }

    /// A text literal; a lone surrogate is not a valid text here.
    fn text(&self, literal: &ruff_python_ast::ExprStringLiteral) -> Result<String, Refusal> {
        let text = literal.value.to_str();
        if self.wrapped.has_surrogate(literal, text) {
            return self.refuse(literal, "half of a surrogate pair is not a character");
        }
        Ok(text.to_owned())
    }

    fn literal(&self, literal: &ruff_python_ast::ExprNumberLiteral) -> Checked {
        Ok(Node::Constant(match &literal.value {
            Number::Float(value) => Constant::Float(*value),
            Number::Complex { .. } => {
                return self.refuse(literal, "complex numbers are not supported");
            }
            Number::Int(value) => match value.as_i64() {
                Some(small) => Constant::Integer(small),
                None => Constant::BigInteger(match decimal_digits(&value.to_string()) {
                    Some(digits) => digits,
                    None => {
                        return self.refuse(literal, "an integer outside 64 bits must be decimal");
                    }
                }),
            },
        }))
    }

    /// The variable of a comprehension, a lambda or `:=` with this name.
    fn variable_called(&self, name: &str) -> Option<Node> {
        let find = |variables: &[(String, u32)]| {
            let found = variables.iter().rev().find(|(known, _)| known == name);
            found.map(|(_, variable)| *variable)
        };
        find(&self.scope)
            .map(Node::Variable)
            .or_else(|| find(&self.assigned).map(|number| Node::Assigned(number, name.to_owned())))
    }

    /// Whether a name refers to a function or a type, and not to a variable.
    fn is_builtin(&self, expression: &Expr, wanted: &str) -> bool {
        matches!(expression, Expr::Name(name) if name.id.as_str() == wanted)
            && self.variable_called(wanted).is_none()
    }

    fn name(&self, name: &ruff_python_ast::ExprName) -> Checked {
        if let Some(variable) = self.variable_called(name.id.as_str()) {
            return Ok(variable);
        }
        match name.id.as_str() {
            "context" => Ok(Node::Fields),
            class if self.class(&Expr::Name(name.clone())).is_some() => self.refuse(
                name,
                format!("`{class}` alone is not a value; call it, as in `{class}(…)`"),
            ),
            "workitem" => self.refuse(
                name,
                "`workitem` alone is not a value; its fields are `workitem.fields`",
            ),
            unknown => self.refuse(
                name,
                format!(
                    "the name `{unknown}` is not known; a field is read as `context[\"{unknown}\"]`"
                ),
            ),
        }
    }

    /// `name := value`; the name stays visible.
    fn assignment(&mut self, named: &ruff_python_ast::ExprNamed) -> Checked {
        let Expr::Name(target) = &*named.target else {
            return self.refuse(&*named.target, "`:=` needs a name on its left");
        };
        let name = target.id.as_str();
        if self.lambdas > 0 {
            return self.refuse(named, "`:=` is not allowed in a lambda");
        }
        if self.scope.iter().any(|(known, _)| known == name) {
            return self.refuse(named, "`:=` cannot set the variable of a loop");
        }
        if ["context", "workitem"].contains(&name) {
            return self.refuse(named, format!("`:=` cannot set `{name}`"));
        }
        let value = self.node(&named.value)?;
        let number = match self.variable_called(name) {
            Some(Node::Assigned(number, _)) => number,
            _ => {
                let number = self.fresh();
                self.assigned.push((name.to_owned(), number));
                number
            }
        };
        Ok(Node::Assign(number, Box::new(value)))
    }

    /// The number of a new variable.
    fn fresh(&mut self) -> u32 {
        self.variables += 1;
        self.variables - 1
    }

    fn attribute(&mut self, attribute: &ruff_python_ast::ExprAttribute) -> Checked {
        if let Expr::Name(name) = &*attribute.value
            && name.id.as_str() == "workitem"
            && self.variable_called("workitem").is_none()
        {
            return match attribute.attr.as_str() {
                "fields" => Ok(Node::Fields),
                other => self.refuse(
                    attribute,
                    format!(
                        "`workitem.{other}` does not exist; a condition sees only `workitem.fields`"
                    ),
                ),
            };
        }
        if let Some(argument) = self.argument_of_type(&attribute.value)
            && attribute.attr.as_str() == "__name__"
        {
            return Ok(Node::Call("type_name", vec![self.node(argument)?]));
        }
        if let Some(checked) = self.dated_attribute(attribute) {
            return checked;
        }
        self.refuse(
            attribute,
            format!(
                "the attribute `{}` does not exist here",
                attribute.attr.as_str()
            ),
        )
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
        self.known_field(&value, &index, &*subscript.slice)?;
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
}

/// The digits of an integer literal as Python prints it; `None` for a radix other than ten.
fn decimal_digits(written: &str) -> Option<String> {
    let digits: String = written
        .chars()
        .filter(|character| *character != '_')
        .collect();
    let significant = digits.trim_start_matches('0');
    (significant.chars().all(|digit| digit.is_ascii_digit()) && !significant.is_empty())
        .then(|| significant.to_owned())
}
