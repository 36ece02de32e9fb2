//! What is in a box below its head: boxes that follow one another, or are next to one another.

use super::{ASIDE, Block, GAP, block, head};
use crate::{
    Marks,
    drawing::{Course, Edge, Figure, Rect, Style, Symbol, Text},
    node::{Body, Kind, Node},
};
use bureaucrat_definition::Tag;

/// Left of the boxes of a loop, for the line back.
const GUTTER: i32 = 26;
/// Above and below the boxes of a loop.
const TURN: i32 = 24;
/// How far the line back is from the left.
const BACK: i32 = 8;
/// The diameter of the beginning and the end of a process.
const DOT: i32 = 14;
/// The height of a bar, and how far it goes beyond the outermost branches.
const BAR: i32 = 4;
const BEYOND: i32 = 18;
const DIAMOND: i32 = 18;
/// From a symbol to the line that distributes its branches, and from the lowest branch to the one that collects them.
const SPREAD: i32 = 12;
const JOINT: i32 = 6;
/// From a line that distributes to the boxes.
const DROP: i32 = 20;

/// What is in a box; its upper left corner is at 0.
#[derive(Default)]
pub(super) struct Inner {
    figures: Vec<Figure>,
    texts: Vec<Text>,
    edges: Vec<Edge>,
    symbols: Vec<(Symbol, Rect)>,
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) axis: i32,
}

impl Inner {
    /// None in a box that only has a head.
    pub(super) fn of(node: &Node, marks: &Marks) -> Option<Self> {
        let is_empty = node.children.is_empty() && node.attached.is_empty();
        if node.body == Body::Leaf || is_empty && node.tag != Tag::Process {
            return None;
        }
        let blocks = node.children.iter().map(|child| block(child, marks));
        let blocks: Vec<Block> = blocks.collect();
        Some(match node.body {
            _ if node.tag == Tag::Process => Self::column(blocks).begun_and_ended(),
            Body::Leaf | Body::Sequence => Self::column(blocks),
            Body::Loop => Self::column(blocks).repeated(),
            Body::All => Self::row(blocks, Fork::bars(Symbol::Bar)),
            Body::Race => Self::row(blocks, Fork::bars(Symbol::OpenBar)),
            Body::Choice if node.kind == Kind::Wait => {
                Self::row(blocks, Fork::choice(Symbol::Waiting))
            }
            Body::Choice => Self::row(blocks, Fork::choice(Symbol::Choice)),
            Body::ChoiceOrNone => Self::row(blocks, Fork::choice(Symbol::Choice).or_none()),
        })
    }

    /// Puts it into a box.
    pub(super) fn add_to(mut self, figure: &mut Figure, x: i32, y: i32) {
        self.shift(x, y);
        let first = figure.children.len();
        for edge in &mut self.edges {
            edge.to = edge.to.map(|to| to + first);
            edge.from = edge.from.map(|from| from + first);
        }
        figure.children.append(&mut self.figures);
        figure.edges.append(&mut self.edges);
        figure.texts.append(&mut self.texts);
        figure.symbols.append(&mut self.symbols);
    }

    /// Makes room at the left and above.
    fn shift(&mut self, x: i32, y: i32) {
        for figure in &mut self.figures {
            figure.rect.x += x;
            figure.rect.y += y;
        }
        for point in self.edges.iter_mut().flat_map(|edge| &mut edge.points) {
            *point = (point.0 + x, point.1 + y);
        }
        for text in &mut self.texts {
            text.x += x;
            text.y += y;
        }
        for (_, rect) in &mut self.symbols {
            rect.x += x;
            rect.y += y;
        }
        self.width += x;
        self.height += y;
        self.axis += x;
    }

    /// Boxes that follow one another.
    fn column(blocks: Vec<Block>) -> Self {
        let left = blocks.iter().map(|block| block.axis).max().unwrap_or(0);
        let right = blocks
            .iter()
            .map(|block| block.figure.rect.width - block.axis);
        let mut inner = Self {
            width: left + right.max().unwrap_or(0),
            axis: left,
            ..Self::default()
        };
        for (place, block) in blocks.into_iter().enumerate() {
            let mut figure = block.figure;
            if place > 0 {
                let points = vec![(left, inner.height), (left, inner.height + GAP)];
                inner.edges.push(flow(points, Some(place - 1), Some(place)));
                inner.height += GAP;
            }
            figure.rect.x = left - block.axis;
            figure.rect.y = inner.height;
            inner.height = figure.rect.bottom();
            inner.figures.push(figure);
        }
        inner
    }

    fn last(&self) -> Option<usize> {
        self.figures.len().checked_sub(1)
    }

    /// A line back from the end to the beginning.
    fn repeated(mut self) -> Self {
        self.shift(GUTTER, TURN);
        let (last, first) = (self.last(), self.last().map(|_| 0));
        let (axis, bottom) = (self.axis, self.height);
        self.edges.push(Edge {
            points: vec![
                (axis, bottom),
                (axis, bottom + TURN / 2),
                (BACK, bottom + TURN / 2),
                (BACK, BACK / 2),
                (axis, BACK / 2),
                (axis, TURN),
            ],
            course: Course::Back,
            has_arrow: true,
            to: first,
            from: last,
        });
        self.height += TURN / 2 + BACK / 2;
        self
    }

