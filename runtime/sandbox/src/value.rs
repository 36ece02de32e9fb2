//! JSON's plain values as values of the contract.

use crate::meter::Stop;
use wasmtime::component::{ComponentType, Lower};

/// The contract's `value`.
#[derive(Debug, Clone, PartialEq, ComponentType, Lower)]
#[component(variant)]
pub(crate) enum Value {
    #[component(name = "null")]
    Null,
    #[component(name = "boolean")]
    Boolean(bool),
    #[component(name = "integer")]
    Integer(i64),
    #[component(name = "big-integer")]
    BigInteger(String),
    #[component(name = "float")]
    Float(f64),
    #[component(name = "text")]
    Text(String),
    #[component(name = "list")]
    List(u32),
    #[component(name = "record")]
    Record(u32),
}

/// The most bytes of a 64-bit integer, including its sign.
const INTEGER_BYTES_MAX: usize = 20;

/// Reads null, a boolean, a number or a text; `text` is known to be valid JSON.
pub(crate) fn scalar(text: &str) -> Result<Value, Stop> {
    match text.as_bytes().first() {
        Some(b'n') => Ok(Value::Null),
        Some(b't') => Ok(Value::Boolean(true)),
        Some(b'f') => Ok(Value::Boolean(false)),
        Some(b'"') => string(text).map(Value::Text),
        _ => number(text),
    }
}

fn string(text: &str) -> Result<String, Stop> {
    let inner = text
        .get(1..text.len().saturating_sub(1))
        .unwrap_or_default();
    if inner.as_bytes().contains(&b'\\') {
        // Escapes: the parser resolves them, and refuses lone surrogates.
        return serde_json::from_str(text).map_err(|_| Stop::BrokenText);
    }
    Ok(inner.to_owned())
}

fn number(text: &str) -> Result<Value, Stop> {
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        // Rust's parser rounds to nearest, ties to even, and returns infinity for numbers that are
        // too large.
        return text.parse().map(Value::Float).map_err(|_| Stop::BrokenText);
    }
    if text.len() <= INTEGER_BYTES_MAX
        && let Ok(integer) = text.parse()
    {
        return Ok(Value::Integer(integer));
    }
    Ok(Value::BigInteger(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_the_contract_says() {
        let integer = |n| Ok(Value::Integer(n));
        let float = |n| Ok(Value::Float(n));
        let big = |digits: &str| Ok(Value::BigInteger(digits.to_owned()));
        for (text, value) in [
            ("0", integer(0)),
            ("-0", integer(0)),
            ("-7", integer(-7)),
            ("9223372036854775807", integer(i64::MAX)),
            ("-9223372036854775808", integer(i64::MIN)),
            ("9223372036854775808", big("9223372036854775808")),
            ("-9223372036854775809", big("-9223372036854775809")),
            ("1.0", float(1.0)),
            ("1e3", float(1000.0)),
            ("1E400", float(f64::INFINITY)),
            ("-1e400", float(f64::NEG_INFINITY)),
            ("1e-400", float(0.0)),
            ("0.1", float(0.1)),
            ("9007199254740993.0", float(9_007_199_254_740_992.0)),
            ("5e-324", float(5e-324)),
        ] {
            assert_eq!(scalar(text), value, "{text}");
        }
        let Ok(Value::Float(zero)) = scalar("-0.0") else {
            panic!("a float");
        };
        assert!(zero == 0.0 && zero.is_sign_negative());
    }

    #[test]
    fn texts_resolve_their_escapes() {
        assert_eq!(scalar(r#""a\u00fc\n""#), Ok(Value::Text("aü\n".to_owned())));
        assert_eq!(scalar(r#""""#), Ok(Value::Text(String::new())));
        assert_eq!(
            scalar(r#""\ud83d\ude00""#),
            Ok(Value::Text("😀".to_owned()))
        );
        assert_eq!(scalar(r#""\ud800""#), Err(Stop::BrokenText));
    }
}
