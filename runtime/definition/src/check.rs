//! Checks a syntax tree against the grammar and returns the checked tree.
//!
//! It reports every mistake, not only the first. What is known to be wrong is left out of the
//! result, so the result is valid only if nothing was reported. The recursion is as deep as the
//! elements, which the reader limits.

mod activity;
mod assign;
mod condition;
mod doubts;
mod duration;
mod faults;
mod handler_doubts;
mod module;
mod property;
mod retry;
mod shape;

pub(crate) use doubts::Mode;
pub use property::PropertyType;
pub(crate) use property::{declared, float_as_json};
pub(crate) use shape::Node;

use crate::{
    Limits,
    checked::Process,
    diagnostic::{
        Counted, DiagnosticKind, Diagnostics, GrammarProblem, ValueProblem, XmlProblem, nearest,
    },
    grammar::Tag,
    syntax::{Attribute, Tree},
};
use bureaucrat_model::ActivityPath;
pub(crate) use condition::Conditions;

/// Checks a tree; returns the valid part of the process.
pub(crate) fn check(
    tree: &Tree<'_>,
    limits: &Limits,
    mode: Mode,
    diagnostics: &mut Diagnostics<'_>,
) -> Option<(Process, Conditions)> {
    let mut checker = Checker {
        tree,
        limits,
        mode,
        diagnostics,
        reviewed: doubts::Reviewed::default(),
        conditions: Conditions::default(),
        modules: Vec::new(),
        activities: 0,
        handlers_around: 0,
    };
    checker.process()
}

pub(crate) struct Checker<'t, 's, 'd, 'x> {
    tree: &'t Tree<'s>,
    limits: &'d Limits,
    mode: Mode,
    diagnostics: &'d mut Diagnostics<'x>,
    reviewed: doubts::Reviewed,
    conditions: Conditions,
    modules: Vec<bureaucrat_model::SourceModule>,
    /// How many activities there have been so far.
    activities: usize,
    /// How many handlers there are around what is being checked.
    handlers_around: usize,
}

impl<'t, 's> Checker<'t, 's, '_, '_> {
    fn process(&mut self) -> Option<(Process, Conditions)> {
        let root = self.root()?;
        let node = self.shape(Tag::Process, root);
        let name = self
            .name(&node, "name", Limits::NAME_BYTES)
            .unwrap_or_default();
        let mut context = None;
        // Modules first: conditions refer to them from anywhere.
        for child in node.children(Tag::Module) {
            self.module(child);
        }
        for child in node.children(Tag::Context) {
            let child = self.shape(Tag::Context, child);
            let fields = self.context(&child);
            if context.replace(fields).is_some() {
                let tag = Tag::Process.name();
                let problem = GrammarProblem::SecondContext { tag };
                self.diagnostics.push(child.element.start, problem);
            }
        }
        let body = self.body(&node, &ActivityPath::default());
        let process = Process {
            name,
            span: self.diagnostics.span(root.start),
            context: context.unwrap_or_default(),
            modules: std::mem::take(&mut self.modules),
            conditions: self.conditions.take_list(),
            body,
        };
        Some((process, std::mem::take(&mut self.conditions)))
    }

    /// The root, if it is a process.
    fn root(&mut self) -> Option<&'t crate::syntax::Element<'s>> {
        let root = self.tree.element(0)?;
        if root.name == Tag::Process.name() {
            return Some(root);
        }
        let problem = GrammarProblem::NotProcess {
            tag: crate::diagnostic::cut(root.name),
            nearest: nearest(root.name, [Tag::Process.name()]),
        };
        self.diagnostics.push(root.start, problem);
        None
    }

    /// Counts one more of something; reports only the first one beyond the limit.
    fn count(&mut self, offset: usize, what: Counted, count: usize, limit: usize) -> bool {
        if count == limit.saturating_add(1) {
            self.note(offset, XmlProblem::TooMany { what, limit });
        }
        count <= limit
    }

    fn note(&mut self, offset: usize, kind: impl Into<DiagnosticKind>) {
        self.diagnostics.push(offset, kind);
    }

    /// The value of an attribute that is a name: not empty, of limited length. Reports other
    /// values.
    fn name(&mut self, node: &Node<'t, 's>, name: &'static str, limit: usize) -> Option<String> {
        let attribute = node.element.attribute(name)?;
        let value = self.nonempty(node, name, attribute)?;
        if value.len() <= limit {
            return Some(value.to_owned());
        }
        let problem = ValueProblem::Long {
            tag: node.tag.name(),
            attribute: name,
            bytes: value.len(),
            limit,
        };
        self.note(attribute.value_start, problem);
        None
    }

    fn nonempty<'v>(
        &mut self,
        node: &Node<'t, 's>,
        name: &'static str,
        attribute: &'v Attribute<'s>,
    ) -> Option<&'v str> {
        if attribute.value.trim().is_empty() {
            let tag = node.tag.name();
            let problem = ValueProblem::Empty {
                tag,
                attribute: name,
            };
            self.note(attribute.value_start, problem);
            return None;
        }
        Some(&attribute.value)
    }
}
