//! The shape of one element: its attributes, its children, its text, against the grammar's table.

use super::Checker;
use crate::{
    diagnostic::{GrammarProblem, cut, nearest},
    grammar::{Content, Tag, later},
    syntax::Element,
};

/// An element whose shape was checked, with those of its children that may stand there.
pub(crate) struct Node<'t, 's> {
    pub(crate) tag: Tag,
    pub(crate) element: &'t Element<'s>,
    children: Vec<(Tag, &'t Element<'s>)>,
}

impl<'t, 's> Node<'t, 's> {
    /// The children of one kind.
    pub(super) fn children(&self, wanted: Tag) -> impl Iterator<Item = &'t Element<'s>> {
        self.children
            .iter()
            .filter(move |(tag, _)| *tag == wanted)
            .map(|(_, element)| *element)
    }

    pub(super) fn all_children(&self) -> impl Iterator<Item = (Tag, &'t Element<'s>)> {
        self.children.iter().copied()
    }
}

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// Notes whatever may not stand in an element, and what is missing.
    pub(super) fn shape(&mut self, tag: Tag, element: &'t Element<'s>) -> Node<'t, 's> {
        self.attributes(tag, element);
        let mut children = Vec::new();
        for child in &element.children {
            if let Some(child) = self.tree.element(*child)
                && let Some(known) = self.child(tag, child)
            {
                children.push((known, child));
            }
        }
        if tag.content() == Content::Elements
            && let Some(offset) = element.text.first_visible()
        {
            let problem = GrammarProblem::UnexpectedText {
                text: cut(element.text.as_str().trim()),
                parent: tag.name(),
                allowed: tag.children(),
            };
            self.note(offset, problem);
        }
        Node {
            tag,
            element,
            children,
        }
    }

    /// The children of an element whose shape has been checked elsewhere.
    pub(super) fn known_children(
        &self,
        tag: Tag,
        element: &'t Element<'s>,
    ) -> Vec<(Tag, &'t Element<'s>)> {
        let children = element.children.iter();
        let children = children.filter_map(|child| self.tree.element(*child));
        let known = children.filter(|child| tag.children().contains(&child.name));
        known
            .filter_map(|child| Some((Tag::of(child.name, tag)?, child)))
            .collect()
    }

    fn attributes(&mut self, tag: Tag, element: &Element<'s>) {
        for attribute in &element.attributes {
            let allowed = tag.attributes();
            if allowed.contains(&attribute.name) {
                continue;
            }
            if tag == Tag::Process && attribute.name == "parent" {
                self.note(attribute.start, GrammarProblem::Parent);
                continue;
            }
            let problem = GrammarProblem::UnknownAttribute {
                tag: tag.name(),
                attribute: cut(attribute.name),
                allowed,
                nearest: nearest(attribute.name, allowed.iter().copied()),
            };
            self.note(attribute.start, problem);
        }
        for attribute in tag.required() {
            // An attribute that was refused already may be the one that is missing.
            if element.refused == 0 && element.attribute(attribute).is_none() {
                let tag = tag.name();
                self.note(
                    element.start,
                    GrammarProblem::MissingAttribute { tag, attribute },
                );
            }
        }
    }

    fn child(&mut self, parent: Tag, child: &Element<'s>) -> Option<Tag> {
        let allowed = parent.children();
        let known = Tag::of(child.name, parent);
        if known.is_some() && allowed.contains(&child.name) {
            return known;
        }
        let problem = match (later(child.name, parent), known) {
            (Some(tag), _) => GrammarProblem::NotYet {
                tag,
                parent: parent.name(),
                allowed,
            },
            (None, Some(tag)) => GrammarProblem::MisplacedElement {
                tag: tag.name(),
                parent: parent.name(),
                allowed,
            },
            (None, None) => GrammarProblem::UnknownElement {
                tag: cut(child.name),
                parent: parent.name(),
                allowed,
                nearest: nearest(child.name, allowed.iter().copied()),
            },
        };
        self.note(child.start, problem);
        None
    }
}
