//! Python's format specifications, read when an expression is checked and packed into one number
//! for the helpers.
//!
//! The helpers never parse a format. They find out at run time what a format means for a value of
//! the wrong type.

use crate::limits::{DECIMALS_MAX, WIDTH_MAX};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// The default for the value's type.
    Default,
    Left,
    Right,
    Center,
    Inside,
    /// A leading zero means [`Align::Inside`] for numbers and the default for texts.
    Zero,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) fill: char,
    pub(crate) align: Align,
    /// `+` and a space go before numbers that are not negative; `-` is the default, and still no sign for a text.
    pub(crate) sign: Option<char>,
    /// `0x` and the like before digits.
    pub(crate) prefix: bool,
    pub(crate) width: u32,
    pub(crate) grouping: Option<char>,
    pub(crate) precision: Option<u32>,
    /// The letter, if there is one.
    pub(crate) letter: Option<char>,
}

const LETTERS: &str = "bcdeEfFgGosxX%";

impl Default for Format {
    fn default() -> Format {
        Format {
            fill: ' ',
            align: Align::Default,
            sign: None,
            prefix: false,
            width: 0,
            grouping: None,
            precision: None,
            letter: None,
        }
    }
}

impl Format {
    /// Reads the text after the colon; `None` if it is invalid or unsupported.
    pub(crate) fn read(written: &str) -> Option<Format> {
        let mut format = Format::default();
        let mut rest = written;
        let mut characters = rest.chars();
        let (first, second) = (characters.next(), characters.next().and_then(align));
        let filled = second.is_some();
        if let (Some(fill), Some(align)) = (first, second) {
            (format.fill, format.align) = (fill, align);
            rest = characters.as_str();
        } else if let Some(align) = first.and_then(align) {
            format.align = align;
            rest = &rest[1..];
        }
        format.sign = rest.chars().next().filter(|sign| "+- ".contains(*sign));
        if format.sign.is_some() {
            rest = &rest[1..];
        }
        if let Some(after) = rest.strip_prefix('#') {
            (format.prefix, rest) = (true, after);
        }
        if let Some(after) = rest.strip_prefix('0').filter(|_| !filled) {
            format.fill = '0';
            if format.align == Align::Default {
                format.align = Align::Zero;
            }
            rest = after;
        }
        (format.width, rest) = leading_number(rest, WIDTH_MAX)?.unwrap_or((0, rest));
        if let Some(grouping) = rest.chars().next().filter(|mark| ",_".contains(*mark)) {
            format.grouping = Some(grouping);
            rest = &rest[1..];
        }
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = leading_number(after, DECIMALS_MAX)??;
            (format.precision, rest) = (Some(precision), after);
        }
        let mut letters = rest.chars();
        format.letter = letters.next();
        let known = format.letter.is_none_or(|letter| LETTERS.contains(letter));
        (known && letters.next().is_none() && format.is_consistent()).then_some(format)
    }

    /// Whether letter, grouping and prefix may be combined.
    fn is_consistent(&self) -> bool {
        let letters = match self.grouping {
            None => LETTERS,
            Some('_') => "bdeEfFgGoxX%",
            Some(_) => "deEfFgG%",
        };
        let grouped = self.letter.is_none_or(|letter| letters.contains(letter));
        let radix = self.letter.is_some_and(|letter| "boxX".contains(letter));
        grouped && (!self.prefix || radix)
    }

    /// Letter in bits 0 to 6, width 7 to 17, precision 18 to 24, whether there is one 25, sign 26 and 27 (1 plus, 2 space, 3 minus),
    /// grouping 28 and 29 (1 comma, 2 underscore), prefix 30, align 32 to 34, fill from 40 on.
    pub(crate) fn packed(&self) -> i64 {
        let letter = self.letter.map_or(0, |letter| letter as i64);
        let sign = match self.sign {
            Some('+') => 1,
            Some(' ') => 2,
            Some(_) => 3,
            None => 0,
        };
        let grouping = match self.grouping {
            Some(',') => 1,
            Some(_) => 2,
            None => 0,
        };
        letter
            | i64::from(self.width) << 7
            | i64::from(self.precision.unwrap_or(0)) << 18
            | i64::from(self.precision.is_some()) << 25
            | sign << 26
            | grouping << 28
            | i64::from(self.prefix) << 30
            | (self.align as i64) << 32
            | (self.fill as i64) << 40
    }

    /// The helper for this format, so that each expression contains only what its letters need.
    pub(crate) fn helper(&self) -> crate::ir::Helper {
        match self.letter {
            None => "format_any",
            Some('s') => "format_text",
            Some('d') => "format_integer",
            Some('b' | 'o' | 'x' | 'X') => "format_radix",
            Some('c') => "format_character",
            Some('f' | 'F' | '%') => "format_fixed",
            Some('e' | 'E') => "format_exponent",
            Some(_) => "format_general",
        }
    }
}

fn align(letter: char) -> Option<Align> {
    match letter {
        '<' => Some(Align::Left),
        '>' => Some(Align::Right),
        '^' => Some(Align::Center),
        '=' => Some(Align::Inside),
        _ => None,
    }
}

/// The number at the beginning and what follows it; `Some(None)` where there is none, none where it is too large.
#[expect(clippy::option_option, reason = "absent and too large are two things")]
pub(crate) fn leading_number(text: &str, most: u32) -> Option<Option<(u32, &str)>> {
    let digits = text
        .bytes()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 {
        return Some(None);
    }
    let number = text[..digits]
        .parse()
        .ok()
        .filter(|number| *number <= most)?;
    Some(Some((number, &text[digits..])))
}
