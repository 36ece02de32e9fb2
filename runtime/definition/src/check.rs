//! Checks a syntax tree against the grammar and returns the checked tree.
//!
//! It reports every mistake, not only the first. What is known to be wrong is left out of the
//! result, so the result is valid only if nothing was reported. The recursion is as deep as the
//! elements, which the reader limits.

mod activity;
mod compensation;
mod condition;
mod doubts;
mod faults;
mod flow;
mod handler_doubts;
mod loop_doubts;
mod messages;
mod module;
mod naming_doubts;
mod property;
mod retry;
mod searchable;
mod selection;
mod shape;
mod value;
mod whole;

pub(crate) use doubts::Mode;
pub use property::PropertyType;
pub(crate) use property::{declared, float_as_json};
pub(crate) use shape::{Child, Node};

use crate::{
    FindModule, Limits,
    checked::{Body, Process},
    collector::Diagnostics,
    diagnostic::{Counted, DiagnosticKind, GrammarProblem, XmlProblem, nearest},
    grammar::{Tag, root},
    syntax::{Origin, Tree},
};
use bureaucrat_model::{ActivityPath, Site};
pub(crate) use condition::Conditions;
use std::collections::HashMap;

/// Checks a tree; returns the valid part of the process.
pub(crate) fn check(
    tree: &Tree<'_>,
    limits: &Limits,
    (mode, find_module): (Mode, &FindModule<'_>),
    diagnostics: &mut Diagnostics<'_>,
) -> Option<(Process, Conditions)> {
    let mut checker = Checker {
        tree,
        limits,
        mode,
        find_module,
        diagnostics,
        reviewed: doubts::Reviewed::default(),
        conditions: Conditions::default(),
        modules: Vec::new(),
        ids: HashMap::new(),
        activities: 0,
        properties: 0,
        handlers_around: 0,
        compensating: compensation::Compensating::default(),
    };
    checker.process()
}

pub(crate) struct Checker<'t, 's, 'd, 'x> {
    tree: &'t Tree<'s>,
    limits: &'d Limits,
    mode: Mode,
    find_module: &'d FindModule<'d>,
    diagnostics: &'d mut Diagnostics<'x>,
    reviewed: doubts::Reviewed,
    conditions: Conditions,
    modules: Vec<bureaucrat_model::SourceModule>,
    /// The line of each id so far. It is only used for lookups, so its order never matters.
    ids: HashMap<String, u32>,
    /// How many activities there have been so far.
    activities: usize,
    /// How many fields elements have declared so far.
    properties: usize,
    /// How many handlers there are around what is being checked.
    handlers_around: usize,
    compensating: compensation::Compensating,
}

impl<'t, 's> Checker<'t, 's, '_, '_> {
    fn process(&mut self) -> Option<(Process, Conditions)> {
        let root = self.root()?;
        let node = self.shape(root);
        let name = self.name(&node, "name").unwrap_or_default();
        // Modules first: conditions refer to them from anywhere.
        for child in node.children(Tag::Module) {
            self.module(child);
        }
        let mut contexts = Vec::new();
        for child in node.children(Tag::Context) {
            let context = self.shape(child);
            let fields = self.context(&context);
            contexts.push((context, fields));
        }
        let whole = self.whole(&node, &name);
        let path = ActivityPath::default();
        let mut contexts = contexts.into_iter();
        let (scope, context) = match contexts.next() {
            Some((context, fields)) => (self.scope(&context, &path), fields),
            None => Default::default(),
        };
        let activities = self.inside(&path, |checker| checker.activities(&node, &path));
        let compensable = self.compensable();
        let process = Process {
            name,
            whole,
            site: Site::new(path, self.diagnostics.span(root.element.start)),
            context,
            modules: std::mem::take(&mut self.modules),
            conditions: self.conditions.take_list(),
            body: Body { activities, scope },
            compensable,
        };
        Some((process, std::mem::take(&mut self.conditions)))
    }

    /// The root, if it is a process.
    fn root(&mut self) -> Option<Child<'t, 's>> {
        let (row, element) = (root(), self.tree.element(0)?);
        if element.origin == Origin::Foreign {
            return None;
        }
        if element.name == row.name {
            return Some(Child { row, element });
        }
        let problem = GrammarProblem::NotProcess {
            tag: crate::diagnostic::cut(element.name),
            nearest: nearest(element.name, [row.name]),
        };
        self.diagnostics.push(element.start, problem);
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
}
