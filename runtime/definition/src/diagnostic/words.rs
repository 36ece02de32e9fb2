//! The parts of messages: a stranger's text made harmless, lists of names, the name that was
//! probably meant.

use std::fmt;

/// The most characters of a stranger's text that a diagnostic keeps.
const SHOWN: usize = 60;

/// Cuts a text to the length that a diagnostic keeps.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text in backticks, without control characters and anything else that would change how a log
/// looks.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        for character in self.0.chars() {
            let turns = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
            if character.is_control() || turns {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        f.write_str("`")
    }
}

/// `; expected …`, or that none of the kind is allowed.
pub(super) struct Expected<'a>(pub(super) &'a [&'static str], pub(super) &'static str);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(allowed, kind) = self;
        if allowed.is_empty() {
            return write!(f, "; no {kind} is allowed here");
        }
        f.write_str("; expected ")?;
        alternatives(allowed, f)
    }
}

/// `; it belongs in …`, or nothing.
pub(super) struct Belongs<'a>(pub(super) &'a [&'static str]);

impl fmt::Display for Belongs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str("; it belongs in ")?;
        alternatives(self.0, f)
    }
}

/// Words of which one is expected.
pub(super) struct Choice<'a>(pub(super) &'a [&'static str]);

impl fmt::Display for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        alternatives(self.0, f)
    }
}

/// The names in backticks, with commas and `or` between them.
pub(super) struct Alternatives<'a>(pub(super) &'a [&'static str]);

impl fmt::Display for Alternatives<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        alternatives(self.0, f)
    }
}

fn alternatives(names: &[&'static str], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let last = names.len().saturating_sub(1);
    for (place, name) in names.iter().enumerate() {
        let before = match place {
            0 => "",
            place if place == last => " or ",
            _ => ", ",
        };
        write!(f, "{before}`{name}`")?;
    }
    Ok(())
}

/// The name of an element with its article.
pub(super) struct An<'a>(pub(super) &'a str);

impl fmt::Display for An<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = if self.0.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        write!(f, "{article} `{}`", self.0)
    }
}

/// `; ` and a hint, or else what is expected.
pub(super) struct Hint<'a, T>(pub(super) Option<&'a str>, pub(super) T);

impl<T: fmt::Display> fmt::Display for Hint<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(hint) => write!(f, "; {hint}"),
            None => self.1.fmt(f),
        }
    }
}

/// ` (did you mean …?)`, or nothing.
pub(super) struct Nearest<'a>(pub(super) Option<&'a str>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, " (did you mean {}?)", Quoted(name)),
            None => Ok(()),
        }
    }
}

/// `; try …`, or nothing.
pub(super) struct Try<'a>(pub(super) Option<&'a str>);

impl fmt::Display for Try<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => write!(f, "; try {}", Quoted(text)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_texts_stay_on_their_line() {
        assert_eq!(Quoted("a\n\u{202e}b").to_string(), r"`a\n\u{202e}b`");
        assert_eq!(cut(&"x".repeat(70)).chars().count(), 61);
    }
}
