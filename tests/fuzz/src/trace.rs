//! What an input made a target do, as one number: inputs with a new one are kept as seeds.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The trace of a message: its words without numbers and quoted parts, which say where rather than
/// what.
pub fn of_text(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut is_quoted = false;
    for byte in text.bytes().take(300) {
        if matches!(byte, b'`' | b'"' | b'\'') {
            is_quoted = !is_quoted;
        } else if !is_quoted && !byte.is_ascii_digit() {
            byte.hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// The trace of a count: roughly how many, of which kind.
pub fn of_count(kind: &str, count: usize) -> u64 {
    of_text(kind) ^ u64::from(count.checked_ilog2().unwrap_or(0)).wrapping_mul(0x9E37_79B9)
}
