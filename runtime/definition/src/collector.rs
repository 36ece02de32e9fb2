//! Collects a limited number of diagnostics, and returns them in the order of the source.

use crate::{
    diagnostic::{Counted, Diagnostic, DiagnosticKind, Doubt, XmlProblem},
    source::Source,
};
use bureaucrat_model::Span;

/// The diagnostics of one definition so far.
pub(crate) struct Diagnostics<'s> {
    source: &'s Source<'s>,
    found: Vec<Diagnostic>,
    /// Warnings, which take no room from errors.
    doubts: Vec<Diagnostic>,
    limit: usize,
    left_out: usize,
}

impl<'s> Diagnostics<'s> {
    pub(crate) const fn new(source: &'s Source<'s>, limit: usize) -> Self {
        Self {
            source,
            found: Vec::new(),
            doubts: Vec::new(),
            limit,
            left_out: 0,
        }
    }

    /// Reports a problem at an offset of the source.
    pub(crate) fn push(&mut self, offset: usize, kind: impl Into<DiagnosticKind>) {
        if !self.is_full() {
            let span = self.source.span(offset);
            self.found.push(Diagnostic::at(span, kind));
        } else {
            self.left_out += 1;
        }
    }

    /// Whether further errors are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= self.limit.max(1)
    }

    /// Notes a warning; those beyond the limit are dropped.
    pub(crate) fn doubt(&mut self, offset: usize, doubt: Doubt) {
        self.doubt_at(self.source.span(offset), doubt);
    }

    /// Notes a warning at a place that is known already.
    pub(crate) fn doubt_at(&mut self, span: Span, doubt: Doubt) {
        if self.doubts.len() < self.limit.max(1) {
            self.doubts.push(Diagnostic::at(span, doubt));
        }
    }

    /// The place of an offset.
    pub(crate) fn span(&self, offset: usize) -> Span {
        self.source.span(offset)
    }

    /// Whether nothing is wrong; warnings don't count.
    pub(crate) const fn is_right(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them in order of place; if some were left out, a last one says so at the place of the
    /// one before it.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        if let Some(last) = self.found.last().filter(|_| self.left_out > 0) {
            let (line, column) = (last.line, last.column);
            let problem = XmlProblem::TooMany {
                what: Counted::Diagnostics,
                limit: self.limit,
            };
            self.found
                .push(Diagnostic::at(Span { line, column }, problem));
        }
        self.found.append(&mut self.doubts);
        self.found
            .sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        self.found
    }
}
