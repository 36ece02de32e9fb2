//! Fields for native tests. Each thread has its own; there are none until they are set.

use crate::fields::Value;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde_json::Value as Json;
use std::{cell::RefCell, thread_local};

thread_local! {
    static FIELDS: RefCell<Json> = RefCell::new(Json::Object(serde_json::Map::new()));
}

/// Sets this thread's fields.
///
/// # Panics
/// When the text is no JSON object.
pub fn set(object: &str) {
    let fields: Json = match serde_json::from_str(object) {
        Ok(fields @ Json::Object(_)) => fields,
        Ok(_) => panic!("fields are a JSON object"),
        Err(error) => panic!("fields are a JSON object: {error}"),
    };
    FIELDS.set(fields);
}

fn at<T>(pointer: &str, see: impl FnOnce(&Json) -> Option<T>) -> Option<T> {
    FIELDS.with_borrow(|fields| see(fields.pointer(pointer)?))
}

pub(crate) fn get(pointer: &str) -> Option<Value> {
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    at(pointer, |json| {
        Some(match json {
            Json::Null => Value::Null,
            Json::Bool(truth) => Value::Boolean(*truth),
            Json::Number(number) => {
                let digits = number.to_string();
                match digits.parse() {
                    Ok(integer) => Value::Integer(integer),
                    Err(_) if digits.contains(['.', 'e', 'E']) => {
                        Value::Float(digits.parse().unwrap_or(f64::NAN))
                    }
                    Err(_) => Value::BigInteger(digits),
                }
            }
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(length(items.len())),
            Json::Object(entries) => Value::Record(length(entries.len())),
        })
    })
}

pub(crate) fn keys(pointer: &str) -> Option<Vec<String>> {
    at(pointer, |json| Some(json.as_object()?.keys().cloned().collect()))
}

pub(crate) fn json(pointer: &str) -> Option<String> {
    at(pointer, |json| Some(json.to_string()))
}
