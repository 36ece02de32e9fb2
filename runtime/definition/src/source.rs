//! The source text and the places in it: from byte offsets to lines and columns, in constant time.
//!
//! Some sources are refused here, before any parser sees them: too many bytes, invalid UTF-8,
//! characters that XML 1.0 forbids.

use crate::{
    Limits,
    diagnostic::{Diagnostic, Foreign, XmlProblem, cut},
};
use bureaucrat_model::Span;

/// Bytes between two counts of characters.
const BLOCK: usize = 256;

/// A text with known places.
pub(crate) struct Source<'a> {
    text: &'a str,
    /// The offset at which each line begins.
    lines: Vec<usize>,
    /// How many characters begin before each block of [`BLOCK`] bytes.
    characters: Vec<usize>,
}

impl<'a> Source<'a> {
    /// Checks the bytes and counts their lines. A byte order mark is left out and not counted.
    pub(crate) fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, Diagnostic> {
        if bytes.len() > limits.bytes {
            return Err(Diagnostic::at(
                Span { line: 1, column: 1 },
                XmlProblem::TooLarge {
                    bytes: bytes.len(),
                    limit: limits.bytes,
                },
            ));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if let Some(foreign) = foreign(bytes) {
            let start = Span { line: 1, column: 1 };
            return Err(Diagnostic::at(start, XmlProblem::Foreign(foreign)));
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let source = Source::new(std::str::from_utf8(valid).unwrap_or_default());
                return Err(Diagnostic::at(
                    source.span(valid.len()),
                    XmlProblem::NotUtf8 {
                        declared: declared(bytes),
                    },
                ));
            }
        };
        let source = Self::new(text);
        match text.char_indices().find(|(_, found)| !is_xml(*found)) {
            None => Ok(source),
            Some((offset, found)) => Err(Diagnostic::at(
                source.span(offset),
                XmlProblem::BadCharacter { found },
            )),
        }
    }

    fn new(text: &'a str) -> Self {
        let mut lines = vec![0];
        let mut characters = Vec::with_capacity(text.len() / BLOCK + 1);
        let mut count = 0;
        for (offset, byte) in text.bytes().enumerate() {
            if offset % BLOCK == 0 {
                characters.push(count);
            }
            count += usize::from(begins_character(byte));
            if byte == b'\n' {
                lines.push(offset + 1);
            }
        }
        if characters.len() * BLOCK <= text.len() {
            characters.push(count);
        }
        Self {
            text,
            lines,
            characters,
        }
    }

    /// The text without its byte order mark; offsets are within it.
    pub(crate) const fn text(&self) -> &'a str {
        self.text
    }

    /// The line and the column, in characters, of a byte offset; both from 1.
    pub(crate) fn span(&self, offset: usize) -> Span {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        Span {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let counted = self.characters.get(block).copied().unwrap_or(0);
        let rest = self.text.as_bytes().get(block * BLOCK..offset);
        let rest = rest.unwrap_or_default().iter();
        counted + rest.filter(|byte| begins_character(**byte)).count()
    }
}

/// What bytes are that cannot be a definition.
fn foreign(bytes: &[u8]) -> Option<Foreign> {
    let visible = bytes.trim_ascii_start();
    let starts = |prefixes: &[&[u8]]| prefixes.iter().any(|prefix| bytes.starts_with(prefix));
    if starts(&[b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"]) {
        return Some(Foreign::Utf16);
    }
    if starts(&[b"\0asm"]) {
        return Some(Foreign::Wasm);
    }
    if starts(&[b"\x1f\x8b"]) {
        return Some(Foreign::Gzip);
    }
    if starts(&[b"PK\x03\x04"]) {
        return Some(Foreign::Zip);
    }
    match visible.first() {
        None => Some(Foreign::Empty),
        Some(b'{' | b'[') => Some(Foreign::Json),
        Some(b'<') => page(visible),
        Some(_) if visible.starts_with(b"---") => Some(Foreign::Yaml),
        Some(_) => {
            let line = visible
                .split(|byte| *byte == b'\n')
                .next()
                .unwrap_or_default();
            let word = line
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
            let word = word.count();
            let is_key = word > 0 && line.get(word) == Some(&b':') && !visible.contains(&b'<');
            is_key.then_some(Foreign::Yaml)
        }
    }
}

fn page(visible: &[u8]) -> Option<Foreign> {
    let head = visible
        .get(..visible.len().min(32))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_html = head.starts_with(b"<!doctype html") || head.starts_with(b"<html");
    is_html.then_some(Foreign::Html)
}

/// The encoding that an XML declaration names.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = bytes.strip_prefix(b"<?xml")?;
    let head = head.get(..head.iter().position(|byte| *byte == b'>')?)?;
    let head = std::str::from_utf8(head).ok()?;
    let (_, rest) = head.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    let (encoding, _) = rest[1..].split_once(quote)?;
    (!encoding.eq_ignore_ascii_case("utf-8")).then(|| cut(encoding))
}

const fn begins_character(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// Whether XML 1.0 allows a character at all (its production `Char`).
pub(crate) const fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Span {
        Span { line, column }
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("aé\nüb");
        assert_eq!(source.span(0), at(1, 1));
        assert_eq!(source.span(3), at(1, 3));
        assert_eq!(source.span(4), at(2, 1));
        assert_eq!(source.span(6), at(2, 2));
        assert_eq!(source.span(99), at(2, 3));
        let long = "ä".repeat(1_000);
        assert_eq!(Source::new(&long).span(1_200), at(1, 601));
        let full = "a".repeat(BLOCK);
        assert_eq!(Source::new(&full).span(BLOCK), at(1, 257));
    }

    #[test]
    fn refused_bytes_have_a_place() {
        let limits = Limits::default();
        let refused = |bytes: &[u8]| Source::read(bytes, &limits).err();
        let not_utf8 = refused(b"a\nb\xff");
        assert_eq!(
            not_utf8,
            Some(Diagnostic::at(
                at(2, 2),
                XmlProblem::NotUtf8 { declared: None }
            ))
        );
        let found = '\u{1}';
        let character = XmlProblem::BadCharacter { found };
        assert_eq!(
            refused("\u{feff}\u{1}".as_bytes()),
            Some(Diagnostic::at(at(1, 1), character))
        );
    }
}
