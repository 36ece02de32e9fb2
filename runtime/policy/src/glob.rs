//! Patterns for names: `*` matches any characters, everything else matches itself.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(String);

/// A text that is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    #[error("a name or pattern may not be empty")]
    Empty,
    #[error(
        "a pattern of {0} bytes matches no name: names have at most {max} bytes",
        max = Glob::BYTES_MAX
    )]
    TooLong(usize),
}

impl Glob {
    /// The longest pattern, in bytes: AMQP names are not longer.
    pub const BYTES_MAX: usize = 255;

    /// Parses a pattern.
    ///
    /// # Errors
    /// If it is empty or longer than [`Self::BYTES_MAX`].
    pub fn new(text: &str) -> Result<Self, GlobError> {
        match text.len() {
            0 => Err(GlobError::Empty),
            length if length > Self::BYTES_MAX => Err(GlobError::TooLong(length)),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// Whether a name matches. Takes at most the product of both lengths in steps.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut from) = (0, 0);
        // The last star, and how much of the name it has matched.
        let mut star: Option<(usize, usize)> = None;
        while from < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, from));
                    at += 1;
                }
                Some(byte) if *byte == name[from] => {
                    at += 1;
                    from += 1;
                }
                Some(_) | None => {
                    let Some((place, taken)) = star else {
                        return false;
                    };
                    star = Some((place, taken + 1));
                    (at, from) = (place + 1, taken + 1);
                }
            }
        }
        pattern[at..].iter().all(|byte| *byte == b'*')
    }

    /// Whether it is a plain name, without stars.
    pub fn is_name(&self) -> bool {
        !self.0.contains('*')
    }

    /// How many of its bytes are not stars: of two matching patterns, the more specific one has
    /// more.
    pub fn weight(&self) -> usize {
        self.0.bytes().filter(|byte| *byte != b'*').count()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Patterns of which any one may match; an empty list matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Globs(Vec<Glob>);

impl Globs {
    pub const fn new(globs: Vec<Glob>) -> Self {
        Self(globs)
    }

    pub fn all() -> Self {
        Self(vec![Glob("*".to_owned())])
    }

    /// Whether a name matches one of them.
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|glob| glob.matches(name))
    }

    pub fn is_all(&self) -> bool {
        self.0.iter().any(|glob| glob.weight() == 0)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Glob> {
        self.0.iter()
    }
}

impl fmt::Display for Globs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (count, glob) in self.0.iter().enumerate() {
            let comma = if count == 0 { "" } else { ", " };
            write!(f, "{comma}{glob}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, fits, not) in [
            ("a", vec!["a"], vec!["", "aa", "b"]),
            ("*", vec!["", "a", "a.b"], vec![]),
            ("a.*", vec!["a.", "a.b.c"], vec!["a", "b.a."]),
            ("*.b", vec![".b", "a.b.b"], vec!["a.b.c"]),
            ("a*b*c", vec!["abc", "axbxbyc"], vec!["ab", "acb"]),
            ("**a", vec!["a", "xa"], vec!["ax"]),
        ] {
            let glob = Glob::new(pattern).unwrap();
            fits.iter()
                .for_each(|name| assert!(glob.matches(name), "{pattern} {name}"));
            not.iter()
                .for_each(|name| assert!(!glob.matches(name), "{pattern} {name}"));
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_longer_than_both_lengths_multiplied() {
        let glob = Glob::new(&"*a".repeat(127)).unwrap();
        assert!(!glob.matches(&"a".repeat(126)));
        assert!(!glob.matches(&format!("{}b", "a".repeat(254))));
        assert!(glob.matches(&"a".repeat(255)));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert_eq!(Glob::new(""), Err(GlobError::Empty));
        assert_eq!(Glob::new(&"a".repeat(256)), Err(GlobError::TooLong(256)));
        assert!(!Globs::default().matches("a"));
        assert_eq!(Globs::default().to_string(), "none");
    }
}
