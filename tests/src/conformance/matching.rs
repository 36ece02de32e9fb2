//! Whether what was seen is what a step expects.

use super::case::Expected;
use bureaucrat_model::Fields;

/// Whether an order was refused with such a text, or was not.
pub(super) fn as_refused(seen: Option<String>, expected: Option<&str>) -> Result<(), String> {
    match (seen, expected) {
        (None, None) => Ok(()),
        (Some(seen), Some(pattern)) if matches_glob(pattern, &seen) => Ok(()),
        (Some(seen), _) => Err(format!("refused {seen}")),
        (None, Some(_)) => Err("it was done".into()),
    }
}

pub(super) fn matches_fields(expected: &Expected, seen: &Fields) -> bool {
    match expected {
        Expected::Exactly(fields) => fields.to_json() == seen.to_json(),
        Expected::Among(fields) => fields
            .iter()
            .all(|(name, value)| seen.get(name) == Some(value)),
    }
}

/// Whether `text` matches `pattern`; `*` matches any characters.
pub(super) fn matches_glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
