//! Questions about types: `isinstance(x, (int, float))`, `type(x) is str`, `type(x) in (list,
//! dict)`.
//!
//! Types are not values here. A question becomes a helper with the set of matching tags, one bit
//! each.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::{CmpOp, Expr, ExprCall, ExprCompare, Operator};

use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::Node;
use crate::library::sugar::named;

/// Types and the tags of their values.
const TYPES: &[(&str, &[&str])] = &[
    ("bool", &["BOOL"]),
    ("int", &["INT", "BIG"]),
    ("float", &["FLOAT"]),
    ("str", &["TEXT"]),
    ("list", &["LIST", "HOST_LIST"]),
    ("tuple", &["TUPLE"]),
    ("dict", &["DICT", "HOST_RECORD"]),
    ("set", &["SET"]),
    ("datetime", &["DATETIME"]),
    ("date", &["DATE"]),
    ("time", &["TIME"]),
    ("timedelta", &["DELTA"]),
    ("timezone", &["ZONE"]),
    ("NoneType", &["NULL"]),
];

/// Whether a boolean counts as an integer, and a datetime as a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subtypes {
    /// As for `isinstance`.
    Count,
    /// As for `type(x) is`.
    Differ,
}

impl Checker<'_> {
    pub(super) fn argument_of_type<'e>(&self, expression: &'e Expr) -> Option<&'e Expr> {
        match expression {
            Expr::Call(call)
                if self.is_builtin(&call.func, "type") && call.arguments.keywords.is_empty() =>
            {
                match &*call.arguments.args {
                    [only] if !only.is_starred_expr() => Some(only),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub(super) fn is_instance(&mut self, call: &ExprCall) -> Checked {
        let arguments = self.arguments(call, 2, 2)?;
        let value = self.node(&arguments[0])?;
        let mask = self.types(&arguments[1], Subtypes::Count)?;
        Ok(Node::TestWith("has_type", vec![value], mask))
    }

    /// A comparison with `type(…)` on one side; `None` if there is none.
    pub(super) fn type_comparison(&mut self, compare: &ExprCompare) -> Option<Checked> {
        let of_type = |expression: &Expr| self.argument_of_type(expression).is_some();
        let asked = of_type(&compare.left) || compare.comparators.iter().any(of_type);
        let ([operator], [right]) = (&*compare.ops, &*compare.comparators) else {
            return asked
                .then(|| self.refuse(compare, "`type` is not allowed in a chain of comparisons"));
        };
        asked.then(|| self.compared_types(compare, *operator, right))
    }

    fn compared_types(&mut self, compare: &ExprCompare, operator: CmpOp, right: &Expr) -> Checked {
        let left = &*compare.left;
        let test = match (self.argument_of_type(left), self.argument_of_type(right)) {
            (Some(left), Some(right)) if is_equality(operator) => {
                let operands = vec![self.node(left)?, self.node(right)?];
                Node::Test("same_type", operands)
            }
            (Some(value), None) => {
                let mask = match right {
                    _ if is_equality(operator) => self.one_type(right)?,
                    Expr::Tuple(_) | Expr::List(_) | Expr::Set(_)
                        if matches!(operator, CmpOp::In | CmpOp::NotIn) =>
                    {
                        self.types(right, Subtypes::Differ)?
                    }
                    _ => return self.refuse(compare, "`type` is not allowed in this comparison"),
                };
                Node::TestWith("has_type", vec![self.node(value)?], mask)
            }
            (None, Some(value)) if is_equality(operator) => {
                let mask = self.one_type(left)?;
                Node::TestWith("has_type", vec![self.node(value)?], mask)
            }
            _ => return self.refuse(compare, "`type` is not allowed in this comparison"),
        };
        let negative = matches!(operator, CmpOp::NotEq | CmpOp::IsNot | CmpOp::NotIn);
        Ok(if negative {
            Node::Not(Box::new(test))
        } else {
            test
        })
    }

    fn one_type(&self, expression: &Expr) -> Result<i32, Refusal> {
        match expression {
            Expr::Name(name) => self.type_called(expression, name.id.as_str(), Subtypes::Differ),
            _ => self.refuse(expression, "`type(x)` can only be compared with a type"),
        }
    }

    /// The tags of a type, of `int | float`, or of a display of types.
    fn types(&self, expression: &Expr, subtypes: Subtypes) -> Result<i32, Refusal> {
        match expression {
            Expr::Name(name) => self.type_called(expression, name.id.as_str(), subtypes),
            Expr::BinOp(either) if either.op == Operator::BitOr && subtypes == Subtypes::Count => {
                let none = |side: &Expr| match side {
                    Expr::NoneLiteral(_) => self.type_called(side, "NoneType", subtypes),
                    side => self.types(side, subtypes),
                };
                Ok(none(&either.left)? | none(&either.right)?)
            }
            Expr::Tuple(tuple) => self.any_of(&tuple.elts, subtypes),
            Expr::List(list) if subtypes == Subtypes::Differ => self.any_of(&list.elts, subtypes),
            Expr::Set(set) if subtypes == Subtypes::Differ => self.any_of(&set.elts, subtypes),
            _ if self
                .argument_of_type(expression)
                .is_some_and(Expr::is_none_literal_expr) =>
            {
                self.type_called(expression, "NoneType", subtypes)
            }
            _ => self.refuse(expression, "expected a type here"),
        }
    }

    fn any_of(&self, expressions: &[Expr], subtypes: Subtypes) -> Result<i32, Refusal> {
        expressions.iter().try_fold(0, |mask, expression| {
            Ok(mask | self.types(expression, subtypes)?)
        })
    }

    fn type_called(&self, at: &Expr, name: &str, subtypes: Subtypes) -> Result<i32, Refusal> {
        let known = TYPES.iter().find(|(known, _)| *known == name);
        let written = !at.is_name_expr() || (name != "NoneType" && self.is_builtin(at, name));
        let Some((_, tags)) = known.filter(|_| written) else {
            let names: Vec<_> = TYPES.iter().map(|(name, _)| *name).collect();
            let names = names[..names.len() - 1].join(", ");
            return self.refuse(
                at,
                format!("the type `{name}` does not exist here; expected {names}"),
            );
        };
        let truths: &[&str] = match subtypes {
            Subtypes::Count if name == "int" => &["BOOL"],
            Subtypes::Count if name == "date" => &["DATETIME"],
            Subtypes::Count | Subtypes::Differ => &[],
        };
        let bit = |tag: &&str| 1 << named(tag);
        Ok(tags.iter().chain(truths).map(bit).sum())
    }
}

fn is_equality(operator: CmpOp) -> bool {
    matches!(
        operator,
        CmpOp::Is | CmpOp::IsNot | CmpOp::Eq | CmpOp::NotEq
    )
}
