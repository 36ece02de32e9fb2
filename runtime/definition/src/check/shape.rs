//! The shape of one element, against the grammar's table: its attributes, children and text.

use super::Checker;
use crate::{
    diagnostic::{GrammarProblem, ValueProblem, cut, meant, nearest},
    grammar::{Activity, Content, Found, Least, Need, Occurs, Row, Tag},
    syntax::{Element, Origin},
};
use std::borrow::Cow;

/// What undoes an element.
const COMPENSATE: &str = "compensate";

/// An element and what the grammar says about it.
#[derive(Clone, Copy)]
pub(crate) struct Child<'t, 's> {
    pub(crate) row: &'static Row,
    pub(crate) element: &'t Element<'s>,
}

/// An element whose shape was checked, with those of its children that are allowed there.
pub(crate) struct Node<'t, 's> {
    pub(crate) row: &'static Row,
    pub(crate) element: &'t Element<'s>,
    children: Vec<Child<'t, 's>>,
}

impl<'t, 's> Node<'t, 's> {
    /// The children of one kind.
    pub(super) fn children(&self, wanted: Tag) -> impl Iterator<Item = Child<'t, 's>> {
        let children = self.children.iter().copied();
        children.filter(move |child| child.row.tag == wanted)
    }

    pub(super) fn all_children(&self) -> impl Iterator<Item = Child<'t, 's>> {
        self.children.iter().copied()
    }

