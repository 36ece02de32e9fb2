//! The text for the parser: the caller's text with something around it, and places in it as the
//! caller counts them.

use ruff_text_size::{Ranged, TextSize};

use crate::Refusal;

/// One character, the expression, a line break and one character.
pub(crate) struct Wrapped(String);

impl Wrapped {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a literal contains an escaped lone surrogate, for which the parser inserts U+FFFD:
    /// texts here cannot contain it.
    pub(crate) fn has_surrogate(&self, literal: &impl Ranged, value: &str) -> bool {
        let written = self.written(literal);
        let surrogate = |marker: &str| {
            written.split(marker).skip(1).any(|after| {
                let mut digits = after.chars().map(|digit| digit.to_ascii_lowercase());
                digits.next() == Some('d')
                    && digits
                        .next()
                        .is_some_and(|digit| matches!(digit, '8'..='9' | 'a'..='f'))
            })
        };
        value.contains('\u{fffd}') && (surrogate("\\u") || surrogate("\\U0000"))
    }

    pub(crate) fn written(&self, at: &impl Ranged) -> &str {
        let range = at.range();
        let range = range.start().to_usize()..range.end().to_usize();
        self.0.get(range).unwrap_or_default()
    }

    /// The caller's text with something else for a part of it.
    pub(crate) fn with(&self, part: &impl Ranged, text: &str) -> Option<String> {
        let range = part.range();
        let before = self.0.get(1..range.start().to_usize())?;
        let after = self.0.get(range.end().to_usize()..)?.strip_suffix("\n)")?;
        Some(format!("{before}{text}{after}"))
    }

    /// A refusal of what begins at an offset in the wrapped text.
    pub(crate) fn refusal(&self, offset: TextSize, reason: String) -> Refusal {
        let inner = self.0.strip_suffix("\n)").unwrap_or(&self.0);
        let before = inner
            .get(1..offset.to_usize().min(inner.len()).max(1))
            .unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Refusal {
            reason,
            line: before.matches('\n').count() as u32 + 1,
            column: before[line_start..].chars().count() as u32 + 1,
            suggestion: None,
        }
    }
}
