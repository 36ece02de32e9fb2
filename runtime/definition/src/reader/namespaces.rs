//! Namespaces: the elements of a definition are in none, and what editors add in others is left
//! out.
//!
//! Left out are declarations, and attributes of the namespaces `xsi` and `xml`. Elements of a
//! namespace, and other attributes of one, are refused here.

use crate::{
    collector::Diagnostics,
    diagnostic::{XmlProblem, cut},
    syntax::{Attribute, Origin},
};
use std::collections::HashMap;

/// What schema locations are in.
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// A namespace, as far as a definition cares.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Namespace {
    None,
    /// One whose attributes are left out.
    Ignored,
    /// The beginning of its name.
    Foreign(String),
}

/// The declarations that are in force.
#[derive(Default)]
pub(super) struct Namespaces<'s> {
    /// Of each prefix, the innermost last; the default one has none. It is only used for lookups,
    /// so its order never matters.
    bound: HashMap<&'s str, Vec<Namespace>>,
    /// The prefixes that open elements declare, with the depths of these elements.
    declared: Vec<(usize, &'s str)>,
}

/// The prefix that an attribute declares, empty for the default.
fn declares(name: &str) -> Option<&str> {
    match name {
        "xmlns" => Some(""),
        _ => name
            .strip_prefix("xmlns:")
            .filter(|prefix| !prefix.is_empty()),
    }
}

impl<'s> Namespaces<'s> {
    /// Takes what an element at a depth declares, and removes from its attributes all that is not
    /// for the language. Returns how many of them were refused.
    pub(super) fn enter(
        &mut self,
        depth: usize,
        attributes: &mut Vec<Attribute<'s>>,
        diagnostics: &mut Diagnostics<'_>,
    ) -> usize {
        if !attributes.iter().any(|found| is_of_namespaces(found.name)) {
            return 0;
        }
        for attribute in attributes.iter() {
            if let Some(prefix) = declares(attribute.name) {
                let namespace = match &*attribute.value {
                    "" => Namespace::None,
                    INSTANCE | XML => Namespace::Ignored,
                    other => Namespace::Foreign(cut(other)),
                };
                self.bound.entry(prefix).or_default().push(namespace);
                self.declared.push((depth, prefix));
            }
        }
        let mut refused = 0;
        attributes.retain(|attribute| {
            if declares(attribute.name).is_some() {
                return false;
            }
            let Some((prefix, _)) = attribute.name.split_once(':') else {
                return true;
            };
            let name = cut(attribute.name);
            let problem = match self.of(prefix) {
                Namespace::Ignored => return false,
                Namespace::None => XmlProblem::UndeclaredPrefix { name },
                Namespace::Foreign(namespace) => XmlProblem::ForeignAttribute { name, namespace },
            };
            diagnostics.push(attribute.start, problem);
            refused += 1;
            false
        });
        refused
    }

    /// Forgets what the element at a depth declared.
    pub(super) fn leave(&mut self, depth: usize) {
        while let Some((_, prefix)) = self.declared.pop_if(|(declared, _)| *declared >= depth) {
            if let Some(bound) = self.bound.get_mut(prefix) {
                bound.pop();
            }
        }
    }

    /// Whether an element is one of the language; reports others.
    pub(super) fn origin(
        &self,
        name: &str,
        start: usize,
        diagnostics: &mut Diagnostics<'_>,
    ) -> Origin {
        let (prefix, is_prefixed) = match name.split_once(':') {
            Some((prefix, _)) => (prefix, true),
            None => ("", false),
        };
        let namespace = self.of(prefix);
        let name = cut(name);
        let problem = match namespace {
            Namespace::None if !is_prefixed => return Origin::Language,
            Namespace::None => XmlProblem::UndeclaredPrefix { name },
            Namespace::Ignored => XmlProblem::ForeignElement {
                name,
                namespace: prefix.to_owned(),
            },
            Namespace::Foreign(namespace) => XmlProblem::ForeignElement { name, namespace },
        };
        diagnostics.push(start, problem);
        Origin::Foreign
    }

    fn of(&self, prefix: &str) -> Namespace {
        if prefix == "xml" {
            return Namespace::Ignored;
        }
        let bound = self.bound.get(prefix).and_then(|bound| bound.last());
        bound.cloned().unwrap_or(Namespace::None)
    }
}

fn is_of_namespaces(name: &str) -> bool {
    name.contains(':') || name == "xmlns"
}
