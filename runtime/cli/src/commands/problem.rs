//! What is said about a definition.

use bureaucrat_definition::{Diagnostic, Severity};

/// Something that is wrong with a definition or odd about it.
pub struct Problem {
    pub line: u32,
    pub column: u32,
    pub severity: Severity,
    pub message: String,
    /// What was probably meant, as XML.
    pub suggestion: Option<String>,
}

impl From<&Diagnostic> for Problem {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            line: diagnostic.line,
            column: diagnostic.column,
            severity: diagnostic.severity(),
            message: diagnostic.kind.to_string(),
            suggestion: diagnostic.suggestion().map(str::to_owned),
        }
    }
}