    /// The beginning and the end of a process.
    fn begun_and_ended(mut self) -> Self {
        let least = DOT / 2 - self.axis;
        self.shift(least.max(0), DOT + GAP);
        self.width = self.width.max(self.axis + DOT / 2);
        let (axis, last) = (self.axis, self.last());
        let dot = |y| Rect {
            x: axis - DOT / 2,
            y,
            width: DOT,
            height: DOT,
        };
        self.symbols.push((Symbol::Start, dot(0)));
        let first = last.map(|_| 0);
        let begins = vec![(axis, DOT), (axis, DOT + GAP)];
        self.edges.push(flow(begins, None, first));
        if last.is_some() {
            let ends = vec![(axis, self.height), (axis, self.height + GAP)];
            self.edges.push(flow(ends, last, None));
            self.height += GAP;
        }
        self.symbols.push((Symbol::End, dot(self.height)));
        self.height += DOT;
        self
    }

    /// Boxes that are next to one another, between a fork and a join.
    fn row(blocks: Vec<Block>, fork: Fork) -> Self {
        let mut inner = Self::default();
        let top = fork.height();
        // Where the branches are, and where they end.
        let mut lanes = Vec::new();
        for (place, block) in blocks.into_iter().enumerate() {
            let mut figure = block.figure;
            figure.rect.x = inner.width;
            figure.rect.y = top;
            let lane = (inner.width + block.axis, figure.rect.bottom(), Some(place));
            inner.width = figure.rect.right() + ASIDE;
            inner.height = inner.height.max(figure.rect.bottom());
            inner.figures.push(figure);
            lanes.push(lane);
        }
        if fork.has_none {
            let mut label = head::text("otherwise".into(), Style::Label, top + 11);
            label.x = inner.width + 8;
            lanes.push((inner.width + 2, top, None));
            inner.width = label.x + label.width + ASIDE;
            inner.height = inner.height.max(top + 16);
            inner.texts.push(label);
        }
        inner.width -= ASIDE;
        let (Some(first), Some(last)) = (lanes.first(), lanes.last()) else {
            return Self::default();
        };
        inner.axis = i32::midpoint(first.0, last.0);
        let (first, last) = (first.0, last.0);
        fork.draw(&mut inner, &lanes, (first, last));
        inner
    }
}

/// What branches come from, and end in.
struct Fork {
    above: Symbol,
    below: Symbol,
    /// Whether there is a branch without anything.
    has_none: bool,
}

impl Fork {
    const fn bars(below: Symbol) -> Self {
        Self {
            above: Symbol::Bar,
            below,
            has_none: false,
        }
    }

    const fn choice(above: Symbol) -> Self {
        Self {
            above,
            below: Symbol::Joint,
            has_none: false,
        }
    }

    const fn or_none(self) -> Self {
        Self {
            has_none: true,
            ..self
        }
    }

    fn is_bar(&self) -> bool {
        self.above == Symbol::Bar
    }

    /// From the upper end to the branches.
    fn height(&self) -> i32 {
        match self.is_bar() {
            true => BAR + GAP,
            false => DIAMOND + SPREAD + DROP,
        }
    }

    fn draw(
        &self,
        inner: &mut Inner,
        lanes: &[(i32, i32, Option<usize>)],
        (first, last): (i32, i32),
    ) {
        let (axis, top, bottom) = (inner.axis, self.height(), inner.height);
        if self.is_bar() {
            let bar = |y| Rect {
                x: first - BEYOND,
                y,
                width: last - first + 2 * BEYOND,
                height: BAR,
            };
            inner.symbols.push((self.above, bar(0)));
            inner.symbols.push((self.below, bar(bottom + GAP)));
            for (x, end, figure) in lanes {
                let begins = vec![(*x, BAR), (*x, top)];
                inner.edges.push(flow(begins, None, *figure));
                let ends = vec![(*x, *end), (*x, bottom + GAP)];
                inner.edges.push(flow(ends, *figure, None));
            }
            inner.height = bottom + GAP + BAR;
            return;
        }
        let middle = |y, size| Rect {
            x: axis - size / 2,
            y,
            width: size,
            height: size,
        };
        let (spread, collect) = (DIAMOND + SPREAD, bottom + DROP);
        inner.symbols.push((self.above, middle(0, DIAMOND)));
        for (x, end, figure) in lanes {
            let ends_at = if figure.is_some() { top } else { collect };
            let mut begins = vec![(axis, DIAMOND), (axis, spread), (*x, spread), (*x, ends_at)];
            if figure.is_none() {
                begins.push((axis, collect));
            }
            let mut edge = flow(begins, None, *figure);
            edge.has_arrow = figure.is_some();
            inner.edges.push(edge);
            if figure.is_some() {
                let ends = vec![(*x, *end), (*x, collect), (axis, collect)];
                let mut edge = flow(ends, *figure, None);
                edge.has_arrow = false;
                inner.edges.push(edge);
            }
        }
        let joint = middle(collect - JOINT / 2, JOINT);
        inner.symbols.push((self.below, joint));
        inner.height = collect + JOINT / 2;
    }
}

fn flow(points: Vec<(i32, i32)>, from: Option<usize>, to: Option<usize>) -> Edge {
    Edge {
        points,
        course: Course::Flow,
        has_arrow: true,
        to,
        from,
    }
}
