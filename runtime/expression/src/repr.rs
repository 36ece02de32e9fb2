//! Python's `repr` of a text in an expression, computed here so that no component needs it for the
//! name of a field.

use std::fmt::Write as _;

use crate::library::Library;

/// The text in quotes, with escapes for what cannot be printed.
pub(crate) fn of_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for character in text.chars() {
        let code = character as u32;
        let _ = match character {
            '\\' => write!(out, "\\\\"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            _ if character == quote => write!(out, "\\{character}"),
            ' '..='~' => write!(out, "{character}"),
            _ if code > 0x7f && Library::get().is_printable(code) => write!(out, "{character}"),
            _ if code < 0x100 => write!(out, "\\x{code:02x}"),
            _ if code < 0x1_0000 => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out.push(quote);
    out
}
