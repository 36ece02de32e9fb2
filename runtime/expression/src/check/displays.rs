//! Lists, tuples, sets and dicts as they are written, with unpacked values.

use ruff_python_ast::{Expr, ExprDict};

use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::{Item, Node, SequenceKind};

impl Checker<'_> {
    pub(super) fn display(&mut self, kind: SequenceKind, elements: &[Expr]) -> Checked {
        let items = self.items(elements)?;
        if kind != SequenceKind::Set {
            return Ok(Node::Sequence(kind, items));
        }
        self.sets = true;
        Ok(set(items))
    }

    /// Values and `*values`, of a display or of a call.
    pub(super) fn items(&mut self, elements: &[Expr]) -> Result<Vec<Item>, Refusal> {
        elements
            .iter()
            .map(|element| match element {
                Expr::Starred(starred) => Ok(Item::Each(self.iterable(&starred.value)?)),
                element => Ok(Item::One(self.node(element)?)),
            })
            .collect()
    }

    /// Refuses `*values` where it is not allowed.
    pub(super) fn no_unpacking(&self, expressions: &[Expr]) -> Result<(), Refusal> {
        match expressions
            .iter()
            .find(|expression| expression.is_starred_expr())
        {
            Some(starred) => self.refuse(starred, "unpacking by `*` is not allowed here"),
            None => Ok(()),
        }
    }

    /// Pairs become a dict at once; each `**mapping` is merged into what comes before it.
    pub(super) fn dict(&mut self, dict: &ExprDict) -> Checked {
        let mut pairs = Vec::new();
        let mut merged = None;
        for item in &dict.items {
            let value = self.node(&item.value)?;
            match &item.key {
                Some(key) => pairs.push((self.node(key)?, value)),
                None => {
                    let before = joined(merged.take(), std::mem::take(&mut pairs));
                    merged = Some(Node::Call("unpack_mapping", vec![before, value]));
                }
            }
        }
        Ok(joined(merged, pairs))
    }
}

/// A set, as Python builds it: what comes before the first `*values` at once, the rest piece by
/// piece, so that an item that cannot be in a set is a fault before what follows it is evaluated.
fn set(items: Vec<Item>) -> Node {
    let is_unpacked = |item: &Item| matches!(item, Item::Each(_));
    let at_once = items.iter().position(is_unpacked).unwrap_or(items.len());
    let mut items = items.into_iter();
    let first = items.by_ref().take(at_once).collect();
    items.fold(Node::Sequence(SequenceKind::Set, first), |set, item| {
        let next = Node::Sequence(SequenceKind::Set, vec![item]);
        Node::Call("joined_sets", vec![set, next])
    })
}

/// A dict with further pairs.
fn joined(merged: Option<Node>, pairs: Vec<(Node, Node)>) -> Node {
    match merged {
        None => Node::Dict(pairs),
        Some(merged) if pairs.is_empty() => merged,
        Some(merged) => Node::Call("merge", vec![merged, Node::Dict(pairs)]),
    }
}
