//! Checks `faults`, whose handlers catch what goes wrong in an element, and `fault`, which throws.

use super::{Checker, Node};
use crate::{
    checked::{ActivityKind, Finally, Handler, Scope, Written},
    diagnostic::{ValueProblem, cut},
    grammar::Tag,
};
use bureaucrat_model::{ActivityPath, CodePattern, ConditionIndex, FaultCode};

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// What the `context` of an element holds.
    pub(super) fn scope(&mut self, context: &Node<'t, 's>, path: &ActivityPath) -> Scope {
        let locals = self.locals(context);
        let (handlers, finally, events) = self.ending(path, |checker| {
            let handlers = checker.handlers(context, path);
            let finally = checker.part(context, Tag::Finally, path.child(ActivityPath::FINALLY));
            let events = checker.events(context, path);
            (handlers, finally, events)
        });
        Scope {
            locals,
            handlers,
            finally,
            compensation: None,
            events,
        }
    }

    /// A part of a `context` that holds activities.
    pub(super) fn part(
        &mut self,
        context: &Node<'t, 's>,
        tag: Tag,
        path: ActivityPath,
    ) -> Option<Box<Finally>> {
        let part = context.children(tag).next()?;
        self.count_activity(part.element);
        let node = self.shape(part);
        let site = self.site(&node, path);
        let body = self.body(&node, &site.path);
        Some(Box::new(Finally { site, body }))
    }

    fn handlers(&mut self, context: &Node<'t, 's>, path: &ActivityPath) -> Vec<Handler> {
        let Some(list) = context.children(Tag::Faults).next() else {
            return Vec::new();
        };
        let node = self.shape(list);
        let path = path.child(ActivityPath::FAULTS);
        let mut handlers = Vec::new();
        for (index, child) in (0..).zip(node.all_children()) {
            if !self.count_activity(child.element) {
                break;
            }
            let node = self.shape(child);
            // A default has none.
            let codes = self.patterns(&node, "code").unwrap_or_default();
            let site = self.site(&node, path.child(index));
            let conditions = self.conditions_of(&node);
            self.handlers_around += 1;
            let body = self.body(&node, &site.path);
            self.handlers_around -= 1;
            handlers.push(Handler {
                site,
                codes,
                conditions,
                body,
            });
        }
        self.review_handlers(&node, &handlers);
        handlers
    }

    pub(super) fn fault(&mut self, node: &Node<'t, 's>) -> Option<ActivityKind> {
        let message = node.element.attribute("message");
        let message = message.map(|attribute| self.template(attribute));
        let message = message.unwrap_or_else(|| Some(Written::Fixed(String::new())));
        let data = self.data(node);
        let code = self.code(node);
        Some(ActivityKind::Fault {
            message: message?,
            data: data?,
            code: code?,
        })
    }

    /// What a fault says to machines, if it says anything; `None` when that is wrong.
    fn data(&mut self, node: &Node<'t, 's>) -> Option<Option<ConditionIndex>> {
        let element = node.element;
        let is_there = element.text.first_visible().is_some()
            || ["module", "function"]
                .iter()
                .any(|name| element.attribute(name).is_some());
        match is_there {
            true => self.computed(node).map(Some),
            false => Some(None),
        }
    }

    /// The code of a fault, none for the one that is being handled; `None` when it is wrong.
    fn code(&mut self, node: &Node<'t, 's>) -> Option<Option<Written<FaultCode>>> {
        let Some(attribute) = node.element.attribute("code") else {
            if self.handlers_around == 0 {
                return Some(Some(Written::Fixed(FaultCode::new(FaultCode::TERMINATE))));
            }
            if let Some(attribute) = node.element.attribute("message") {
                self.note(attribute.start, ValueProblem::MessageOfAnother);
            }
            if let Some(offset) = node.element.text.first_visible() {
                self.note(offset, ValueProblem::DataOfAnother);
            }
            return Some(None);
        };
        let code = match self.template(attribute)? {
            Written::Fixed(code) => code,
            Written::Computed(function) => return Some(Some(Written::Computed(function))),
        };
        let code = code.trim();
        let found = || cut(code);
        let problem = if FaultCode::is_reserved(code) {
            ValueProblem::ReservedCode { found: found() }
        } else if CodePattern::new(code).is_none() || code.contains(['*', ',']) {
            ValueProblem::BadCode { found: found() }
        } else {
            return Some(Some(Written::Fixed(FaultCode::new(code))));
        };
        self.note(attribute.value_start, problem);
        None
    }
}
