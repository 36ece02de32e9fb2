//! Diagnostics: what is wrong with a definition or odd about it, where, and what is expected there.
//!
//! A kind carries facts, not sentences, so that tests and tools can compare it; its `Display` makes the sentence. Texts
//! from the definition are cut and escaped, since they end in logs.

mod doubt;
mod grammar;
pub(crate) mod meant;
mod value;
mod words;
mod xml;

pub use doubt::Doubt;
pub use grammar::GrammarProblem;
pub use value::{ValueProblem, Wanted};
pub use xml::{Counted, Foreign, Markup, XmlProblem};

pub(crate) use bureaucrat_expression::nearest;
pub(crate) use words::cut;

use bureaucrat_model::Span;
use std::fmt;

/// One mistake in a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    pub kind: DiagnosticKind,
}

/// What is wrong, by the stage that finds it. Fields named `allowed` list what is allowed there, `nearest` the one that
/// was probably meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiagnosticKind {
    /// The text is not XML, or XML of a kind that definitions may not be.
    #[error(transparent)]
    Xml(#[from] XmlProblem),
    /// An element, an attribute or a text is where it is not allowed, or is missing.
    #[error(transparent)]
    Grammar(#[from] GrammarProblem),
    /// A value is invalid.
    #[error(transparent)]
    Value(#[from] ValueProblem),
    /// It compiles, and is hardly what was meant.
    #[error(transparent)]
    Doubt(#[from] Doubt),
}

/// Whether a definition with this diagnostic runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Diagnostic {
    pub const fn severity(&self) -> Severity {
        match self.kind {
            DiagnosticKind::Doubt(_) => Severity::Warning,
            DiagnosticKind::Xml(_) | DiagnosticKind::Grammar(_) | DiagnosticKind::Value(_) => {
                Severity::Error
            }
        }
    }

    /// What was probably meant instead, as XML.
    pub fn suggestion(&self) -> Option<&str> {
        match &self.kind {
            DiagnosticKind::Doubt(Doubt::Condition { suggestion, .. })
            | DiagnosticKind::Value(ValueProblem::Expression { suggestion, .. }) => {
                suggestion.as_deref()
            }
            DiagnosticKind::Doubt(_)
            | DiagnosticKind::Xml(_)
            | DiagnosticKind::Grammar(_)
            | DiagnosticKind::Value(_) => None,
        }
    }

    pub(crate) fn at(span: Span, kind: impl Into<DiagnosticKind>) -> Self {
        Self {
            line: span.line,
            column: span.column,
            kind: kind.into(),
        }
    }
}

impl fmt::Display for Diagnostic {
    /// `line:column: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.kind)
    }
}
