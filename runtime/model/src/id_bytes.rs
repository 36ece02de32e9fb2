//! How ids and hashes are serialised: as a byte string in records, as text where people may read it
//! (JSON).

use serde::{
    Deserialize, Deserializer, Serializer,
    de::{Error, Visitor},
};
use std::{borrow::Cow, fmt, str::FromStr};

/// Writes `bytes`, or the text of `id` in a human-readable format.
///
/// # Errors
/// If the format fails.
pub fn serialize<S: Serializer, const N: usize>(
    serializer: S,
    bytes: &[u8; N],
    id: &impl fmt::Display,
) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.collect_str(id)
    } else {
        serializer.serialize_bytes(bytes)
    }
}

/// Reads what [`serialize`] wrote. Refuses an array of numbers, which is not a byte string.
///
/// # Errors
/// If there are not exactly `N` bytes, or the text is not an id.
pub fn deserialize<'de, D, T, const N: usize>(
    deserializer: D,
    from_bytes: impl FnOnce([u8; N]) -> T,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    if deserializer.is_human_readable() {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        return text.parse().map_err(D::Error::custom);
    }
    deserializer
        .deserialize_bytes(ExactBytes::<N>)
        .map(from_bytes)
}

struct ExactBytes<const N: usize>;

impl<const N: usize> Visitor<'_> for ExactBytes<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string of {N} bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        bytes
            .try_into()
            .map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}
