//! JSON Pointers, exactly as in RFC 6901.
//!
//! An invalid pointer and a pointer to nothing are treated alike: both yield nothing. The meaning
//! of a token depends on what it is applied to, so reading indexes is left to [`index`].

use std::borrow::Cow;

/// The tokens of a pointer, still escaped; `None` for a text that is neither empty nor begins with
/// `/`. The empty pointer has no tokens.
pub(crate) fn tokens(pointer: &str) -> Option<impl Iterator<Item = &str>> {
    let tokens = match pointer.strip_prefix('/') {
        Some(rest) => Some(rest.split('/')),
        None if pointer.is_empty() => None,
        None => return None,
    };
    Some(tokens.into_iter().flatten())
}

/// A token with `~1` and `~0` resolved; `None` if another character follows a `~`.
pub(crate) fn unescaped(token: &str) -> Option<Cow<'_, str>> {
    if !token.contains('~') {
        return Some(Cow::Borrowed(token));
    }
    let mut text = String::with_capacity(token.len());
    let mut parts = token.split('~');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (character, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return None,
        };
        text.push(character);
        text.push_str(rest);
    }
    Some(Cow::Owned(text))
}

/// A token as an index of a list: digits without leading zeros.
pub(crate) fn index(token: &str) -> Option<usize> {
    let digits = token.as_bytes();
    if !digits.iter().all(u8::is_ascii_digit) || (digits.len() > 1 && digits[0] == b'0') {
        return None;
    }
    token.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_resolve_once() {
        assert_eq!(unescaped("a~1b").as_deref(), Some("a/b"));
        assert_eq!(unescaped("m~0n").as_deref(), Some("m~n"));
        assert_eq!(unescaped("~01").as_deref(), Some("~1"));
        assert_eq!(unescaped("~"), None);
        assert_eq!(unescaped("~2"), None);
        assert_eq!(unescaped("a~"), None);
    }

    #[test]
    fn an_index_is_digits_without_leading_zeros() {
        assert_eq!(index("0"), Some(0));
        assert_eq!(index("10"), Some(10));
        for token in ["", "-", "01", "+1", "1e0", " 1", "99999999999999999999999"] {
            assert_eq!(index(token), None, "{token}");
        }
    }

    #[test]
    fn a_pointer_is_empty_or_begins_with_a_slash() {
        assert_eq!(tokens("").map(Iterator::count), Some(0));
        assert_eq!(tokens("/").map(Iterator::count), Some(1));
        assert_eq!(tokens("/a//b").map(Iterator::count), Some(3));
        assert!(tokens("a").is_none());
    }
}
