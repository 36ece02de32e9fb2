//! Functions that make one value of many: `any all sum min max sorted`, with their `key=`, `default=` and `start`.

use ruff_python_ast::{Expr, ExprCall};

use super::{Checked, Checker};
use crate::ir::{Clause, Node, Quantifier, SequenceKind};

impl Checker<'_> {
    pub(super) fn quantified(&mut self, quantifier: Quantifier, call: &ExprCall) -> Checked {
        let arguments = self.arguments(call, 1, 1)?;
        if let Some((element, clauses)) = self.generated(&arguments[0])? {
            return Ok(Node::Quantified {
                quantifier,
                element: Box::new(element),
                clauses,
            });
        }
        let helper = match quantifier {
            Quantifier::Any => "any",
            Quantifier::All => "all",
        };
        Ok(Node::Test(helper, vec![self.iterable(&arguments[0])?]))
    }

    /// A generator's elements are added one by one.
    pub(super) fn sum(&mut self, call: &ExprCall) -> Checked {
        let (arguments, start) = self.with_keyword(call, "start", 1, 2)?;
        let start = arguments.get(1).or(start);
        match self.generated(&arguments[0])? {
            Some((element, clauses)) => Ok(Node::Fold {
                start: Some(Box::new(Node::Call("sum_start", vec![self.start(start)?]))),
                step: "add_values",
                element: Box::new(element),
                clauses,
            }),
            None => {
                let source = self.iterable(&arguments[0])?;
                Ok(Node::Call("sum", vec![source, self.start(start)?]))
            }
        }
    }

    fn start(&mut self, start: Option<&Expr>) -> Checked {
        start.map_or_else(|| Ok(Node::integer(0)), |start| self.node(start))
    }

    pub(super) fn sorted(&mut self, call: &ExprCall) -> Checked {
        let arguments = self.positional(call, 1, 1)?;
        let [key, reverse] = self.keywords(call, ["key", "reverse"])?;
        let reverse = match reverse {
            None => 0,
            Some(Expr::BooleanLiteral(literal)) => i32::from(literal.value),
            Some(other) => {
                return self.refuse(other, "`reverse` must be `True` or `False`");
            }
        };
        let source = self.iterable(&arguments[0])?;
        self.by_key(source, key, None, |mut operands| {
            let helper = if operands.len() == 1 {
                "sorted"
            } else {
                "sorted_by"
            };
            operands.truncate(2);
            Node::CallWith(helper, operands, reverse)
        })
    }

    /// `min` (operator 0, `<`) and `max` (operator 2, `>`).
    pub(super) fn extreme(&mut self, call: &ExprCall, operator: i32) -> Checked {
        let [key, default] = self.keywords(call, ["key", "default"])?;
        if let ([only], None, None) = (&*call.arguments.args, key, default)
            && let Some((element, clauses)) = self.generated(only)?
        {
            let found = Node::Fold {
                start: None,
                step: if operator == 0 { "lesser" } else { "larger" },
                element: Box::new(element),
                clauses,
            };
            return Ok(Node::CallWith("or_empty", vec![found], operator));
        }
        let source = match &*call.arguments.args {
            [] => return self.refuse(call, "this call has 0 arguments; expected at least 1"),
            [only] if !only.is_starred_expr() => self.iterable(only)?,
            several => {
                if let Some(default) = default {
                    return self
                        .refuse(default, "`default` is only allowed with a single iterable");
                }
                let items = Node::Sequence(SequenceKind::List, self.items(several)?);
                if several.iter().any(Expr::is_starred_expr) {
                    Node::Call("only_iterable", vec![items])
                } else {
                    items
                }
            }
        };
        let has_default = default.is_some();
        self.by_key(source, key, default, |operands| {
            let helper = match (operands.len(), has_default) {
                (1, _) => "extreme",
                (2, true) => "extreme_or",
                (2, false) => "extreme_by",
                _ => "extreme_by_or",
            };
            Node::CallWith(helper, operands, operator)
        })
    }

    /// Returns the source, the default if there is one, and the keys if there is a function for
    /// them: in the order in which Python finds faults in them.
    fn by_key(
        &mut self,
        source: Node,
        key: Option<&Expr>,
        default: Option<&Expr>,
        make: impl FnOnce(Vec<Node>) -> Node,
    ) -> Checked {
        let default = default.map(|default| self.node(default)).transpose()?;
        let key = key.filter(|key| !key.is_none_literal_expr());
        let Some(key) = key else {
            return Ok(make([source].into_iter().chain(default).collect()));
        };
        let (items, item) = (self.fresh(), self.fresh());
        let kept = default.map(|default| (self.fresh(), default));
        let element = self.apply(key, &[item])?;
        let keys = Node::Comprehension {
            collected: SequenceKind::List,
            element: Box::new(element),
            clauses: vec![Clause {
                source: Node::Variable(items),
                targets: vec![item],
                conditions: Vec::new(),
            }],
        };
        let mut operands = vec![Node::Variable(items), keys];
        operands.extend(kept.iter().map(|(variable, _)| Node::Variable(*variable)));
        let mut body = make(operands);
        if let Some((variable, value)) = kept {
            body = Node::Let {
                variable,
                value: Box::new(value),
                body: Box::new(body),
            };
        }
        Ok(Node::Let {
            variable: items,
            value: Box::new(Node::Call("iterable", vec![source])),
            body: Box::new(body),
        })
    }
}
