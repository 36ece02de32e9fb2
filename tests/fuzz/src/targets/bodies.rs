//! Bodies of messages, in both dialects, and fields.

use crate::trace;
use bureaucrat_model::{Fields, FieldsError};
use bureaucrat_wire::{WireLimits, decode_answer, decode_event, decode_reply};

/// Keys and values that bodies are made of, and what breaks JSON.
pub const TOKENS: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\"header\":",
    "\"message\":\"response\"",
    "\"target\":\"",
    "\"origin\":",
    "\"fields\":{",
    "\"status\":\"done\"",
    "\"status\":\"critical\"",
    "\"error\":",
    "\"parent\":",
    "\"event\":\"e\"",
    "\"process\":",
    "\"fault\":",
    "\"code\":",
    "_0_1",
    "_4294967295",
    "_4294967296",
    "null",
    "true",
    "1e309",
    "-0",
    "-0.0",
    "18446744073709551616",
    "0.1e-999999",
    "\\ud800",
    "\\udc00",
    "\\u0000",
    "\\",
    "[[[[[[[[",
    "{\"a\":",
    "\u{feff}",
    " ",
    "00000000-0000-8000-8000-000000000000",
    "\u{2028}",
];

/// Limits that small inputs reach.
const fn tight() -> WireLimits {
    WireLimits {
        body_bytes: 2_000,
        depth: 8,
        name_bytes: 16,
        text_bytes: 16,
    }
}

pub fn answer(input: &[u8]) -> u64 {
    let _ = decode_answer(input, &tight());
    match decode_answer(input, &WireLimits::default()) {
        Ok(message) => {
            assert_eq!(
                message.target.to_string().parse(),
                Ok(message.target.clone())
            );
            trace::of_text(&format!("{:?}", std::mem::discriminant(&message.answer)))
        }
        Err(unreadable) => trace::of_text(&unreadable.to_string()),
    }
}

pub fn event(input: &[u8]) -> u64 {
    if let Ok(message) = decode_event(input, &tight()) {
        assert!(message.name.len() <= 16);
    }
    match decode_event(input, &WireLimits::default()) {
        Ok(message) => {
            assert!(!message.name.is_empty());
            trace::of_count("event", message.name.len())
        }
        Err(unreadable) => trace::of_text(&unreadable.to_string()),
    }
}

pub fn reply(input: &[u8]) -> u64 {
    let _ = decode_reply(input, &tight());
    match decode_reply(input, &WireLimits::default()) {
        Ok(reply) => trace::of_text(&format!("{:?}", std::mem::discriminant(&reply))),
        Err(unreadable) => trace::of_text(&unreadable.to_string()),
    }
}

/// Fields: what was read can be written and read again, and merging it with itself changes nothing.
pub fn fields(input: &[u8]) -> u64 {
    let Ok(text) = std::str::from_utf8(input) else {
        return 1;
    };
    let read: Result<Fields, FieldsError> = Fields::parse(text);
    match read {
        Ok(fields) => {
            let written = fields.to_json();
            assert_eq!(Fields::parse(&written).as_ref(), Ok(&fields), "{written}");
            let mut merged = fields.clone();
            merged.merge(&fields, &fields);
            assert_eq!(merged, fields);
            let mut updated = Fields::new();
            updated.update(&fields);
            assert_eq!(updated.len(), fields.len());
            trace::of_count("fields", fields.len())
        }
        Err(error) => trace::of_text(&error.to_string()),
    }
}
