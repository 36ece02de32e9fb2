//! Texts of others that can't steer a terminal, and spans of time in the unit that people use.

use bureaucrat_model::{Millis, Timestamp};

/// A text of somebody else's on one line, without anything that a terminal obeys.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' | '\r' => cleaned.push(' '),
            other if is_obeyed(other) => push_escaped(&mut cleaned, other),
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// As [`clean`], line by line.
pub fn clean_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(clean).collect();
    lines.join("\n")
}

/// Whether a terminal would do something else than show it, or show what is around it differently:
/// control characters, those that turn the direction of writing, those that nobody sees.
pub fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// A character of a line in which columns count: a space in place of what a terminal obeys.
pub fn seen(character: char) -> char {
    match is_obeyed(character) {
        true => ' ',
        false => character,
    }
}

/// As in JSON, so that a JSON text means the same afterwards.
pub fn push_escaped(text: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        *text += &format!("\\u{unit:04x}");
    }
}

/// Whether a terminal shows the text as it is.
pub fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| is_obeyed(c) && c != '\n')
}

/// A text of at most so many characters; one that is cut ends with an ellipsis.
pub fn fit(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept = text.chars().take(columns.saturating_sub(1));
    kept.chain(std::iter::once('…')).collect()
}

/// A span of time in the unit that people would use.
pub fn span(span: Millis) -> String {
    let seconds = span.0 / 1_000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, span.0 % 1_000 / 100),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A point in time, and how long ago it was.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{at} ({} ago)", span(now.since(at)))
}

/// A word as a shell takes it.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:/@%+=".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_and_obey_nothing() {
        assert_eq!(fit("order", 5), "order");
        assert_eq!(fit("orders", 5), "orde…");
        assert_eq!(clean("a\x1b[31mb\nc"), "a\\u001b[31mb c");
        assert_eq!(
            clean("a\u{202e}b\u{9b}\u{e0041}"),
            "a\\u202eb\\u009b\\udb40\\udc41"
        );
        assert_eq!(clean_lines("a\nb\rc"), "a\nb c");
        for plain in ["äöü 漢字", "مرحبا", "👩\u{200d}🚀"] {
            assert_eq!(clean(plain), plain);
        }
    }

    #[test]
    fn spans_have_the_unit_that_people_use() {
        let of = |millis| span(Millis(millis));
        assert_eq!(of(3_240), "3.2 s");
        assert_eq!(of(59_000), "59 s");
        assert_eq!(of(7_199_000), "119 min");
        assert_eq!(of(7_200_000), "2 h");
        assert_eq!(of(9 * 86_400_000), "9 days");
    }
}
