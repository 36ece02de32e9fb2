//! Doubts about faults: handlers that never run, attempts that never come, activities behind a
//! `fault`. Looked for only when somebody asks for a review.

use super::{Checker, Node, doubts::Mode};
use crate::{
    checked::Handler,
    diagnostic::{Doubt, cut},
    grammar::{Activity, Tag},
};
use bureaucrat_model::{CodePattern, FaultCode, Retry};

/// A pattern of an earlier case, and its line.
type Earlier<'h> = (&'h CodePattern, u32);

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// Doubts about the handlers of an element, in the order in which they are tried.
    pub(super) fn review_handlers(&mut self, node: &Node<'t, 's>, handlers: &[Handler]) {
        if self.mode == Mode::Compile {
            return;
        }
        if node.element.children.is_empty() {
            let start = node.element.start;
            return self.diagnostics.doubt(start, Doubt::EmptyFaults);
        }
        let mut earlier: Vec<Earlier<'_>> = Vec::new();
        for (handler, child) in handlers.iter().zip(node.all_children()) {
            let start = child.element.start;
            let everything = earlier.iter().find(|(pattern, _)| pattern.as_str() == "*");
            // Cancelling is handled by a case that names it, wherever that is.
            let names_cancelling = || handler.codes.iter().any(is_cancelling);
            if let Some((_, line)) = everything.filter(|_| !names_cancelling()) {
                let line = *line;
                self.diagnostics
                    .doubt(start, Doubt::UnreachableHandler { line });
            } else {
                self.review_codes(start, &handler.codes, &earlier);
            }
            let line = handler.site.span.line;
            // One with conditions leaves faults to those after it.
            let codes = handler
                .codes
                .iter()
                .filter(|_| handler.conditions.count == 0);
            earlier.extend(codes.map(|pattern| (pattern, line)));
        }
    }

    fn review_codes(&mut self, start: usize, codes: &[CodePattern], earlier: &[Earlier<'_>]) {
        for pattern in codes {
            let code = FaultCode::new(pattern.as_str());
            let is_code = !pattern.as_str().contains('*');
            let handles = |(before, _): &&Earlier<'_>| match is_code {
                true => before.matches(&code),
                false => *before == pattern,
            };
            let problem = if pattern.as_str() == FaultCode::OP_BUDGET_EXCEEDED {
                Doubt::NeverHandled
            } else if let Some((_, line)) = earlier.iter().find(handles) {
                let (code, line) = (cut(pattern.as_str()), *line);
                Doubt::HandledBefore { code, line }
            } else {
                continue;
            };
            self.diagnostics.doubt(start, problem);
        }
    }

    /// Doubts about a `retry`.
    pub(super) fn review_retry(&mut self, node: &Node<'t, 's>, retry: &Retry) {
        if self.mode == Mode::Compile {
            return;
        }
        let start = |name| node.element.attribute(name).map(|found| found.value_start);
        // The default of `max-delay` is nobody's slip.
        if let Some(start) = start("delay").or_else(|| start("max-delay"))
            && retry.delay > retry.max_delay
        {
            let (delay, max) = (retry.delay, retry.max_delay);
            self.diagnostics
                .doubt(start, Doubt::LongDelay { delay, max });
        }
        let never = [FaultCode::CANCELLED, FaultCode::OP_BUDGET_EXCEEDED];
        for pattern in &retry.on {
            if let (Some(start), Some(code)) = (
                start("on"),
                never.into_iter().find(|never| pattern.as_str() == *never),
            ) {
                self.diagnostics.doubt(start, Doubt::NeverRetried { code });
            }
        }
    }

    /// Doubts about activities that follow a `fault` in a list that runs in order.
    pub(super) fn review_list(&mut self, node: &Node<'t, 's>) {
        let runs_together = [Activity::All, Activity::Race].map(Tag::Activity);
        if self.mode == Mode::Compile || runs_together.contains(&node.row.tag) {
            return;
        }
        let mut children = node.activities();
        let fault = children.find(|(activity, _)| *activity == Activity::Fault);
        if let (Some((_, fault)), Some((_, next))) = (fault, children.next()) {
            let line = self.diagnostics.span(fault.element.start).line;
            self.diagnostics
                .doubt(next.element.start, Doubt::AfterFault { line });
        }
    }
}

fn is_cancelling(pattern: &CodePattern) -> bool {
    pattern.as_str() == FaultCode::CANCELLED
}
