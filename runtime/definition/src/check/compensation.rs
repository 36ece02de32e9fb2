//! Checks what runs while an element is active, and what undoes it after it has completed.

use super::{Checker, Node, doubts::Mode};
use crate::{
    checked::{ActivityKind, Event, Happening, Scope},
    diagnostic::{Doubt, ValueProblem, cut, nearest},
    grammar::Tag,
};
use bureaucrat_model::{ActivityPath, Interrupt};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of compensation where the checker is.
#[derive(Default)]
pub(crate) struct Compensating {
    /// The elements whose handlers and ends are around, innermost last.
    ending: Vec<ActivityPath>,
    /// The elements in whose handlers or ends there is a `compensate`.
    compensate: BTreeSet<ActivityPath>,
    /// How many of these are around.
    around: usize,
    /// Elements with a `compensate` of their own, by their ids.
    compensable: BTreeMap<String, ActivityPath>,
    /// What `scope` attributes name: where, and in which element.
    wanted: Vec<(usize, String, ActivityPath)>,
}

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// What the `context` of an element that can be compensated holds.
    pub(super) fn scope_of(
        &mut self,
        node: &Node<'t, 's>,
        context: &Node<'t, 's>,
        path: &ActivityPath,
    ) -> Scope {
        let mut scope = self.scope(context, path);
        let Some(part) = context.children(Tag::Compensation).next() else {
            return scope;
        };
        if let Some(id) = node.element.attribute("id") {
            let compensable = &mut self.compensating.compensable;
            compensable.insert(id.value.to_string(), path.clone());
        }
        // What undoes it is in no handler.
        let ending = std::mem::take(&mut self.compensating.ending);
        let place = path.child(ActivityPath::COMPENSATE);
        let compensation = self.part(context, Tag::Compensation, place);
        self.compensating.ending = ending;
        if self.compensating.around > 0 {
            scope.compensation = compensation;
        } else if self.mode != Mode::Compile {
            let start = part.element.start;
            self.diagnostics.doubt(start, Doubt::NeverCompensated);
        }
        scope
    }

    /// Checks handlers and ends of an element.
    pub(super) fn ending<T>(
        &mut self,
        path: &ActivityPath,
        check: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.compensating.ending.push(path.clone());
        let found = check(self);
        self.compensating.ending.pop();
        found
    }

    /// Checks what is done in an element.
    pub(super) fn inside<T>(
        &mut self,
        path: &ActivityPath,
        check: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let more = usize::from(self.compensating.compensate.contains(path));
        self.compensating.around += more;
        let found = check(self);
        self.compensating.around -= more;
        found
    }

    pub(super) fn compensate(&mut self, node: &Node<'t, 's>) -> Option<ActivityKind> {
        let Some(failed) = self.compensating.ending.last().cloned() else {
            self.note(node.element.start, ValueProblem::CompensateOutside);
            return None;
        };
        self.compensating.compensate.insert(failed.clone());
        let Some(attribute) = node.element.attribute("scope") else {
            return Some(ActivityKind::Compensate { scope: None });
        };
        let id = self.nonempty(node, "scope", attribute)?.to_owned();
        let wanted = (attribute.value_start, id.clone(), failed);
        self.compensating.wanted.push(wanted);
        Some(ActivityKind::Compensate { scope: Some(id) })
    }

    /// Where each scope is that a `compensate` can name. Notes names of others.
    pub(super) fn compensable(&mut self) -> BTreeMap<String, ActivityPath> {
        let compensable = std::mem::take(&mut self.compensating.compensable);
        for (offset, id, failed) in std::mem::take(&mut self.compensating.wanted) {
            let found = cut(&id);
            let problem = match compensable.get(&id) {
                Some(path) if path.0.len() > failed.0.len() && path.0.starts_with(&failed.0) => {
                    continue;
                }
                Some(_) => ValueProblem::ScopeElsewhere { found },
                None if self.ids.contains_key(&id) => ValueProblem::NotCompensable { found },
                None => {
                    let ids = compensable.keys().map(String::as_str);
                    let meant = nearest(&id, ids).map(str::to_owned);
                    ValueProblem::UnknownScope { found, meant }
                }
            };
            self.note(offset, problem);
        }
        compensable
    }

    /// What is done about events and times while an element is active.
    pub(super) fn events(&mut self, context: &Node<'t, 's>, path: &ActivityPath) -> Vec<Event> {
        let Some(list) = context.children(Tag::Events).next() else {
            return Vec::new();
        };
        let node = self.shape(list);
        let path = path.child(ActivityPath::EVENTS);
        let mut events = Vec::new();
        for (index, child) in (0..).zip(node.all_children()) {
            if !self.count_activity(child.element) {
                break;
            }
            let tag = child.row.tag;
            let node = self.shape(child);
            let site = self.site(&node, path.child(index));
            let interrupt = self.one_of(&node, "interrupt");
            let interrupt = match interrupt {
                Some("yes") => Interrupt::Yes,
                Some(_) | None => Interrupt::No,
            };
            let what = if tag == Tag::Alarm {
                self.when(&node).map(Happening::Time)
            } else {
                self.expected(&node).map(Happening::Event)
            };
            let body = self.body(&node, &site.path);
            events.extend(what.map(|what| Event {
                site,
                what,
                interrupt,
                body,
            }));
        }
        events
    }
}
