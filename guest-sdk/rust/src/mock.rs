//! Fields for native tests, read as the engine reads them: numbers, texts and keys exactly as they
//! are written. Each thread has its own fields; there are none until they are set.

use crate::fields::Value;
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{cell::RefCell, thread_local};

thread_local! {
    static FIELDS: RefCell<String> = RefCell::new("{}".to_owned());
}

/// Sets this thread's fields.
///
/// # Panics
/// If the text is not a JSON object.
pub fn set(object: &str) {
    if let Err(error) = serde_json::from_str::<Record<'_>>(object) {
        panic!("fields are a JSON object: {error}");
    }
    FIELDS.set(object.trim().to_owned());
}

/// A record's keys and values, in order. A key that occurs twice has its last value.
struct Record<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Record<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Record<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, _>()? {
                    match entries.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, known)) => *known = value,
                        None => entries.push((key, value)),
                    }
                }
                Ok(Record(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Reads JSON that was checked when it was set. Lone surrogates can still be in a text, and end an
/// evaluation in the engine, too.
fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> T {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// A token of a pointer without escapes; nothing for an invalid escape.
fn unescaped(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        text.push(match part.as_bytes().first()? {
            b'0' => '~',
            b'1' => '/',
            _ => return None,
        });
        text.push_str(&part[1..]);
    }
    Some(text)
}

/// A token as an index: digits without leading zeros.
fn index(token: &str) -> Option<usize> {
    let is_index = token.bytes().all(|byte| byte.is_ascii_digit())
        && (token.len() == 1 || !token.starts_with('0'));
    is_index.then(|| token.parse().ok())?
}

fn find<'a>(json: &'a str, pointer: &str) -> Option<&'a str> {
    let mut found = json;
    let tokens = match pointer {
        "" => return Some(found),
        _ => pointer.strip_prefix('/')?,
    };
    for token in tokens.split('/') {
        let token = unescaped(token)?;
        found = match found.as_bytes().first()? {
            b'{' => {
                let Record(entries) = parse(found);
                entries.into_iter().find(|(key, _)| *key == token)?.1.get()
            }
            b'[' => parse::<Vec<&RawValue>>(found).get(index(&token)?)?.get(),
            _ => return None,
        };
    }
    Some(found)
}

fn at<T>(pointer: &str, see: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    FIELDS.with_borrow(|fields| see(find(fields, pointer)?))
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn number(text: &str) -> Value {
    if text.contains(['.', 'e', 'E']) {
        return text.parse().map(Value::Float).unwrap_or(Value::Null);
    }
    match text.parse() {
        Ok(integer) => Value::Integer(integer),
        Err(_) => Value::BigInteger(text.to_owned()),
    }
}

pub(crate) fn get(pointer: &str) -> Option<Value> {
    at(pointer, |json| {
        Some(match json.as_bytes().first()? {
            b'n' => Value::Null,
            b't' => Value::Boolean(true),
            b'f' => Value::Boolean(false),
            b'"' => Value::Text(parse(json)),
            b'[' => Value::List(count(parse::<Vec<&RawValue>>(json).len())),
            b'{' => Value::Record(count(parse::<Record<'_>>(json).0.len())),
            _ => number(json),
        })
    })
}

pub(crate) fn keys(pointer: &str) -> Option<Vec<String>> {
    at(pointer, |json| match json.starts_with('{') {
        true => Some(
            parse::<Record<'_>>(json)
                .0
                .into_iter()
                .map(|(key, _)| key)
                .collect(),
        ),
        false => None,
    })
}

pub(crate) fn json(pointer: &str) -> Option<String> {
    at(pointer, |json| Some(json.to_string()))
}
