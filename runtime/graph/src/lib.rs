//! Definitions as pictures: nested boxes with the course between them, as SVG and as Mermaid text.
//!
//! [`Picture`] takes the outline of a definition, or those of two versions; it is laid out (`layout`) as a [`Drawing`],
//! which is data, and written as text (`svg`, `mermaid`). Boxes carry the paths and ids by which `show`, `why` and the
//! history name activities, and [`Marks`] say where a process is.
//!
//! The crate promises: no box overlaps another one unless it is inside it, no text leaves its box, whatever a
//! definition's author writes is text in the result and nothing else, the same input gives the same bytes, and a picture
//! has at most [`BOXES_MAX`] boxes: what does not fit is collapsed, and says how much it holds.
#![forbid(unsafe_code)]

mod bound;
mod compare;
mod drawing;
mod layout;
mod link;
mod mermaid;
mod node;
mod read;
mod svg;
mod text;
mod widths;

pub use bound::{BOXES_MAX, MERMAID_MAX};
pub use drawing::{Drawing, Edge, Figure, Rect, Text};
pub use link::is_safe_link;

use bureaucrat_definition::Outline;
use bureaucrat_model::ActivityPath;
use node::{Change, Node};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

/// What a picture shows.
#[derive(Debug, Clone)]
pub struct Picture {
    root: Node,
}

/// How a picture looks.
#[derive(Debug, Clone, Default)]
pub struct Look {
    pub marks: Marks,
    /// Where boxes lead; `{line}` and `{path}` in it are replaced.
    pub link: Option<String>,
}

/// Where a process is, and which way it took.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Activities, and how many parts of the process are there.
    pub at: BTreeMap<ActivityPath, usize>,
    /// Activities that it has been at.
    pub taken: BTreeSet<ActivityPath>,
}

impl Picture {
    pub fn of(definition: &Outline) -> Self {
        Self {
            root: read::process(definition),
        }
    }

    /// A version with what is different from an older one. Activities are the same as for a migration: those with the same
    /// `id`; without one, those at the same path below the nearest element around them with an `id`.
    pub fn compared(new: &Outline, old: &Outline) -> Self {
        Self {
            root: compare::compared(read::process(new), &read::process(old)),
        }
    }

    /// An activity alone, with everything in it.
    pub fn part(&self, path: &ActivityPath) -> Option<Self> {
        let mut found = &self.root;
        while found.path != *path {
            let around = |node: &&Node| path.0.starts_with(&node.path.0);
            let is_current = |node: &&Node| node.change != Change::Removed;
            found = found.inner().filter(is_current).find(around)?;
        }
        Some(Self {
            root: found.clone(),
        })
    }

    /// The same, by the activity's `id` or its path as it is written, such as `_0_1`.
    pub fn named(&self, name: &str) -> Option<Self> {
        let mut open = vec![&self.root];
        let mut by_path = None;
        while let Some(node) = open.pop() {
            if node.change != Change::Removed {
                if node.id.as_deref() == Some(name) {
                    return self.part(&node.path);
                }
                if node.path.to_string() == name {
                    by_path = Some(&node.path);
                }
            }
            open.extend(node.inner());
        }
        self.part(by_path?)
    }

    pub fn drawing(&self, marks: &Marks) -> Drawing {
        layout::drawing(&bound::bounded(&self.root, BOXES_MAX), marks)
    }

    /// An SVG document that is also valid inside an HTML page. It needs no script, and it adapts to dark pages and to paper.
    pub fn svg(&self, look: &Look) -> String {
        svg::document(&self.drawing(&look.marks), look.link.as_deref())
    }

    /// The same without its style, for a page that has [`stylesheet`] already.
    pub fn inline(&self, look: &Look) -> String {
        svg::inline(&self.drawing(&look.marks), look.link.as_deref())
    }

    /// A flow chart as text, for pages that draw Mermaid.
    pub fn mermaid(&self) -> String {
        mermaid::flowchart(&bound::bounded(&self.root, MERMAID_MAX))
    }
}

/// The style of all pictures.
pub fn stylesheet() -> String {
    svg::stylesheet()
}

impl Marks {
    /// How many parts of the process are at a node, or in it where it is not drawn.
    fn count(&self, node: &Node) -> usize {
        if node.change == Change::Removed {
            return 0;
        }
        let own = self.at.get(&node.path).copied().unwrap_or(0);
        if node.hidden == 0 {
            return own;
        }
        let below = (Bound::Excluded(&node.path), Bound::Unbounded);
        let below = self.at.range::<ActivityPath, _>(below);
        let hidden = below
            .take_while(|(path, _)| path.0.starts_with(&node.path.0))
            .filter(|(path, _)| !node.inner().any(|inner| path.0.starts_with(&inner.path.0)));
        own + hidden.map(|(_, count)| count).sum::<usize>()
    }

    fn is_taken(&self, node: &Node) -> bool {
        node.change != Change::Removed && self.taken.contains(&node.path)
    }
}
