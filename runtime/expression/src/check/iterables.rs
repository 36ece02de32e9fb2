//! What can be iterated: values, generators, views of dicts, and functions such as `range` and
//! `map`.
//!
//! Most are turned into a list at once. Generators, `map` and `filter` become loops in `any`, `all`
//! and `next`, so that these stop early, as in Python.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::{Expr, ExprCall};

use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::{Clause, Helper, Item, Node, SequenceKind};

/// Methods of dicts whose result can only be iterated.
pub(crate) const VIEWS: &[(&str, Helper)] = &[
    ("items", "dict_items"),
    ("keys", "dict_keys"),
    ("values", "dict_values"),
];

/// Functions whose result can only be iterated.
pub(crate) const STREAMS: &[&str] = &[
    "enumerate",
    "filter",
    "iter",
    "map",
    "range",
    "reversed",
    "zip",
];

/// An element and the loops that produce it.
type Loops = (Node, Vec<Clause>);

impl Checker<'_> {
    /// A value that a loop can iterate.
    pub(super) fn iterable(&mut self, expression: &Expr) -> Checked {
        if let Some((element, clauses)) = self.generated(expression)? {
            return Ok(Node::Comprehension {
                collected: SequenceKind::List,
                element: Box::new(element),
                clauses,
            });
        }
        let Expr::Call(call) = expression else {
            return self.node(expression);
        };
        if let Some(name) = self.stream_name(call) {
            return self.stream(name, call);
        }
        if let Expr::Attribute(attribute) = &*call.func
            && let Some((name, helper)) = VIEWS
                .iter()
                .find(|(name, _)| *name == attribute.attr.as_str())
        {
            self.arguments(call, 0, 0)?;
            let receiver = self.node(&attribute.value)?;
            let dict = Node::Call("need_dict", vec![receiver, Node::text(*name)]);
            return Ok(Node::Call(helper, vec![dict]));
        }
        self.node(expression)
    }

    /// `mapping.keys()`, which is similar to a set.
    pub(super) fn is_keys(expression: &Expr) -> bool {
        matches!(expression, Expr::Call(call)
            if matches!(&*call.func, Expr::Attribute(attribute) if attribute.attr.as_str() == "keys"))
    }

    /// The dict of `mapping.keys()`.
    pub(super) fn receiver_of_keys(&mut self, expression: &Expr) -> Checked {
        Ok(match self.iterable(expression)? {
            Node::Call("dict_keys", mut dict) => dict.remove(0),
            other => other,
        })
    }

    fn stream_name(&self, call: &ExprCall) -> Option<&'static str> {
        STREAMS
            .iter()
            .find(|name| self.is_builtin(&call.func, name))
            .copied()
    }

    /// The loops of a generator, `map` or `filter`.
    pub(super) fn generated(&mut self, expression: &Expr) -> Result<Option<Loops>, Refusal> {
        match expression {
            Expr::Generator(generator) => {
                Ok(Some(self.loops(&generator.elt, &generator.generators)?))
            }
            Expr::Call(call) => match self.stream_name(call) {
                Some("map") => Ok(Some(self.map(call)?)),
                Some("filter") => Ok(Some(self.filter(call)?)),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn map(&mut self, call: &ExprCall) -> Result<Loops, Refusal> {
        let arguments = self.arguments(call, 2, usize::MAX)?;
        let source = match &arguments[1..] {
            [only] => self.iterable(only)?,
            several => self.zip(several)?,
        };
        let targets: Vec<u32> = arguments[1..].iter().map(|_| self.fresh()).collect();
        let element = self.apply(&arguments[0], &targets)?;
        let clause = Clause {
            source,
            targets,
            conditions: Vec::new(),
        };
        Ok((element, vec![clause]))
    }

    fn filter(&mut self, call: &ExprCall) -> Result<Loops, Refusal> {
        let arguments = self.arguments(call, 2, 2)?;
        let source = self.iterable(&arguments[1])?;
        let item = self.fresh();
        let condition = match &arguments[0] {
            Expr::NoneLiteral(_) => Node::Variable(item),
            callable => self.apply(callable, &[item])?,
        };
        let clause = Clause {
            source,
            targets: vec![item],
            conditions: vec![condition],
        };
        Ok((Node::Variable(item), vec![clause]))
    }

    fn zip(&mut self, sources: &[Expr]) -> Checked {
        let items = sources
            .iter()
            .map(|source| match source {
                Expr::Starred(starred) => Ok(Item::Each(self.iterable(&starred.value)?)),
                source => Ok(Item::One(self.iterable(source)?)),
            })
            .collect::<Result<Vec<_>, Refusal>>()?;
        Ok(Node::Call(
            "zip",
            vec![Node::Sequence(SequenceKind::List, items)],
        ))
    }

    fn stream(&mut self, name: &str, call: &ExprCall) -> Checked {
        match name {
            "range" => {
                let mut bounds = self.nodes(self.arguments(call, 1, 3)?)?;
                if bounds.len() == 1 {
                    bounds.insert(0, Node::integer(0));
                }
                if bounds.len() == 2 {
                    bounds.push(Node::integer(1));
                }
                Ok(Node::Call("range", bounds))
            }
            "enumerate" => {
                let (arguments, start) = self.with_keyword(call, "start", 1, 2)?;
                let source = self.iterable(&arguments[0])?;
                let start = match arguments.get(1).or(start) {
                    Some(start) => self.node(start)?,
                    None => Node::integer(0),
                };
                Ok(Node::Call("enumerate", vec![source, start]))
            }
            "reversed" => {
                let arguments = self.arguments(call, 1, 1)?;
                Ok(Node::Call("reversed", vec![self.node(&arguments[0])?]))
            }
            "iter" => {
                let arguments = self.arguments(call, 1, 1)?;
                Ok(Node::Call("iterable", vec![self.iterable(&arguments[0])?]))
            }
            _ => {
                if let Some(keyword) = call.arguments.keywords.first() {
                    return self.refuse(keyword, "a named argument is not allowed here");
                }
                self.zip(&call.arguments.args)
            }
        }
    }

    /// `next(generator)` and `next(generator, default)`.
    pub(super) fn next(&mut self, call: &ExprCall) -> Checked {
        let arguments = self.arguments(call, 1, 2)?;
        let loops = match self.generated(&arguments[0])? {
            Some(loops) => loops,
            None => {
                let iterator = match &arguments[0] {
                    Expr::Call(inner) => {
                        self.stream_name(inner).is_some_and(|name| name != "range")
                    }
                    _ => false,
                };
                if !iterator {
                    return self.refuse(
                        &arguments[0],
                        "`next` needs a generator, `iter`, `map`, `filter`, `zip`, `enumerate` or `reversed`",
                    );
                }
                let item = self.fresh();
                let clause = Clause {
                    source: self.iterable(&arguments[0])?,
                    targets: vec![item],
                    conditions: Vec::new(),
                };
                (Node::Variable(item), vec![clause])
            }
        };
        let default = arguments.get(1).map(|default| self.node(default));
        let (element, mut clauses) = loops;
        // What the first loop iterates is evaluated before the default.
        let source = self.fresh();
        let value = clauses.first_mut().map(|first| {
            let source = std::mem::replace(&mut first.source, Node::Variable(source));
            Node::Call("iterable", vec![source])
        });
        Ok(Node::Let {
            variable: source,
            value: Box::new(value.unwrap_or_else(Checker::none)),
            body: Box::new(Node::First {
                element: Box::new(element),
                clauses,
                default: default.transpose()?.map(Box::new),
            }),
        })
    }
}
