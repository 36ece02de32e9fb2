//! Connectives and comparisons.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprBoolOp, ExprCompare};

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

    pub(super) fn compare(&mut self, compare: &ExprCompare) -> Checked {
        let first = self.node(&compare.left)?;
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
            CmpOp::In => return Ok(("contains", self.container(right)?)),
            CmpOp::NotIn => return Ok(("contains_not", self.container(right)?)),
            CmpOp::Is | CmpOp::IsNot => {
                let singleton = |expression: &Expr| {
                    matches!(expression, Expr::NoneLiteral(_) | Expr::BooleanLiteral(_))
                };
                if !singleton(left) && !singleton(right) {
                    return self.refuse(right, "`is` with anything but None, True and False");
                }
                if operator == CmpOp::Is {
                    "is"
                } else {
                    "is_not"
                }
            }
        };
        Ok((helper, self.node(right)?))
    }

    /// What stands right of `in`: a set is welcome there, and what can only be gone through.
    fn container(&mut self, expression: &Expr) -> Checked {
        match expression {
            Expr::Set(set) => Ok(Node::Sequence(SequenceKind::Set, self.nodes(&set.elts)?)),
            Expr::Call(_) | Expr::Generator(_) => self.iterable(expression),
            _ => self.node(expression),
        }
    }

    /// `None`, for operands that are left out.
    pub(super) fn none() -> Node {
        Node::Constant(Constant::None)
    }
}
