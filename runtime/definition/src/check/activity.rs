//! Checks activities.

use super::{
    Checker, Node,
    duration::{duration, is_calendar},
};
use crate::{
    Limits,
    checked::{Activity, ActivityKind, Body, Case},
    diagnostic::{Counted, GrammarProblem, ValueProblem, cut, meant},
    grammar::Tag,
    syntax::Element,
};
use bureaucrat_model::{ActivityPath, Millis};

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// What is done in an element, numbered below `path`, with the handlers of its `context`.
    pub(super) fn body(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> Body {
        let mut scopes = node.all_children();
        let scope = scopes.find(|(tag, _)| matches!(tag, Tag::Scope | Tag::Context));
        if let Some((_, second)) = scopes.find(|(tag, _)| *tag == Tag::Scope) {
            let tag = node.tag.name();
            self.note(second.start, GrammarProblem::SecondContext { tag });
        }
        let handlers = match scope {
            Some((tag, scope)) => self.handlers(tag, scope, path),
            None => Vec::new(),
        };
        self.review_list(node);
        Body {
            activities: self.activities(node, path),
            handlers,
        }
    }

    /// The activities in an element, numbered below `path`.
    fn activities(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> Vec<Activity> {
        let mut activities = Vec::new();
        let mut index = 0;
        for (tag, child) in node.all_children() {
            if matches!(
                tag,
                Tag::Condition | Tag::Context | Tag::Scope | Tag::Module
            ) {
                continue;
            }
            if !self.count_activity(child) {
                break;
            }
            let path = path.child(index);
            index += 1;
            let node = self.shape(tag, child);
            if let Some(kind) = self.kind(&node, &path) {
                let span = self.diagnostics.span(child.start);
                activities.push(Activity { path, span, kind });
            }
        }
        activities
    }

    pub(super) fn count_activity(&mut self, element: &Element<'s>) -> bool {
        self.activities += 1;
        let limit = self.limits.activities;
        self.count(element.start, Counted::Activities, self.activities, limit)
    }

    fn kind(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> Option<ActivityKind> {
        Some(match node.tag {
            Tag::Sequence => ActivityKind::Sequence(self.body(node, path)),
            Tag::All => self.all(node, path),
            Tag::Switch => self.switch(node, path),
            Tag::While => self.while_loop(node, path),
            Tag::Action => {
                let retry = self.retry(node);
                ActivityKind::Action {
                    participant: self.name(node, "participant", Limits::PARTICIPANT_BYTES)?,
                    retry,
                }
            }
            Tag::Call => ActivityKind::Call {
                field: self.called_field(node)?,
            },
            Tag::Delay => ActivityKind::Delay {
                duration: self.duration(node)?,
            },
            Tag::Await => {
                let conditions = self.conditions_of(node);
                ActivityKind::Await {
                    event: self.name(node, "event", Limits::EVENT_BYTES)?,
                    conditions,
                }
            }
            Tag::Assign => self.assign(node)?,
            Tag::Fault => self.fault(node)?,
            // According to the grammar's table, none of these is an activity.
            Tag::Process
            | Tag::Scope
            | Tag::Faults
            | Tag::Handler
            | Tag::Default
            | Tag::Retry
            | Tag::Context
            | Tag::Property
            | Tag::Module
            | Tag::Case
            | Tag::Condition => return None,
        })
    }

    fn all(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> ActivityKind {
        let branches = node.all_children().filter(|(tag, _)| *tag != Tag::Scope);
        for (place, (_, child)) in branches.enumerate() {
            let limit = self.limits.branches;
            if !self.count(child.start, Counted::Branches, place + 1, limit) {
                break;
            }
        }
        ActivityKind::All(self.body(node, path))
    }

    fn switch(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> ActivityKind {
        let mut cases = Vec::new();
        let mut written = Vec::new();
        self.default_is_last(node);
        for (index, (tag, child)) in (0..).zip(node.all_children()) {
            if !self.count_activity(child) {
                break;
            }
            let path = path.child(index);
            let case = self.shape(tag, child);
            let conditions = (tag == Tag::Case).then(|| self.conditions_of(&case));
            let body = self.body(&case, &path);
            let span = self.diagnostics.span(child.start);
            written.push((child, conditions.unwrap_or_default()));
            cases.push(Case {
                path,
                span,
                conditions,
                body,
            });
        }
        self.review_cases(&written);
        ActivityKind::Switch(cases)
    }

    fn while_loop(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> ActivityKind {
        let conditions = self.conditions_of(node);
        // Refused elements count too, because they were already reported.
        let others = node.all_children();
        let others = others.filter(|(tag, _)| matches!(tag, Tag::Condition | Tag::Scope));
        let only_conditions = node.element.children.len() == others.count();
        if only_conditions {
            self.note(node.element.start, GrammarProblem::EmptyWhile);
        }
        ActivityKind::While {
            conditions,
            body: self.body(node, path),
        }
    }

    fn called_field(&mut self, node: &Node<'t, 's>) -> Option<String> {
        let attribute = node.element.attribute("process")?;
        let field = attribute.value.strip_prefix('$');
        match field.filter(|field| !field.trim().is_empty()) {
            Some(field) => Some(field.to_owned()),
            None => {
                let found = cut(&attribute.value);
                let is_name = found
                    .chars()
                    .all(|character| character.is_alphanumeric() || character == '_');
                let meant = (is_name && !found.is_empty()).then(|| format!("${found}"));
                let problem = ValueProblem::BadCall { found, meant };
                self.note(attribute.value_start, problem);
                None
            }
        }
    }

    fn duration(&mut self, node: &Node<'t, 's>) -> Option<Millis> {
        self.span(node, "duration")
    }

    /// The value of an attribute that is a duration. Noted otherwise.
    pub(super) fn span(&mut self, node: &Node<'t, 's>, name: &'static str) -> Option<Millis> {
        let attribute = node.element.attribute(name)?;
        let Some(duration) = duration(&attribute.value) else {
            let found = cut(&attribute.value);
            let problem = match is_calendar(&attribute.value) {
                true => ValueProblem::CalendarDuration { found },
                false => ValueProblem::BadDuration {
                    found,
                    meant: meant::seconds(&attribute.value),
                },
            };
            self.note(attribute.value_start, problem);
            return None;
        };
        let limit = self.limits.delay;
        if duration > limit {
            self.note(attribute.value_start, ValueProblem::LongDuration { limit });
            return None;
        }
        Some(duration)
    }
}
