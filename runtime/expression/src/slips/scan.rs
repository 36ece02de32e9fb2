//! Splits any text into tokens, whatever language it is in: nothing is refused here, nothing is lost, time is linear.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    /// A number with whatever letters and dots are joined to it.
    Number,
    /// A closed text literal in straight quotes.
    Text,
    /// A text literal whose quote never closes.
    Unclosed,
    /// A text in typographic quotes or backticks.
    Typographic,
    Symbol,
}

/// A token; its gap, the white space and comments before it; and the offset in the text that was first scanned.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) gap: String,
    pub(super) offset: usize,
}

/// Symbols of several characters, those that begin alike by falling length.
const SYMBOLS: &[&str] = &[
    "!==", "===", "...", "<=>", "**=", "//=", "&&", "||", "<>", "=>", "->", "==", "!=", "<=", ">=",
    ":=", "++", "--", "**", "//", "<<", ">>", "?.", "??", "?:", "=<", "=~", "!~", "+=", "-=", "*=",
    "/=", "%=", "/*", "*/", "{%", "%}", "::",
];

const OPENING_QUOTES: &str = "“”„‘’‚‛‟«»‹›`";
const CLOSING_QUOTES: &str = "“”‘’‛‟»«›‹`";

pub(super) fn scan(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut at, mut gap) = (0, 0);
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() || is_invisible(first) {
            at += first.len_utf8();
            continue;
        }
        if first == '#' {
            at += text[at..].find('\n').unwrap_or(text.len() - at);
            continue;
        }
        let (kind, length) = token(&text[at..], first);
        tokens.push(Token {
            kind,
            text: text[at..at + length].to_owned(),
            gap: text[gap..at].to_owned(),
            offset: at,
        });
        at += length;
        gap = at;
    }
    tokens
}

/// Characters without a width, which editors and web pages leave behind.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// The kind of the token at the start of `rest`, and its length.
fn token(rest: &str, first: char) -> (Kind, usize) {
    let span = |matches: fn(char) -> bool| {
        rest.find(|found: char| !matches(found))
            .unwrap_or(rest.len())
    };
    if first.is_alphabetic() || first == '_' {
        let length = span(|found| found.is_alphanumeric() || found == '_');
        let prefix = ["f", "r", "b", "u", "rb", "br", "fr", "rf"];
        let is_prefix = prefix.contains(&&*rest[..length].to_ascii_lowercase());
        if is_prefix && rest[length..].starts_with(['\'', '"']) {
            let (kind, quoted) = quoted(&rest[length..]);
            return (kind, length + quoted);
        }
        return (Kind::Word, length);
    }
    if first.is_ascii_digit() {
        let mut length = span(|found| found.is_alphanumeric() || matches!(found, '_' | '.'));
        let exponent = rest[..length].ends_with(['e', 'E']);
        if exponent && rest[length..].starts_with(['+', '-']) {
            let digits = rest[length + 1..].bytes();
            length += 1 + digits.take_while(u8::is_ascii_digit).count();
        }
        return (Kind::Number, length);
    }
    if matches!(first, '\'' | '"') {
        return quoted(rest);
    }
    if OPENING_QUOTES.contains(first) {
        let inner = &rest[first.len_utf8()..];
        return match inner
            .char_indices()
            .find(|(_, found)| CLOSING_QUOTES.contains(*found))
        {
            Some((at, last)) => (Kind::Typographic, first.len_utf8() + at + last.len_utf8()),
            None => (Kind::Symbol, first.len_utf8()),
        };
    }
    let known = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
    (
        Kind::Symbol,
        known.map_or(first.len_utf8(), |symbol| symbol.len()),
    )
}

/// A text literal in straight quotes, single or triple.
fn quoted(rest: &str) -> (Kind, usize) {
    let single = &rest[..1];
    let triple = single.repeat(3);
    let quote = if rest.starts_with(&triple) {
        &*triple
    } else {
        single
    };
    let mut at = quote.len();
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with(quote) {
            return (Kind::Text, at + quote.len());
        }
        if quote.len() == 1 && here.starts_with('\n') {
            break;
        }
        let mut characters = here.chars();
        let escaped = characters.next() == Some('\\');
        at += here.chars().next().map_or(1, char::len_utf8);
        if escaped {
            at += characters.next().map_or(0, char::len_utf8);
        }
    }
    (Kind::Unclosed, at.min(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost() {
        for text in [
            "context[\"a\"] && !x # note\n",
            "f'{a}' + \"b\\\"c\" 1.5e-3 “x” 'open",
            "'''a'b''' \u{a0}é≥1..5",
            "a `b` $x ?: }",
            "'ends\\",
        ] {
            let tokens = scan(text);
            let joined: String = tokens
                .iter()
                .map(|token| format!("{}{}", token.gap, token.text))
                .collect();
            assert!(text.starts_with(&joined), "{joined:?}");
            let rest = &text[joined.len()..];
            assert!(scan(rest).is_empty(), "{rest:?}");
        }
    }
}
