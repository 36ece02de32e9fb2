//! The parts that messages are made of: a stranger's text made harmless, lists of names, the name that was meant.

use std::fmt;

/// The most characters of a stranger's text that a diagnostic keeps.
const SHOWN: usize = 60;

/// The longest name, in bytes, that is compared with known ones.
const COMPARED: usize = 24;

/// Cuts a text to what a diagnostic keeps of it.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text between backticks, without control characters and what else would change the look of a log.
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

/// `; … may stand here`, or that none of the kind may.
pub(super) struct Allowed<'a>(pub(super) &'a [&'static str], pub(super) &'static str);

impl fmt::Display for Allowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(allowed, kind) = self;
        let [names @ .., last] = allowed else {
            return write!(f, "; no {kind} may stand here");
        };
        f.write_str("; ")?;
        for (place, name) in names.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}`{name}`")?;
        }
        let or = if names.is_empty() { "" } else { " or " };
        write!(f, "{or}`{last}` may stand here")
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

/// The known name that is nearest to `found`, if one is near: at most a third of its letters differ, case aside.
pub(crate) fn nearest<'n>(
    found: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    if found.len() > COMPARED {
        return None;
    }
    let found = found.to_ascii_lowercase();
    let near = known.into_iter().filter(|name| name.len() <= COMPARED);
    let near = near.map(|name| (distance(&found, &name.to_ascii_lowercase()), name));
    let near = near.filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1));
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many insertions, removals and exchanges of letters lead from one text to the other (Levenshtein's distance).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (place, letter) in from.chars().enumerate() {
        let mut diagonal = place;
        let mut left = place + 1;
        for (slot, other) in row.iter_mut().skip(1).zip(&to) {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = *slot;
            left = changed.min(*slot + 1).min(left + 1);
            *slot = left;
        }
    }
    row.last().copied().map_or(0, |last| {
        if to.is_empty() {
            from.chars().count()
        } else {
            last
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (from, to, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("participent", "participant", 1),
            ("abc", "abc", 0),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        let known = ["sequence", "switch", "all"];
        assert_eq!(nearest("Sequense", known), Some("sequence"));
        assert_eq!(nearest("al", known), Some("all"));
        assert_eq!(nearest("foreach", known), None);
        assert_eq!(nearest(&"s".repeat(1_000), known), None);
    }

    #[test]
    fn quoted_texts_stay_on_their_line() {
        assert_eq!(Quoted("a\n\u{202e}b").to_string(), r"`a\n\u{202e}b`");
        assert_eq!(cut(&"x".repeat(70)).chars().count(), 61);
    }
}
