//! Operators: connectives, comparisons, arithmetic.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprBinOp, ExprBoolOp, ExprCompare, Operator};

use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::{Constant, Helper, Node, SequenceKind};

impl Checker<'_> {
    pub(super) fn connective(&mut self, operation: &ExprBoolOp) -> Checked {
        let operands = self.nodes(&operation.values)?;
        Ok(match operation.op {
            BoolOp::And => Node::And(operands),
            BoolOp::Or => Node::Or(operands),
        })
    }

    pub(super) fn binary(&mut self, operation: &ExprBinOp) -> Checked {
        let (left, right) = (&*operation.left, &*operation.right);
        let helper = match operation.op {
            Operator::Add => "add_values",
            Operator::Sub => "subtract",
            Operator::Mult => "multiply",
            Operator::Div => "divide",
            Operator::FloorDiv => "floor_divide",
            Operator::Mod => match left {
                Expr::StringLiteral(template) => return self.percent(template, right),
                _ => "modulo",
            },
            Operator::BitAnd => "bit_and",
            Operator::BitOr => "bit_or",
            Operator::BitXor => "bit_xor",
            Operator::LShift => "shift_left",
            Operator::RShift => "shift_right",
            Operator::Pow => return self.power(operation),
            Operator::MatMult => {
                return self.refuse(operation, "the operator `@` is not supported");
            }
        };
        let set_like = matches!(
            operation.op,
            Operator::BitAnd | Operator::BitOr | Operator::BitXor | Operator::Sub
        );
        let operands = if set_like && (Self::is_keys(left) || Self::is_keys(right)) {
            self.sets = true;
            // Next to a dict's keys, anything iterable is allowed.
            let side = |checker: &mut Self, side| -> Checked {
                Ok(Node::Call("to_set", vec![checker.iterable(side)?]))
            };
            vec![side(self, left)?, side(self, right)?]
        } else {
            vec![self.node(left)?, self.node(right)?]
        };
        Ok(Node::Call(helper, operands))
    }

    /// A constant exponent keeps the compiled code small.
    fn power(&mut self, operation: &ExprBinOp) -> Checked {
        let base = self.node(&operation.left)?;
        Ok(match self.node(&operation.right)? {
            Node::Constant(Constant::Integer(exponent)) if (0..64).contains(&exponent) => {
                Node::CallWith("power_of", vec![base], exponent as i32)
            }
            exponent => Node::Call("power", vec![base, exponent]),
        })
    }

    pub(super) fn compare(&mut self, compare: &ExprCompare) -> Checked {
        if let Some(checked) = self.type_comparison(compare) {
            return checked;
        }
        let first = self.compared(&compare.left)?;
        let mut links = Vec::new();
        let mut left = &*compare.left;
        for (operator, right) in compare.ops.iter().zip(&compare.comparators) {
            links.push(self.link(left, *operator, right)?);
            left = right;
        }
        if links.len() == 1
            && let Some((helper, operand)) = links.pop()
        {
            return Ok(Node::Test(helper, vec![first, operand]));
        }
        Ok(Node::Chain {
            first: Box::new(first),
            links,
        })
    }

    /// The helper of one comparison and its right operand.
    fn link(
        &mut self,
        left: &Expr,
        operator: CmpOp,
        right: &Expr,
    ) -> Result<(Helper, Node), Refusal> {
        let helper = match operator {
            CmpOp::Eq => "equal",
            CmpOp::NotEq => "unequal",
            CmpOp::Lt => "less",
            CmpOp::LtE => "less_equal",
            CmpOp::Gt => "greater",
            CmpOp::GtE => "greater_equal",
            CmpOp::In | CmpOp::NotIn => {
                let value = self.container(right)?;
                if let Expr::StringLiteral(name) = left {
                    self.known_field(&value, &Node::text(name.value.to_str()), left)?;
                }
                let is_in = operator == CmpOp::In;
                return Ok((if is_in { "contains" } else { "contains_not" }, value));
            }
            CmpOp::Is | CmpOp::IsNot => {
                let singleton = |expression: &Expr| {
                    matches!(expression, Expr::NoneLiteral(_) | Expr::BooleanLiteral(_))
                };
                if !singleton(left) && !singleton(right) {
                    return self.refuse(right, "`is` needs `None`, `True` or `False` on one side; to compare values, write `==`");
                }
                if operator == CmpOp::Is {
                    "is"
                } else {
                    "is_not"
                }
            }
        };
        Ok((helper, self.compared(right)?))
    }

    /// An operand of a comparison, in which a dict's keys are a set.
    fn compared(&mut self, expression: &Expr) -> Checked {
        if Self::is_keys(expression) {
            return Ok(Node::Call("to_set", vec![self.iterable(expression)?]));
        }
        self.node(expression)
    }

    /// The right side of `in`, where something that can only be iterated is allowed.
    fn container(&mut self, expression: &Expr) -> Checked {
        match expression {
            Expr::Set(set) => self.display(SequenceKind::Members, &set.elts),
            // In a dict's keys means in the dict.
            Expr::Call(_) if Self::is_keys(expression) => self.receiver_of_keys(expression),
            Expr::Call(_) | Expr::Generator(_) => self.iterable(expression),
            _ => self.node(expression),
        }
    }

    /// `None`, for operands that are left out.
    pub(super) fn none() -> Node {
        Node::Constant(Constant::None)
    }
}
