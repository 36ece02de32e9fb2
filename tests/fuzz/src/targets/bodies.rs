//! Bodies of messages, in both dialects, and fields.

use crate::trace;
use bureaucrat_model::{Answer, Fields, FieldsError, JsonText};
use bureaucrat_wire::{
    HeaderValue, Properties, WireLimits, decode_answer, decode_event, decode_reply, decode_result,
};

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

/// The same of results of calls.
pub const RESULT_TOKENS: [&str; 24] = [
    "[[",
    "], {}, {}]",
    "{\"args\": [",
    "\"status\": \"SUCCESS\"",
    "\"status\": \"FAILURE\"",
    "\"result\": {",
    "\"exc_type\": \"KeyError\"",
    "\"exc_type\": \"UnpickleableExceptionWrapper\"",
    "\"exc_module\": \"shop\"",
    "\"exc_message\": [",
    "\"traceback\": \"",
    "{\"__type__\": \"date\", \"__value__\": \"1\"}",
    "{\"__type__\": \"uuid\", \"__value__\": {\"hex\": \"",
    "12345678123456781234567812345678",
    "\"__type__\"",
    "\"__value__\"",
    "\\\"",
    "{\"code\": \"c\", \"message\": ",
    "NaN",
    "null",
    "[[[[[[[[",
    "\u{80}",
    "ü",
    " ",
];

/// Results to begin with.
pub fn results() -> Vec<Vec<u8>> {
    let results = [
        r#"[[{"a": {"__type__": "decimal", "__value__": "9.90"}}], {}, {"callbacks": null}]"#,
        r#"{"task": "bureaucrat.succeeded", "args": [1], "kwargs": {}}"#,
        r#"{"status": "FAILURE", "result": {"exc_type": "E", "exc_message": ["a", 1], "exc_module": "m"}, "traceback": "t"}"#,
        r#"{"status": "SUCCESS", "result": [1.50]}"#,
        r#"{"code": "shop.Busy", "message": "later", "retry_after": 5}"#,
        r#""a text""#,
    ];
    results.map(|text| text.as_bytes().to_vec()).into()
}

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

/// One input as everything that comes to the queue of results.
pub fn result(input: &[u8]) -> u64 {
    let error = ("error".to_owned(), HeaderValue::Bool(true));
    let headers = [Vec::new(), vec![error]];
    let kinds = ["~ok", "~failed", "", "~reply"];
    let mut seen = 0;
    for (suffix, headers) in kinds
        .into_iter()
        .flat_map(|kind| headers.clone().map(|h| (kind, h)))
    {
        let properties = Properties {
            correlation_id: Some(format!("00000000-0000-8000-8000-000000000000_0~1{suffix}")),
            headers,
            ..Properties::default()
        };
        let _ = decode_result(&properties, input, &tight());
        let decoded = decode_result(&properties, input, &WireLimits::default());
        seen ^= match decoded {
            Ok(read) => {
                if let Answer::Value(value) = &read.answer {
                    assert_eq!(JsonText::parse(value.as_str()).as_ref(), Ok(value));
                }
                trace::of_text(&format!(
                    "{suffix} {:?}",
                    std::mem::discriminant(&read.answer)
                ))
            }
            Err(unreadable) => trace::of_text(&format!("{suffix} {unreadable}")),
        };
    }
    seen
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
