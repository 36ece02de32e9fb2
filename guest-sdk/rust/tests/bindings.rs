//! The table of what all languages' bindings read, over mock fields; and your own types.
#![cfg(feature = "serde")]

#[path = "../examples/bindings.rs"]
mod bindings;

use bureaucrat_guest::{Fault, fields, mock};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Case {
    name: String,
    function: String,
    fields: String,
    #[serde(default)]
    repeat: BTreeMap<String, (String, usize)>,
    value: Option<Value>,
    json: Option<String>,
    verdict: Option<bool>,
    error: Option<String>,
    #[serde(default)]
    message: String,
}

impl Case {
    fn wanted(&self) -> Result<Value, Fault> {
        if let Some(code) = &self.error {
            return Err(Fault(format!("{code}: {}", self.message)));
        }
        if let Some(json) = &self.json {
            return Ok(Value::String(json.clone()));
        }
        Ok(match (&self.value, self.verdict) {
            (Some(Value::String(text)), None) => Value::String(self.repeated(text)),
            (Some(value), None) => value.clone(),
            (None, verdict) => verdict.into(),
            (Some(_), Some(_)) => panic!("{}: two outcomes", self.name),
        })
    }

    fn repeated(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (marker, (part, times)) in &self.repeat {
            text = text.replace(marker, &part.repeat(*times));
        }
        text
    }
}

fn run(function: &str) -> Result<Value, Fault> {
    let json = match function {
        "read-boolean" => return bindings::read_boolean().map(Value::Bool),
        "log-words" => return bindings::log_words().map(Value::Bool),
        "is-set" => return bindings::is_set().map(Value::Bool),
        "read-json" => return bindings::read_json().map(Value::String),
        "read-path" => bindings::read_path(),
        "read-value" => bindings::read_value(),
        "read-integer" => bindings::read_integer(),
        "read-digits" => bindings::read_digits(),
        "read-number" => bindings::read_number(),
        "read-text" => bindings::read_text(),
        "measure" => bindings::measure(),
        "read-items" => bindings::read_items(),
        "read-keys" => bindings::read_keys(),
        "sum-items" => bindings::sum_items(),
        "sum-values" => bindings::sum_values(),
        other => panic!("no function {other}"),
    };
    json.map(|json| serde_json::from_str(&json).unwrap())
}

#[test]
fn native_tests_read_what_guests_read() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../bindings.json")).unwrap();
    assert!(cases.len() > 200);
    for case in &cases {
        mock::set(&case.repeated(&case.fields));
        assert_eq!(run(&case.function), case.wanted(), "{}", case.name);
    }
}

#[test]
fn subtrees_become_types() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Number {
        Integer(i64),
        Float(f64),
    }
    mock::set(r#"{"n": [7.5, 7, 9007199254740993], "codes": [1, 2]}"#);
    let numbers = [
        Number::Float(7.5),
        Number::Integer(7),
        Number::Integer(9_007_199_254_740_993),
    ];
    assert_eq!(fields::read::<Vec<Number>>("/n").unwrap(), numbers);
    assert_eq!(fields::read("/codes"), Ok(vec![1, 2]));
    let fault = fields::read::<Vec<String>>("/codes").unwrap_err();
    assert!(
        fault.0.starts_with("TypeError: `/codes`: invalid type"),
        "{fault:?}"
    );
    assert_eq!(
        fields::read::<i64>("/m"),
        Err("KeyError: nothing at `/m`".into())
    );
}

#[test]
#[should_panic(expected = "fields are a JSON object")]
fn fields_are_an_object() {
    mock::set("[]");
}
