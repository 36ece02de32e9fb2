//! Bytes as lower-case hexadecimal digits, two per byte: the printed form of hashes, keys and
//! unreadable bytes.

use std::fmt;

/// Prints the borrowed bytes; `Hex(bytes).to_string()` is the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads exactly `N` bytes. Refuses upper-case digits, so that each value has one text.
pub(crate) fn read<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digits = digits.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

const fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        let bytes: [u8; 256] = std::array::from_fn(|place| place as u8);
        let text = Hex(&bytes).to_string();
        assert!(text.starts_with("000102") && text.ends_with("fdfeff"));
        assert_eq!(read(&text), Some(bytes));
        assert_eq!(Hex(&[]).to_string(), "");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "0", "0A", "0g", "000", " 0", "+0", "ü"] {
            assert_eq!(read::<1>(text), None, "{text}");
        }
    }
}
