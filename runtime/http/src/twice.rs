//! JSON in which an object has a key twice. Parsers take one of the two, and mostly nobody meant that.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use std::{collections::HashSet, fmt};

/// The most characters of a key that are shown.
const SHOWN: usize = 40;

/// Whether no object in a JSON text has a key twice. What else is wrong with it is for others to say.
///
/// # Errors
/// Which key is given twice, with the place of the second.
pub fn check(text: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Once>(text) {
        Err(error) if error.is_data() => Err(error.to_string()),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Any value without such an object.
struct Once;

struct Looking;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Looking)
    }
}

impl<'de> Visitor<'de> for Looking {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_str<E>(self, _: &str) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Once, A::Error> {
        while let Some(Once) = values.next_element()? {}
        Ok(Once)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<Once, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = values.next_key::<String>()? {
            if let Some(twice) = keys.replace(key) {
                let shown: String = twice.chars().take(SHOWN).collect();
                return Err(A::Error::custom(format!(
                    "the key `{shown}` is given twice"
                )));
            }
            values.next_value::<Once>()?;
        }
        Ok(Once)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_that_is_there_twice_is_named() {
        for text in [
            r#"{"a": 1, "a": 2}"#,
            r#"{"a": 1, "b": {"c": [{"d": 1}, {"a": null, "\u0061": 2}]}}"#,
            r#"[1.50, 12345678901234567890123456789, {"a": true, "a": "x"}]"#,
        ] {
            let words = check(text.as_bytes()).unwrap_err();
            assert!(
                words.contains("the key `a` is given twice at line 1"),
                "{words}"
            );
        }
        for text in [
            r#"{"a": {"a": 1.0}, "b": [{"a": 1}, {"a": 2}], "A": 1e400}"#,
            "7",
            "",
            "{\"a\": 1, \"b\"",
            "\u{7f}",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
        let long = format!("{{\"{0}\": 1, \"{0}\": 2}}", "k".repeat(10_000));
        assert!(check(long.as_bytes()).unwrap_err().len() < 120);
    }
}
