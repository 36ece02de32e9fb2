//! Values that JSON lacks, as kombu, Celery's transport, writes them (`kombu/utils/json.py` of kombu
//! 5.7): `{"__type__": "datetime", "__value__": "2026-01-02T03:04:05"}`.
//!
//! Each becomes its inner value; types that an app adds stay as they are. Texts are rewritten in one
//! pass, without a tree in memory.

use bureaucrat_model::JsonText;
use serde_json::value::RawValue;

const TYPES: [&str; 7] = [
    "datetime", "date", "time", "decimal", "uuid", "bytes", "base64",
];

/// The value with what kombu wraps unwrapped.
pub(crate) fn plain(value: &RawValue) -> JsonText {
    let text = value.get();
    if !text.contains("\"__type__\"") {
        return value.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '{']) {
        let (before, here) = rest.split_at(at);
        plain.push_str(before);
        if let Some((inner, after)) = wrapped(here) {
            plain.push_str(&inner);
            rest = after;
            continue;
        }
        // A text is copied whole: nothing inside it is a value.
        let (copied, after) = string(here).unwrap_or_else(|| here.split_at(1));
        plain.push_str(copied);
        rest = after;
    }
    plain.push_str(rest);
    // What was valid stays valid; if it did not, the value would stay as it came.
    JsonText::parse(&plain).unwrap_or_else(|_| value.into())
}

/// The inner value of what kombu wraps, if the text begins with that, and what comes after it.
fn wrapped(text: &str) -> Option<(String, &str)> {
    let rest = after(after(text, "{")?, "\"__type__\"")?;
    let (kind, rest) = string(after(rest, ":")?.trim_start())?;
    let kind = kind.trim_matches('"');
    let rest = after(after(rest, ",")?, "\"__value__\"")?;
    let rest = after(rest, ":")?.trim_start();
    let (inner, rest) = match kind {
        "uuid" if rest.starts_with('{') => {
            let rest = after(after(rest, "{")?, "\"hex\"")?;
            let (digits, rest) = string(after(rest, ":")?.trim_start())?;
            (dashed(digits.trim_matches('"'))?, after(rest, "}")?)
        }
        kind if TYPES.contains(&kind) => {
            let (inner, rest) = string(rest)?;
            (inner.to_owned(), rest)
        }
        _ => return None,
    };
    Some((inner, after(rest, "}")?))
}

/// What follows a token, with white space before it.
fn after<'a>(text: &'a str, token: &str) -> Option<&'a str> {
    text.trim_start().strip_prefix(token)
}

/// A string with its quotes, if the text begins with one, and what comes after it.
fn string(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = inside.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    Some(text.split_at(end + 2))
}

/// A UUID's digits as it is written, in quotes.
fn dashed(digits: &str) -> Option<String> {
    let is_uuid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_uuid.then(|| {
        format!(
            "\"{}-{}-{}-{}-{}\"",
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..]
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_kombu_wraps_is_unwrapped_and_everything_else_stays() {
        for (text, expected) in [
            ("1.50", "1.50"),
            (
                r#"{"__type__": "datetime", "__value__": "2026-01-02T03:04:05"}"#,
                r#""2026-01-02T03:04:05""#,
            ),
            (
                r#"[{"__type__":"decimal","__value__":"9.90"}, {"a": {"__type__": "bytes", "__value__": "a\"}b"}}]"#,
                r#"["9.90", {"a": "a\"}b"}]"#,
            ),
            (
                r#"{"__type__": "uuid", "__value__": {"hex": "12345678123456781234567812345678"}}"#,
                r#""12345678-1234-5678-1234-567812345678""#,
            ),
            // An app's own type, another shape, a text that looks like one.
            (
                r#"{"__type__": "money", "__value__": "1"}"#,
                r#"{"__type__": "money", "__value__": "1"}"#,
            ),
            (
                r#"{"__type__": "date", "__value__": "1", "x": 2}"#,
                r#"{"__type__": "date", "__value__": "1", "x": 2}"#,
            ),
            (
                r#"{"__type__": "date", "__value__": 1}"#,
                r#"{"__type__": "date", "__value__": 1}"#,
            ),
            (
                r#"{"__type__": "uuid", "__value__": {"hex": "é2345678123456781234567812345678"}}"#,
                r#"{"__type__": "uuid", "__value__": {"hex": "é2345678123456781234567812345678"}}"#,
            ),
            (
                r#""{\"__type__\": \"date\", \"__value__\": \"1\"} \"__type__\"""#,
                r#""{\"__type__\": \"date\", \"__value__\": \"1\"} \"__type__\"""#,
            ),
        ] {
            let value: &RawValue = serde_json::from_str(text).unwrap();
            assert_eq!(plain(value).as_str(), expected);
        }
    }
}
