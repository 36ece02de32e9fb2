//! The format of a store as a whole: which tables and keys it has. What is in records has a format of its own.
//!
//! Each store keeps it in [`Table::Meta`](crate::Table), and refuses one that this program does not know before it writes
//! anything. If only records differ between a format and the one before it, a program knows both, so that engines can be
//! replaced one after another while all of them work: see [`crate::neighbours`].

use crate::StoreError;
use std::fmt;

/// The newest format that this program knows, and the one that it gives to a new store.
pub const FORMAT: u8 = 2;

/// Where it is in [`Table::Meta`](crate::Table).
pub const FORMAT_KEY: &[u8] = b"format";

/// The most characters of an unknown format in a message.
const SHOWN: usize = 32;

/// The format of a store: decimal digits, or `M-N` as long as there may be records of older ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// The oldest one that a record may have.
    oldest: u8,
    /// The one in which records are written.
    written: u8,
}

impl Format {
    /// That of a store in which every record has it.
    pub const fn whole(number: u8) -> Self {
        Self {
            oldest: number,
            written: number,
        }
    }

    /// As it is stored.
    pub fn read(found: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(found).ok()?;
        let (oldest, written) = text.split_once('-').unwrap_or((text, text));
        let format = Self {
            oldest: oldest.parse().ok()?,
            written: written.parse().ok()?,
        };
        // There is one way to write each.
        let is_one = format.oldest <= format.written && format.record() == found;
        is_one.then_some(format)
    }

    /// What is stored.
    pub fn record(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    pub const fn written(self) -> u8 {
        self.written
    }

    pub const fn oldest(self) -> u8 {
        self.oldest
    }

    /// The next one, with records of this one that nobody has written again yet; none if there are older ones.
    pub const fn raised(self) -> Option<Self> {
        match (self.oldest == self.written, self.written.checked_add(1)) {
            (true, Some(written)) => Some(Self {
                oldest: self.oldest,
                written,
            }),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.oldest == self.written {
            true => write!(f, "{}", self.written),
            false => write!(f, "{}-{}", self.oldest, self.written),
        }
    }
}

/// The formats in which a program can use a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats {
    oldest: u8,
    newest: u8,
}

impl Formats {
    pub(crate) const fn between(oldest: u8, newest: u8) -> Self {
        Self { oldest, newest }
    }

    /// Those in which it uses a store that it has alone, so that nobody needs an older one.
    pub const ALONE: Self = Self {
        oldest: FORMAT,
        newest: FORMAT,
    };

    /// Those of a program that was made later, for tests.
    pub const fn next(self) -> Self {
        Self {
            oldest: self.newest,
            newest: self.newest.saturating_add(1),
        }
    }

    pub const fn newest(self) -> u8 {
        self.newest
    }

    /// The format of a store, if this program can use it.
    ///
    /// # Errors
    /// If it can't.
    pub fn admit(self, found: &[u8]) -> Result<Format, StoreError> {
        let format = Format::read(found)
            .filter(|format| self.oldest <= format.oldest && format.written <= self.newest);
        format.ok_or_else(|| self.unknown(found))
    }

    /// The error about a format that is not one of these.
    pub fn unknown(self, found: &[u8]) -> StoreError {
        let found: String = String::from_utf8_lossy(found).chars().take(SHOWN).collect();
        StoreError::Format {
            found: found.escape_default().to_string(),
            known: self.newest,
        }
    }
}

/// What to do about a store with another format.
pub(crate) fn advice(found: &str, known: u8) -> &'static str {
    match Format::read(found.as_bytes()) {
        Some(format) if format.written <= known => {
            "`bureaucrat store migrate` brings it to that one, while no engine runs"
        }
        Some(_) => "a newer engine is needed, such as the one that wrote it",
        None => "use the engine version that wrote it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_uses_its_formats_and_says_what_to_do_about_others() {
        let next = Formats::OURS.next();
        for (formats, found, admitted) in [
            (Formats::OURS, "2", true),
            (Formats::OURS, "2-3", false),
            (Formats::OURS, "3", false),
            (Formats::OURS, "1-2", false),
            (next, "2", true),
            (next, "2-3", true),
            (next, "3", true),
            (next, "1", false),
            (next, "1-2", false),
            (next, "3-4", false),
        ] {
            let format = formats.admit(found.as_bytes());
            assert_eq!(format.is_ok(), admitted, "{formats:?} {found}");
            if let Ok(format) = format {
                assert_eq!(format.record(), found.as_bytes());
            }
        }
        for odd in [
            "", "-", "2-", "-2", "02", "+2", "3-2", "2-2", "2 ", "two", "999", "2-3-4",
        ] {
            assert_eq!(Format::read(odd.as_bytes()), None, "{odd}");
        }
        let words = |found: &str| next.unknown(found.as_bytes()).to_string();
        assert!(words("1").contains("store migrate"));
        assert!(words("1-2").contains("store migrate"));
        assert!(words("3-4").contains("a newer engine"));
        assert!(words("blue").contains("the engine version that wrote it"));
    }

    #[test]
    fn a_format_is_raised_by_one_and_not_again_while_older_records_are_left() {
        let raised = Format::whole(2).raised();
        assert_eq!(raised.map(|raised| raised.to_string()), Some("2-3".into()));
        assert_eq!(raised, Format::read(b"2-3"));
        assert_eq!(raised.and_then(Format::raised), None);
        assert_eq!(Format::whole(u8::MAX).raised(), None);
    }
}
