//! Checks `faults`, whose handlers catch what goes wrong in an element, and `fault`, which throws.

use super::{Checker, Node};
use crate::{
    checked::{ActivityKind, Finally, Handler, Scope, Written},
    diagnostic::{ValueProblem, cut},
    grammar::Tag,
};
use bureaucrat_model::{ActivityPath, CodePattern, FaultCode};

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
        let message = message.unwrap_or_else(|| Some(Written::Fixed(String::new())))?;
        let code = match node.element.attribute("code") {
            None if self.handlers_around > 0 => {
                if let Some(attribute) = node.element.attribute("message") {
                    self.note(attribute.start, ValueProblem::MessageOfAnother);
                }
                None
            }
            None => Some(Written::Fixed(FaultCode::new(FaultCode::TERMINATE))),
            Some(attribute) => {
                let code = match self.template(attribute)? {
                    Written::Fixed(code) => code,
                    Written::Computed(function) => {
                        let code = Some(Written::Computed(function));
                        return Some(ActivityKind::Fault { code, message });
                    }
                };
                let code = code.trim();
                let reserved = FaultCode::is_reserved(code);
                let fits = CodePattern::new(code).is_some() && !code.contains(['*', ',']);
                if reserved || !fits {
                    let found = cut(code);
                    let problem = match reserved {
                        true => ValueProblem::ReservedCode { found },
                        false => ValueProblem::BadCode { found },
                    };
                    self.note(attribute.value_start, problem);
                    return None;
                }
                Some(Written::Fixed(FaultCode::new(code)))
            }
        };
        Some(ActivityKind::Fault { code, message })
    }
}
