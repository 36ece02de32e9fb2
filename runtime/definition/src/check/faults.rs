//! Checks `faults`, whose handlers catch what goes wrong in an element, and `fault`, which throws.

use super::{Checker, Node};
use crate::{
    checked::{ActivityKind, Handler},
    diagnostic::{GrammarProblem, ValueProblem, cut},
    grammar::Tag,
    syntax::Element,
};
use bureaucrat_model::{ActivityPath, CodePattern, FaultCode};

/// Codes that the engine alone gives, beside those that begin with `sandbox.`.
const RESERVED: [&str; 4] = [
    FaultCode::CANCELLED,
    FaultCode::OP_BUDGET_EXCEEDED,
    FaultCode::PROGRAM_ERROR,
    "Deadline",
];

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// The handlers that the `context` of an element holds.
    pub(super) fn handlers(
        &mut self,
        tag: Tag,
        context: &'t Element<'s>,
        path: &ActivityPath,
    ) -> Vec<Handler> {
        // The shape of a process's `context` is checked with its properties.
        let lists: Vec<_> = if tag == Tag::Context {
            self.known_children(tag, context)
        } else {
            self.shape(tag, context).all_children().collect()
        };
        let mut lists = lists.into_iter().filter(|(tag, _)| *tag == Tag::Faults);
        let Some((_, list)) = lists.next() else {
            return Vec::new();
        };
        if let Some((_, second)) = lists.next() {
            self.note(second.start, GrammarProblem::SecondFaults);
        }
        let node = self.shape(Tag::Faults, list);
        self.default_is_last(&node);
        let path = path.child(ActivityPath::FAULTS);
        let mut handlers = Vec::new();
        for (index, (tag, child)) in (0..).zip(node.all_children()) {
            if !self.count_activity(child) {
                break;
            }
            let node = self.shape(tag, child);
            // A default has none.
            let codes = self.patterns(&node, "code").unwrap_or_default();
            let path = path.child(index);
            self.handlers_around += 1;
            let body = self.body(&node, &path);
            self.handlers_around -= 1;
            handlers.push(Handler {
                path,
                span: self.diagnostics.span(child.start),
                codes,
                body,
            });
        }
        self.review_handlers(&node, &handlers);
        handlers
    }

    /// Notes what follows a `default`: it would never be tried.
    pub(super) fn default_is_last(&mut self, node: &Node<'t, 's>) {
        let mut children = node.all_children();
        if children.any(|(tag, _)| tag == Tag::Default)
            && let Some((tag, after)) = children.next()
        {
            let (tag, parent) = (tag.name(), node.tag.name());
            self.note(after.start, GrammarProblem::AfterDefault { tag, parent });
        }
    }

    /// The value of an attribute that lists codes. Noted otherwise.
    pub(super) fn patterns(&mut self, node: &Node<'t, 's>, name: &str) -> Option<Vec<CodePattern>> {
        let attribute = node.element.attribute(name)?;
        let mut codes = Vec::new();
        for code in attribute.value.split(',').map(str::trim) {
            match CodePattern::new(code) {
                Some(pattern) => codes.push(pattern),
                None => {
                    let found = cut(code);
                    self.note(attribute.value_start, ValueProblem::BadPattern { found });
                }
            }
        }
        Some(codes)
    }

    pub(super) fn fault(&mut self, node: &Node<'t, 's>) -> Option<ActivityKind> {
        let message = node.element.attribute("message");
        let message = message.map(|attribute| attribute.value.to_string());
        let code = match node.element.attribute("code") {
            None if self.handlers_around > 0 => {
                if let Some(attribute) = node.element.attribute("message") {
                    self.note(attribute.start, GrammarProblem::MessageOfAnother);
                }
                None
            }
            None => Some(FaultCode::new(FaultCode::TERMINATE)),
            Some(attribute) => {
                let code = attribute.value.trim();
                let reserved = RESERVED.contains(&code) || code.starts_with("sandbox.");
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
                Some(FaultCode::new(code))
            }
        };
        Some(ActivityKind::Fault {
            code,
            message: message.unwrap_or_default(),
        })
    }
}
