//! Diagnostics: what is wrong with a definition, where, and what may stand there.
//!
//! A kind carries facts, not sentences, so that tests and tools can compare it; its `Display` makes the sentence. Texts
//! from the definition are cut and escaped, since they end in logs.

mod collector;
mod grammar;
mod value;
mod words;
mod xml;

pub use grammar::GrammarProblem;
pub use value::ValueProblem;
pub use xml::{Counted, Markup, XmlProblem};

pub(crate) use collector::Diagnostics;
pub(crate) use words::{cut, nearest};

use bureaucrat_model::Span;
use std::fmt;

/// One thing that is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    pub kind: DiagnosticKind,
}

/// What is wrong, by the stage that finds it. Fields named `allowed` list what may stand there, `nearest` the one that
/// was probably meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiagnosticKind {
    /// The text is no XML, or XML of a kind that definitions may not be.
    #[error(transparent)]
    Xml(#[from] XmlProblem),
    /// An element, an attribute or a text stands where it may not, or is missing.
    #[error(transparent)]
    Grammar(#[from] GrammarProblem),
    /// A value is not of its kind.
    #[error(transparent)]
    Value(#[from] ValueProblem),
}

impl Diagnostic {
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
