//! What of a large definition is drawn: the outer elements first. A box whose inside does not fit says how many
//! activities it holds.

use crate::node::{Body, Node};
use std::collections::VecDeque;

/// The most boxes of a drawing.
pub const BOXES_MAX: usize = 1_000;
/// The most of a Mermaid text; its readers refuse more than 500 edges or 50,000 characters.
pub const MERMAID_MAX: usize = 150;

/// The most boxes that are next to one another.
const BRANCHES_MAX: usize = 50;
/// The most that follow one another.
const LIST_MAX: usize = 250;

/// A node with so many of those in it as may be drawn.
pub(crate) fn bounded(root: &Node, most: usize) -> Node {
    let mut left = most.saturating_sub(1);
    // Those that are shown, in the order of their levels: how many of their children are, and whether what is attached is.
    let mut shown: Vec<(usize, bool)> = Vec::new();
    let mut open = VecDeque::from([root]);
    while let Some(node) = open.pop_front() {
        let branches = match node.body {
            Body::All | Body::Race | Body::Choice | Body::ChoiceOrNone => BRANCHES_MAX,
            Body::Leaf | Body::Sequence | Body::Loop => LIST_MAX,
        };
        let children = node.children.len().min(branches);
        let attached = node.attached.len();
        // The root shows something in any case.
        let (children, attached) = match (children + attached <= left, shown.is_empty()) {
            (true, _) => (children, attached),
            (false, true) => (children.min(left), 0),
            (false, false) => (0, 0),
        };
        let attached = attached.min(BRANCHES_MAX);
        left -= children + attached;
        shown.push((children, attached > 0));
        open.extend(node.children.iter().take(children));
        open.extend(node.attached.iter().take(attached));
    }
    rebuilt(root, &shown)
}

/// Copies what is shown, level by level, then puts it together from the innermost.
fn rebuilt(root: &Node, shown: &[(usize, bool)]) -> Node {
    let mut copies: Vec<Node> = Vec::with_capacity(shown.len());
    let mut open = VecDeque::from([root]);
    // For each copy, which ones are its children, then which are attached.
    let mut inner: Vec<(usize, usize, usize)> = Vec::with_capacity(shown.len());
    let mut next = 1;
    for (children, has_attached) in shown {
        let Some(node) = open.pop_front() else { break };
        let attached = match has_attached {
            true => node.attached.len().min(BRANCHES_MAX),
            false => 0,
        };
        let hidden = node.children.iter().skip(*children);
        let hidden = hidden.chain(node.attached.iter().skip(attached));
        copies.push(Node {
            hidden: node.hidden + hidden.map(Node::count).sum::<usize>(),
            ..node.shallow()
        });
        inner.push((next, *children, attached));
        next += children + attached;
        open.extend(node.children.iter().take(*children));
        open.extend(node.attached.iter().take(attached));
    }
    while let Some((first, children, _)) = inner.pop() {
        let mut below = copies.split_off(first.min(copies.len()));
        let attached = below.split_off(children.min(below.len()));
        if let Some(node) = copies.get_mut(inner.len()) {
            node.children = below;
            node.attached = attached;
        }
    }
    copies.swap_remove(0)
}