    /// The activities that are directly in it.
    pub(super) fn activities(&self) -> impl Iterator<Item = (Activity, Child<'t, 's>)> {
        let children = self.children.iter().copied();
        children.filter_map(|child| Some((child.row.tag.activity()?, child)))
    }
}

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// Notes what is not allowed in an element, and what is missing.
    pub(super) fn shape(&mut self, Child { row, element }: Child<'t, 's>) -> Node<'t, 's> {
        self.unknown_attributes(row, element);
        self.missing_attributes(row, element);
        self.either(row, element);
        let mut node = Node {
            row,
            element,
            children: Vec::new(),
        };
        for child in &element.children {
            if let Some(child) = self.tree.element(*child)
                && let Some(child) = self.child(row, child)
            {
                node.children.push(child);
            }
        }
        self.counts(&node);
        self.content(&node);
        node
    }

    fn unknown_attributes(&mut self, row: &'static Row, element: &Element<'s>) {
        for attribute in &element.attributes {
            if row.attribute(attribute.name).is_some() {
                continue;
            }
            if row.tag == Tag::Process && attribute.name == "parent" {
                self.note(attribute.start, GrammarProblem::Parent);
                continue;
            }
            let allowed = row.attribute_names();
            let hint = meant::attribute(row.name, attribute.name)
                .map(Cow::Borrowed)
                .or_else(|| instead_of_attribute(row, attribute.name));
            let nearest = nearest(attribute.name, allowed.iter().copied());
            let problem = GrammarProblem::UnknownAttribute {
                tag: row.name,
                attribute: cut(attribute.name),
                allowed,
                nearest: nearest.filter(|_| hint.is_none()),
                hint,
            };
            self.note(attribute.start, problem);
        }
    }

    fn missing_attributes(&mut self, row: &'static Row, element: &Element<'s>) {
        let required = row
            .attributes()
            .iter()
            .filter(|attribute| attribute.need == Need::Required);
        for attribute in required {
            let name = attribute.name;
            // One that was refused already, or is misspelt, may be the one that is missing.
            let is_misspelt = |other: &str| {
                row.attribute(other).is_none()
                    && (nearest(other, [name]).is_some()
                        || meant::attribute(row.name, other)
                            .is_some_and(|hint| hint.contains(&format!("`{name}"))))
            };
            let mut others = element.attributes.iter();
            if element.refused == 0
                && element.attribute(name).is_none()
                && !others.any(|other| is_misspelt(other.name))
            {
                let problem = GrammarProblem::MissingAttribute {
                    tag: row.name,
                    attribute: name,
                };
                self.note(element.start, problem);
            }
        }
    }

    /// Notes when neither or both of two attributes are there of which one has to be.
    fn either(&mut self, row: &'static Row, element: &Element<'s>) {
        let mut known = row.attributes().iter();
        let first = known.find_map(|attribute| {
            if let Need::Either(other) = attribute.need {
                Some((attribute.name, other))
            } else {
                None
            }
        });
        let Some((one, other)) = first else {
            return;
        };
        match (element.attribute(one), element.attribute(other)) {
            (None, None) if element.refused == 0 => {
                let is_misspelt = |found: &str| {
                    row.attribute(found).is_none()
                        && (nearest(found, [one, other]).is_some()
                            || meant::attribute(row.name, found).is_some())
                };
                if !element
                    .attributes
                    .iter()
                    .any(|found| is_misspelt(found.name))
                {
                    let tag = row.name;
                    let problem = GrammarProblem::MissingEither { tag, one, other };
                    self.note(element.start, problem);
                }
            }
            (Some(_), Some(second)) => {
                let problem = GrammarProblem::BothAttributes { one, other };
                self.note(second.start, problem);
            }
            (None | Some(_), None) | (None, Some(_)) => {}
        }
    }

    fn child(&mut self, parent: &'static Row, child: &'t Element<'s>) -> Option<Child<'t, 's>> {
        let allowed = parent.child_names();
        if child.origin == Origin::Foreign {
            return None;
        }
        if parent.tag == Tag::Context && child.name == COMPENSATE {
            self.note(child.start, ValueProblem::ProcessCompensation);
            return None;
        }
        let problem = match parent.find(child.name) {
            Found::Allowed(row) => {
                return Some(Child {
                    row,
                    element: child,
                });
            }
            Found::Misplaced(row) => GrammarProblem::MisplacedElement {
                tag: row.name,
                parent: parent.name,
                places: row.places(),
                allowed,
            },
            Found::Unknown => {
                let hint = instead_of_element(parent, child.name)
                    .or_else(|| meant::element(child.name, parent.name).map(Cow::Borrowed));
                let nearest = nearest(child.name, allowed.iter().copied());
                let nearest = nearest.filter(|_| hint.is_none());
                let is_text = matches!(parent.content, Content::Text(_));
                GrammarProblem::UnknownElement {
                    tag: cut(child.name),
                    parent: parent.name,
                    allowed,
                    nearest,
                    hint: hint.or(is_text.then_some("`<` in text is written `&lt;`".into())),
                }
            }
        };
        self.note(child.start, problem);
        None
    }

    /// Notes children that are there too often, or after the last one.
    fn counts(&mut self, node: &Node<'t, 's>) {
        let parent = node.row.name;
        let mut last: Option<&'static str> = None;
        let mut once: Vec<Tag> = Vec::new();
        for child in &node.children {
            let (tag, offset) = (child.row.name, child.element.start);
            if let Some(last) = last {
                // Said once: the others are not tried either.
                let problem = GrammarProblem::AfterLast { tag, last, parent };
                return self.note(offset, problem);
            }
            match child.row.occurs {
                Occurs::Any => {}
                Occurs::Last => last = Some(tag),
                Occurs::Once if once.contains(&child.row.tag) => {
                    self.note(offset, GrammarProblem::Second { tag, parent });
                }
                Occurs::Once => once.push(child.row.tag),
            }
        }
    }

    /// Notes text where only elements are, and an element that is empty and must not be.
    fn content(&mut self, node: &Node<'t, 's>) {
        let Node { row, element, .. } = *node;
        let least = match row.content {
            Content::Text(_) => return,
            Content::Parts => Least::None,
            Content::Body(least) => least,
        };
        if let Some(offset) = element.text.first_visible() {
            let problem = GrammarProblem::UnexpectedText {
                text: cut(element.text.as_str().trim()),
                hint: text_hint(row, element),
                parent: row.name,
                allowed: row.child_names(),
            };
            self.note(offset, problem);
        }
        // Refused elements count too, because they were already reported.
        let parts = node.children.len() - node.activities().count();
        if let Least::One(otherwise) = least
            && element.children.len() == parts
        {
            let tag = row.name;
            self.note(
                element.start,
                GrammarProblem::NoActivities { tag, otherwise },
            );
        }
        self.doubt_empty(node, parts);
    }
}

/// For an element whose name is that of an attribute of its parent.
fn instead_of_element(parent: &Row, name: &str) -> Option<Cow<'static, str>> {
    let attribute = parent.attribute(name)?;
    let (tag, name) = (parent.name, attribute.name);
    Some(format!("`{name}` is an attribute: write `<{tag} {name}=\"…\">`").into())
}

/// For an attribute whose name is that of a child.
fn instead_of_attribute(row: &Row, name: &str) -> Option<Cow<'static, str>> {
    let name = row.child_names().iter().find(|child| **child == name)?;
    Some(format!("`{name}` is an element: write it inside `{}`", row.name).into())
}

/// How a text is written that is directly in an element of elements.
fn text_hint(row: &Row, element: &Element<'_>) -> Option<&'static str> {
    let takes_conditions = || {
        let mut children = row.children().iter();
        children.any(|child| child.tag == Tag::Condition)
    };
    let is_expression = || {
        let parts = ["==", "!=", "<", ">", "context", "workitem"];
        let text = element.text.as_str();
        parts.iter().any(|part| text.contains(part))
    };
    if takes_conditions() && is_expression() {
        return Some("write `<condition>EXPRESSION</condition>`");
    }
    row.instead_of_text
}
