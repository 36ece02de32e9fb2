//! Checks activities.

use super::{Checker, Node};
use crate::{
    checked::{self, ActivityKind, Body, Case, Scope},
    diagnostic::Counted,
    diagnostic::ValueProblem,
    grammar::{Activity, Tag},
    syntax::Element,
};
use bureaucrat_model::{ActivityPath, Bond, Site};

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// What is done in an element, numbered below `path`, with the handlers of its `context`.
    pub(super) fn body(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> Body {
        let context = node.children(Tag::Scope).next();
        let scope = match context {
            Some(context) => {
                let context = self.shape(context);
                self.scope_of(node, &context, path)
            }
            None => Scope::default(),
        };
        self.review_list(node);
        Body {
            activities: self.inside(path, |checker| checker.activities(node, path)),
            scope,
        }
    }

    /// The activities in an element, numbered below `path`.
    pub(super) fn activities(
        &mut self,
        node: &Node<'t, 's>,
        path: &ActivityPath,
    ) -> Vec<checked::Activity> {
        let mut activities = Vec::new();
        for (index, (activity, child)) in (0..).zip(node.activities()) {
            if !self.count_activity(child.element) {
                break;
            }
            let path = path.child(index);
            let node = self.shape(child);
            let site = self.site(&node, path);
            if let Some(kind) = self.kind(activity, &node, &site.path) {
                activities.push(checked::Activity { site, kind });
            }
        }
        activities
    }

    /// What is known of an activity or a case wherever it is met.
    pub(super) fn site(&mut self, node: &Node<'t, 's>, path: ActivityPath) -> Site {
        Site {
            path,
            span: self.diagnostics.span(node.element.start),
            label: self.label(node),
        }
    }

    pub(super) fn count_activity(&mut self, element: &Element<'s>) -> bool {
        self.activities += 1;
        let limit = self.limits.activities;
        self.count(element.start, Counted::Activities, self.activities, limit)
    }

    fn kind(
        &mut self,
        activity: Activity,
        node: &Node<'t, 's>,
        path: &ActivityPath,
    ) -> Option<ActivityKind> {
        Some(match activity {
            Activity::Sequence => {
                let retry = self.retry(node);
                let body = self.body(node, path);
                ActivityKind::Sequence { body, retry }
            }
            Activity::All => ActivityKind::All(self.branches(node, path)),
            Activity::Switch => self.switch(node, path),
            Activity::While => {
                let conditions = self.conditions_of(node);
                let body = self.body(node, path);
                self.review_loop(node, conditions, &body);
                ActivityKind::While { conditions, body }
            }
            Activity::Race => ActivityKind::Race(self.branches(node, path)),
            Activity::Foreach => self.foreach(node, path)?,
            Activity::Pick => self.pick(node, path)?,
            Activity::Emit => self.emit(node)?,
            Activity::Send => self.send(node)?,
            Activity::Action => self.action(node)?,
            Activity::Call => {
                let inputs = self.inputs(node);
                let taking = self.taking(node);
                let bond = match self.word(node, "detached")? {
                    "yes" => Bond::Detached,
                    _ => Bond::Awaited,
                };
                if let (Bond::Detached, Some(out)) = (bond, node.children(Tag::Out).next()) {
                    self.note(out.element.start, ValueProblem::OutOfDetached);
                }
                ActivityKind::Call {
                    target: self.called(node, "process")?,
                    bond,
                    inputs,
                    taking,
                }
            }
            Activity::Delay => ActivityKind::Delay {
                when: self.when(node)?,
            },
            Activity::Await => {
                let expected = self.expected(node);
                let timeout = self.span_or_template(node, "timeout");
                ActivityKind::Await {
                    expected: Box::new(expected?),
                    timeout,
                }
            }
            Activity::Assign => {
                let target = self.field_path(node, "property");
                let value = self.computed(node);
                ActivityKind::Assign {
                    target: target?,
                    value: value?,
                }
            }
            Activity::Fault => self.fault(node)?,
            Activity::Compensate => self.compensate(node)?,
        })
    }

    fn branches(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> Body {
        self.review_branches(node);
        for (place, (_, child)) in node.activities().enumerate() {
            let limit = self.limits.branches;
            let offset = child.element.start;
            if !self.count(offset, Counted::Branches, place + 1, limit) {
                break;
            }
        }
        self.body(node, path)
    }

    fn switch(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> ActivityKind {
        let mut cases = Vec::new();
        let mut written = Vec::new();
        for (index, child) in (0..).zip(node.all_children()) {
            if !self.count_activity(child.element) {
                break;
            }
            let case = self.shape(child);
            let site = self.site(&case, path.child(index));
            let conditions = (child.row.tag == Tag::Case).then(|| self.conditions_of(&case));
            let body = self.body(&case, &site.path);
            written.push((child.element, conditions.unwrap_or_default()));
            cases.push(Case {
                site,
                conditions,
                body,
            });
        }
        self.review_cases(&written);
        ActivityKind::Switch(cases)
    }
}
