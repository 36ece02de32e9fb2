//! Texts of pictures: cleaned, measured and broken into lines.
//!
//! Nobody knows the reader's fonts. The stack of the pictures is fixed, and a text is measured with the widest of its
//! fonts. Characters that some of these lack are estimated; such a text is not [sure](Measured::is_sure), and the picture
//! has to bind it to its width.

use crate::widths::WIDTHS;
use unicode_width::UnicodeWidthChar;

/// The most characters of a text that are looked at: no box shows as many.
const CHARACTERS_MAX: usize = 1_000;
/// The most marks that are put on one character.
const MARKS_MAX: usize = 2;
/// What an unreadable character is shown as.
pub(crate) const REPLACEMENT: char = '\u{fffd}';
const ELLIPSIS: char = '…';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    Regular,
    Bold,
    /// All characters are as wide as one another.
    Mono,
}

/// A face, with its size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Font {
    pub(crate) face: Face,
    pub(crate) size: u32,
}

/// How wide a text is at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measured {
    /// In pixels.
    pub(crate) width: i32,
    /// Whether all fonts of the stack have its characters.
    pub(crate) is_sure: bool,
}

/// In hundredths of the font's size; `None` if a font of the stack may lack the character.
fn known(character: char, face: Face) -> Option<u32> {
    let code = u32::from(character);
    let table = WIDTHS.iter().rfind(|table| table.first <= code)?;
    let at = usize::try_from(code - table.first).ok()?;
    let (regular, bold) = (*table.regular.get(at)?, *table.bold.get(at)?);
    if regular == 0 || bold == 0 {
        return None;
    }
    Some(u32::from(match face {
        Face::Regular => regular,
        Face::Bold => bold,
        Face::Mono => 61,
    }))
}

/// A character of a text: where it is, how wide in hundredths of the font's size, and whether that is sure.
struct Advance {
    at: usize,
    width: u32,
    is_sure: bool,
}

fn advances(text: &str, face: Face) -> impl Iterator<Item = Advance> {
    let mut before = None;
    text.char_indices().map(move |(at, character)| {
        let before = before.replace(character);
        let known = known(character, face);
        let width = known.unwrap_or_else(|| match character.width().unwrap_or(1) {
            _ if before == Some(JOINER) || is_skin(character) => 0,
            0 => 0,
            1 => 65,
            _ if u32::from(character) >= EMOJI => 125,
            _ => 100,
        });
        Advance {
            at,
            width,
            is_sure: known.is_some(),
        }
    })
}

/// Joins emoji to one.
const JOINER: char = '\u{200d}';
/// Where most emoji begin.
const EMOJI: u32 = 0x1_f000;

/// The colour of the emoji before it.
const fn is_skin(character: char) -> bool {
    matches!(character, '\u{1f3fb}'..='\u{1f3ff}')
}

pub(crate) fn measure(text: &str, font: Font) -> Measured {
    let (mut hundredths, mut is_sure) = (0_u32, true);
    for advance in advances(text, font.face) {
        hundredths = hundredths.saturating_add(advance.width);
        is_sure &= advance.is_sure;
    }
    // A hundredth more, for kerning and rounding in browsers.
    let pixels = hundredths
        .saturating_mul(font.size)
        .saturating_mul(101)
        .div_ceil(10_000);
    Measured {
        width: i32::try_from(pixels).unwrap_or(i32::MAX),
        is_sure,
    }
}

/// Characters that would steer how a text around them is shown, or show nothing.
pub(crate) fn is_steering(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || character.is_control()
        || is_noncharacter(character)
}

/// What Unicode never assigns; XML allows most of them.
fn is_noncharacter(character: char) -> bool {
    let code = u32::from(character);
    code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

/// A text on one line: white space is one space, what can't be shown is replaced, and no character has a tower of marks.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    let (mut marks, mut space) = (0, false);
    for character in text.trim().chars().take(CHARACTERS_MAX) {
        if character.is_whitespace() {
            space = true;
            continue;
        }
        if std::mem::take(&mut space) {
            cleaned.push(' ');
        }
        let is_mark = character.width() == Some(0);
        marks = if is_mark { marks + 1 } else { 0 };
        match (is_steering(character), marks > MARKS_MAX) {
            (true, _) => cleaned.push(REPLACEMENT),
            (false, true) => {}
            (false, false) => cleaned.push(character),
        }
    }
    cleaned
}

