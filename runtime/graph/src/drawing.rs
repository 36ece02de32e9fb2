//! A picture as data: what is where. Everything is in whole pixels from the picture's upper left corner.
//!
//! A figure has a box, and the figures in it have boxes in that one. What is drawn is left to `svg`; where it is was
//! decided by `layout`.

use crate::{
    node::{Change, Kind},
    text::Font,
};
use bureaucrat_model::ActivityPath;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

impl Rect {
    pub const fn right(&self) -> i32 {
        self.x + self.width
    }

    pub const fn bottom(&self) -> i32 {
        self.y + self.height
    }

    pub const fn contains(&self, other: &Self) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && other.right() <= self.right()
            && other.bottom() <= self.bottom()
    }

    pub const fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right()
            && other.x < self.right()
            && self.y < other.bottom()
            && other.y < self.bottom()
    }
}

/// What a text is, for its looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// The name of the element.
    Word,
    /// The id or the path.
    Tag,
    Title,
    Subject,
    Detail,
    Code,
    /// What is marked in words: a difference, or where a process is.
    Note,
    /// On an edge.
    Label,
}

/// A text on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its left end, and its base line.
    pub x: i32,
    pub y: i32,
    /// At most.
    pub width: i32,
    pub text: String,
    pub(crate) style: Style,
    pub(crate) font: Font,
    /// Whether it has to be bound to its width, because fonts may lack its characters.
    pub(crate) is_bound: bool,
}

impl Text {
    /// The room that it takes.
    pub fn rect(&self) -> Rect {
        let size = i32::try_from(self.font.size).unwrap_or(i32::MAX);
        Rect {
            x: self.x,
            y: self.y - size,
            width: self.width,
            height: size + size / 3,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Where it continues.
    Flow,
    /// Where a loop begins again.
    Back,
    /// What is beside the course: a handler, an event, an end.
    Aside,
}

/// A line with rounded corners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    pub points: Vec<(i32, i32)>,
    pub(crate) course: Course,
    pub(crate) has_arrow: bool,
    /// The index among the figure's children of the one that it leads to.
    pub(crate) to: Option<usize>,
    /// The same of the one that it comes from.
    pub(crate) from: Option<usize>,
}

/// What is drawn beside boxes, texts and edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// Where the process begins.
    Start,
    End,
    /// Where branches fork or join.
    Bar,
    /// Where the branches of a race join.
    OpenBar,
    Choice,
    /// The same, for what comes first.
    Waiting,
    /// Where lines meet.
    Joint,
    /// Where what is beside the course begins.
    Anchor,
}

/// An element of the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    pub path: ActivityPath,
    pub id: Option<String>,
    pub line: u32,
    /// The element's name.
    pub word: &'static str,
    /// For people who cannot see it, or point at it: what it is, and all of its texts in full.
    pub title: String,
    pub description: String,
    pub rect: Rect,
    pub texts: Vec<Text>,
    pub edges: Vec<Edge>,
    /// How many activities in it are not drawn.
    pub hidden: usize,
    pub children: Vec<Figure>,
    pub(crate) kind: Kind,
    pub(crate) change: Change,
    pub(crate) is_leaf: bool,
    pub(crate) here: bool,
    pub(crate) taken: bool,
    pub(crate) symbols: Vec<(Symbol, Rect)>,
}

impl Figure {
    /// This one and all in it.
    pub fn all(&self) -> Vec<&Self> {
        let mut found = vec![self];
        let mut at = 0;
        while let Some(figure) = found.get(at).copied() {
            found.extend(&figure.children);
            at += 1;
        }
        found
    }

    /// Moves it to its place; so far everything was relative to the box around it.
    pub(crate) fn settle(&mut self, x: i32, y: i32) {
        self.rect.x += x;
        self.rect.y += y;
        let (x, y) = (self.rect.x, self.rect.y);
        for text in &mut self.texts {
            text.x += x;
            text.y += y;
        }
        for (_, rect) in &mut self.symbols {
            rect.x += x;
            rect.y += y;
        }
        for edge in &mut self.edges {
            for point in &mut edge.points {
                *point = (point.0 + x, point.1 + y);
            }
        }
        for child in &mut self.children {
            child.settle(x, y);
        }
    }
}

/// A whole picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    pub width: i32,
    pub height: i32,
    pub title: String,
    pub description: String,
    pub root: Figure,
}
