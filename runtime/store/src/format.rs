//! The format of a store as a whole: which tables and keys it has. What is in records has a format of its own.
//!
//! Each store keeps it in [`Table::Meta`](crate::Table), and refuses another one before it writes anything.

use crate::StoreError;

/// The format that is written, and the only one that is read.
pub const FORMAT: u8 = 2;

/// Where it is in [`Table::Meta`](crate::Table).
pub const FORMAT_KEY: &[u8] = b"format";

/// The most characters of an unknown format in a message.
const SHOWN: usize = 32;

/// What is stored: decimal digits.
pub fn record() -> Vec<u8> {
    FORMAT.to_string().into_bytes()
}

/// A format as it is stored; none if that is not one.
pub fn number(found: &[u8]) -> Option<u8> {
    std::str::from_utf8(found).ok()?.parse().ok()
}

/// # Errors
/// If it is another one.
pub fn check(found: &[u8]) -> Result<(), StoreError> {
    if found == record() {
        return Ok(());
    }
    let found: String = String::from_utf8_lossy(found).chars().take(SHOWN).collect();
    Err(unknown(found.escape_default().to_string()))
}

/// An unknown format, with what is known of it.
pub const fn unknown(found: String) -> StoreError {
    let known = FORMAT;
    StoreError::Format { found, known }
}

/// What to do about a store with another format.
pub(crate) fn advice(found: &str, known: u8) -> &'static str {
    match found.parse::<u8>() {
        Ok(older) if older < known => {
            "`bureaucrat store migrate` brings it to that one, while no engine runs"
        }
        Ok(_) => "a newer engine is needed, such as the one that wrote it",
        Err(_) => "use the engine version that wrote it",
    }
}
