//! Source text as tokens, so that an edit's text is found wherever the lines break.
//!
//! White space and comments are ignored, and so is a comma before a closing bracket, which `cargo
//! fmt` adds and removes. Strings stay whole.

use std::ops::Range;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    start: usize,
}

/// The only place of `text` in `source`.
///
/// # Errors
/// How often it was found, if that is not once.
pub fn find(source: &str, text: &str) -> Result<Range<usize>, usize> {
    let (source, text) = (tokens(source), tokens(text));
    if text.is_empty() {
        return Err(0);
    }
    let same = |window: &&[Token<'_>]| {
        let pairs = window.iter().zip(&text);
        pairs.into_iter().all(|(one, other)| one.text == other.text)
    };
    let found: Vec<_> = source.windows(text.len()).filter(same).collect();
    let [[first, .., last] | [first @ last]] = found[..] else {
        return Err(found.len());
    };
    Ok(first.start..last.start + last.text.len())
}

fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut start = 0;
    while let Some(rest) = source.get(start..).filter(|rest| !rest.is_empty()) {
        let length = first(rest);
        let text = &rest[..length];
        if matches!(text, ")" | "]" | "}") && tokens.last().is_some_and(|last| last.text == ",") {
            tokens.pop();
        }
        let is_comment = text.starts_with("//") || text.starts_with("/*");
        if !text.trim().is_empty() && !is_comment {
            tokens.push(Token { text, start });
        }
        start += length;
    }
    tokens
}

/// The length of the first token: white space, a comment, a word, a string, or one character.
fn first(text: &str) -> usize {
    let ends = |end: Option<usize>| end.unwrap_or(text.len());
    let run = |is: fn(char) -> bool| ends(text.find(|char| !is(char)));
    if text.starts_with("//") {
        return ends(text.find('\n'));
    }
    if text.starts_with("/*") {
        return ends(text.find("*/").map(|place| place + 2));
    }
    if let Some(length) = raw_string(text) {
        return length;
    }
    match text.chars().next() {
        Some(char) if char.is_whitespace() => run(char::is_whitespace),
        Some(char) if is_word(char) => run(is_word),
        Some('"') => quoted(text, '"'),
        Some('\'') if is_character(text) => quoted(text, '\''),
        Some(char) => char.len_utf8(),
        None => 0,
    }
}

fn is_word(char: char) -> bool {
    char == '_' || char.is_alphanumeric()
}

/// Whether the quotation mark begins a character, not a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

/// The length of a text between two such marks, including the marks.
fn quoted(text: &str, mark: char) -> usize {
    let mut is_escaped = false;
    for (place, char) in text.char_indices().skip(1) {
        if char == mark && !is_escaped {
            return place + mark.len_utf8();
        }
        is_escaped = char == '\\' && !is_escaped;
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let after = ["r", "br", "cr"]
        .into_iter()
        .find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let inside_length = inside
        .find(&end)
        .map_or(inside.len(), |place| place + end.len());
    Some(text.len() - inside.len() + inside_length)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn lines_may_be_broken_otherwise() {
        let source = "fn a() {\n    call(\n        one, // why\n        two,\n    );\n}";
        assert_eq!(find(source, "call(one, two)"), Ok(13..57));
        assert_eq!(find("call(one, two)", "call(\n one,\n two,\n)"), Ok(0..14));
    }

    #[test]
    fn words_and_strings_are_whole() {
        assert_eq!(find("let one = 1;", "on"), Err(0));
        assert_eq!(find(r#"x("// no comment"); y()"#, "y()"), Ok(20..23));
        assert_eq!(find(r##"x(r#"a " y"#); y"##, "y"), Ok(15..16));
        assert_eq!(find("f('\"'); y", "y"), Ok(8..9));
        assert_eq!(find("f::<'a>(); y", "y"), Ok(11..12));
    }

    #[test]
    fn twice_is_not_once() {
        assert_eq!(find("a; a;", "a;"), Err(2));
    }
}
