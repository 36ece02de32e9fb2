//! Where everything in a picture is.
//!
//! A definition is a tree, and its course runs downwards. So a box is measured from the inside out: first what is in it,
//! then the box around that. Each box has an *axis*, the vertical line on which the course enters and leaves it; boxes
//! that follow one another have theirs in one line, so that edges between them are straight. What is beside the course
//! (handlers, events, ends) is to the right of it. Nothing crosses anything, and no search is needed.

mod body;
mod head;

use crate::{
    Marks,
    drawing::{Course, Drawing, Edge, Figure, Rect, Symbol},
    node::{Body, Node},
};
use body::Inner;
use head::Head;

/// Between a box and what is in it.
const PADDING: i32 = 14;
/// Between a head and what is below it.
const BELOW_HEAD: i32 = 12;
/// Between boxes that follow one another.
const GAP: i32 = 28;
/// Between boxes that are next to one another.
const ASIDE: i32 = 20;
/// Between the course and the line to what is beside it, and from there to that.
const RAIL: i32 = 18;
/// Around the picture.
const MARGIN: i32 = 16;

/// A figure at no place yet, and where its axis is.
struct Block {
    figure: Figure,
    axis: i32,
}

/// The picture of a definition.
pub(crate) fn drawing(root: &Node, marks: &Marks) -> Drawing {
    let mut root = block(root, marks).figure;
    root.settle(MARGIN, MARGIN);
    let count = root.all().len();
    let hidden: usize = root.all().iter().map(|figure| figure.hidden).sum();
    let hidden = match hidden {
        0 => String::new(),
        hidden => format!(", {hidden} more are not drawn"),
    };
    Drawing {
        width: root.rect.right() + MARGIN,
        height: root.rect.bottom() + MARGIN,
        title: root.title.clone(),
        description: format!(
            "A diagram of nested boxes, one for each of {count} elements of the definition{hidden}. It is read downwards; \
             handlers, events and ends are to the right."
        ),
        root,
    }
}

/// As deep as the definition.
fn block(node: &Node, marks: &Marks) -> Block {
    let inner = Inner::of(node, marks);
    let side = Side::of(node, marks);
    let contents = inner.as_ref().map_or(0, |inner| inner.width)
        + side.as_ref().map_or(0, |side| side.width + 2 * RAIL);
    let mut head = Head::of(node, marks, contents);
    let mut figure = figure(node, marks, &head);
    let Some(inner) = inner else {
        let width = even(head.width + 2 * head::LEAF_PADDING);
        head.settle(width, head::LEAF_PADDING, head::LEAF_TOP);
        figure.texts = head.texts;
        figure.rect.width = width;
        figure.rect.height = head.height + 2 * head::LEAF_TOP;
        return Block {
            figure,
            axis: width / 2,
        };
    };
    let room = even(head.width.max(contents));
    let left = PADDING + (room - contents) / 2;
    let top = PADDING + head.height + BELOW_HEAD;
    let width = room + 2 * PADDING;
    head.settle(width, PADDING, PADDING);
    figure.texts = head.texts;
    let axis = left + inner.axis;
    let mut bottom = top + inner.height;
    let rail = left + inner.width + RAIL;
    inner.add_to(&mut figure, left, top);
    if let Some(side) = side {
        bottom = bottom.max(top + side.height);
        side.add_to(&mut figure, rail, top);
    }
    figure.rect.width = width;
    figure.rect.height = bottom + PADDING;
    Block { figure, axis }
}

/// Boxes are symmetric to whole pixels.
const fn even(width: i32) -> i32 {
    width + width % 2
}

fn figure(node: &Node, marks: &Marks, head: &Head) -> Figure {
    Figure {
        path: node.path.clone(),
        id: node.id.clone(),
        line: node.line,
        word: node.word,
        title: head.title.clone(),
        description: head.description.clone(),
        rect: Rect {
            x: 0,
            y: 0,
            width: 0,
            height: 0,
        },
        texts: Vec::new(),
        edges: Vec::new(),
        hidden: node.hidden,
        children: Vec::new(),
        kind: node.kind,
        change: node.change.clone(),
        is_leaf: node.body == Body::Leaf,
        here: marks.count(node) > 0,
        taken: marks.is_taken(node),
        symbols: Vec::new(),
    }
}

/// What is beside the course of a scope, below one another.
struct Side {
    blocks: Vec<Block>,
    width: i32,
    height: i32,
}

impl Side {
    /// How far below the upper end of a box its line arrives.
    const ENTRY: i32 = 20;

    fn of(node: &Node, marks: &Marks) -> Option<Self> {
        if node.attached.is_empty() {
            return None;
        }
        let blocks: Vec<Block> = node
            .attached
            .iter()
            .map(|part| block(part, marks))
            .collect();
        let heights: i32 = blocks.iter().map(|part| part.figure.rect.height).sum();
        let widths = blocks.iter().map(|part| part.figure.rect.width);
        let gaps = i32::try_from(blocks.len()).unwrap_or(i32::MAX) - 1;
        Some(Self {
            width: widths.max().unwrap_or(0),
            height: heights + gaps * ASIDE,
            blocks,
        })
    }

    fn add_to(self, figure: &mut Figure, rail: i32, top: i32) {
        let anchor = Rect {
            x: rail - 4,
            y: top,
            width: 8,
            height: 8,
        };
        figure.symbols.push((Symbol::Anchor, anchor));
        let mut y = top;
        for block in self.blocks {
            let mut part = block.figure;
            part.rect.x = rail + RAIL;
            part.rect.y = y;
            let entry = y + Self::ENTRY;
            y = part.rect.bottom() + ASIDE;
            figure.edges.push(Edge {
                points: vec![(rail, anchor.bottom()), (rail, entry), (part.rect.x, entry)],
                course: Course::Aside,
                has_arrow: true,
                to: Some(figure.children.len()),
                from: None,
            });
            figure.children.push(part);
        }
    }
}
