//! The syntax tree: elements as they are in the source, with the offset of everything.
//!
//! All elements are in one list, the root first, so that neither reading nor dropping a tree needs
//! a deep stack.

use crate::text::MappedText;
use std::borrow::Cow;

#[derive(Debug, Default)]
pub(crate) struct Tree<'a> {
    pub(crate) elements: Vec<Element<'a>>,
}

/// The index of an element in its tree.
pub(crate) type ElementIndex = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// With a tag of its own.
    EndTag,
    Empty,
}

/// Whether an element can be one of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It has no namespace, as all elements of the language.
    Language,
    /// Another namespace; the reader has reported it.
    Foreign,
}

/// An element; offsets are bytes of the source.
#[derive(Debug)]
pub(crate) struct Element<'a> {
    pub(crate) name: &'a str,
    pub(crate) origin: Origin,
    /// Where its `<` is.
    pub(crate) start: usize,
    /// What follows the start tag.
    pub(crate) content: usize,
    pub(crate) end: usize,
    pub(crate) attributes: Vec<Attribute<'a>>,
    /// How many of its attributes and parts of its text the reader refused and left out.
    pub(crate) refused: usize,
    pub(crate) children: Vec<ElementIndex>,
    /// All text directly in the element, without that of its children.
    pub(crate) text: MappedText,
}

#[derive(Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) start: usize,
    /// The value with references resolved, and line ends and tabs turned into spaces.
    pub(crate) value: Cow<'a, str>,
    /// Where the value begins, after its quote.
    pub(crate) value_start: usize,
}

impl<'a> Tree<'a> {
    pub(crate) fn element(&self, index: ElementIndex) -> Option<&Element<'a>> {
        self.elements.get(index)
    }
}

impl<'a> Element<'a> {
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }
}
