//! Lists, tuples, sets and dicts as they are written, with what is unpacked into them.

use ruff_python_ast::{Expr, ExprDict};

use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::{Item, Node, SequenceKind};

impl Checker<'_> {
    pub(super) fn display(&mut self, kind: SequenceKind, elements: &[Expr]) -> Checked {
        self.sets |= kind == SequenceKind::Set;
        Ok(Node::Sequence(kind, self.items(elements)?))
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

    /// Refuses `*values` where none can be.
    pub(super) fn no_unpacking(&self, expressions: &[Expr]) -> Result<(), Refusal> {
        match expressions
            .iter()
            .find(|expression| expression.is_starred_expr())
        {
            Some(starred) => self.refuse(starred, "an unpacking `*` here"),
            None => Ok(()),
        }
    }

    /// Pairs become a dict at once; each `**mapping` is merged into what stands before it.
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

/// A dict with further pairs.
fn joined(merged: Option<Node>, pairs: Vec<(Node, Node)>) -> Node {
    match merged {
        None => Node::Dict(pairs),
        Some(merged) if pairs.is_empty() => merged,
        Some(merged) => Node::Call("merge", vec![merged, Node::Dict(pairs)]),
    }
}