/// A text in at most so many lines of such a width, with an ellipsis if that is not enough.
pub(crate) fn wrap(text: &str, font: Font, width: i32, lines_max: usize) -> Vec<String> {
    let cleaned = clean(text);
    let mut lines = Vec::new();
    let mut rest = cleaned.as_str();
    while !rest.is_empty() {
        let fits = fitting(rest, font, width);
        if lines.len() + 1 == lines_max && fits < rest.len() {
            lines.push(shortened(rest, font, width));
            return lines;
        }
        let (line, after) = rest.split_at(fits);
        lines.push(line.trim_end().to_owned());
        rest = after.trim_start();
    }
    lines
}

/// A text, or as much of it as fits with an ellipsis behind it.
pub(crate) fn shortened(text: &str, font: Font, width: i32) -> String {
    if measure(text, font).width <= width {
        return text.to_owned();
    }
    let room = width - measure("…", font).width;
    let mut short = text[..prefix(text, font, room)].trim_end().to_owned();
    short.push(ELLIPSIS);
    short
}

/// How many bytes of a text fit into a width: as many characters as possible.
fn prefix(text: &str, font: Font, width: i32) -> usize {
    let width = u64::try_from(width.max(0)).unwrap_or(0) * 10_000;
    let scale = u64::from(font.size) * 101;
    let mut sum = 0_u64;
    for advance in advances(text, font.face) {
        sum += u64::from(advance.width);
        if sum * scale > width {
            return advance.at;
        }
    }
    text.len()
}

/// How many bytes of a text make a line: up to a space if there is one, else up to a place at which words can be broken, and
/// at least one character.
fn fitting(text: &str, font: Font, width: i32) -> usize {
    let most = prefix(text, font, width);
    if most == text.len() {
        return most;
    }
    let head = &text[..most];
    let least = most / 3;
    if text[most..].starts_with(' ') {
        return most;
    }
    if let Some(space) = head.rfind(' ').filter(|space| *space > least) {
        return space;
    }
    let breaks = |character: char| "_-./,;:)]}&?=".contains(character);
    let soft = head.char_indices().rev().find(|(_, found)| breaks(*found));
    if let Some((at, found)) = soft.filter(|(at, _)| *at > least) {
        return at + found.len_utf8();
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    most.max(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Font = Font {
        face: Face::Regular,
        size: 10,
    };

    #[test]
    fn texts_are_as_wide_as_their_characters() {
        assert_eq!(measure("", SMALL).width, 0);
        let word = measure("mm", SMALL);
        assert_eq!((word.width, word.is_sure), (20, true));
        let bold = Font {
            face: Face::Bold,
            ..SMALL
        };
        assert!(measure("mm", bold).width > word.width);
        let mono = Font {
            face: Face::Mono,
            ..SMALL
        };
        assert_eq!(measure("mm", mono), measure("ii", mono));
        for text in ["漢字", "مرحبا", "🎉", "ก็", "\u{fffd}"] {
            let found = measure(text, SMALL);
            assert!(!found.is_sure && found.width > 0, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_shown_is_replaced() {
        assert_eq!(clean("  a \t\n b  "), "a b");
        assert_eq!(clean("a\u{202e}b\u{1}c"), "a\u{fffd}b\u{fffd}c");
        let tower = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(clean(&tower), "a\u{301}\u{301}b");
        assert_eq!(clean(&"x".repeat(5_000)).len(), CHARACTERS_MAX);
    }

    #[test]
    fn lines_are_no_wider_than_they_may_be() {
        let texts = [
            "one two three four five six seven",
            "context[\"a_very_long_name_without_any_space\"][\"another\"]",
            &"漢".repeat(90),
            &"w".repeat(300),
            "a",
            "",
        ];
        for text in texts {
            for width in [30, 60, 200] {
                let lines = wrap(text, SMALL, width, 3);
                assert!(lines.len() <= 3, "{text}");
                assert_eq!(lines.is_empty(), text.is_empty());
                for line in &lines {
                    assert!(measure(line, SMALL).width <= width, "{line}");
                }
            }
        }
        assert_eq!(wrap("one two", SMALL, 24, 3), ["one", "two"]);
        assert_eq!(
            wrap(&"w".repeat(300), SMALL, 60, 2)
                .last()
                .unwrap_or(&String::new())
                .chars()
                .last(),
            Some(ELLIPSIS)
        );
    }
}
