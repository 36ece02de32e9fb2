//! What a property's declared type makes of a field that is given over it: nothing is guessed.

use crate::MergeError;
use bureaucrat_model::{Fields, JsonText};
use serde_json::Value;
use std::collections::BTreeMap;

/// The fields as the declared types of a definition's properties want them. `types` maps the name
/// of a property to the name of its type; fields without a type stay as they are.
///
/// # Errors
/// If a field is not of its type.
pub fn fit_fields(fields: &Fields, types: &BTreeMap<String, String>) -> Result<Fields, MergeError> {
    let mut fitted = Fields::new();
    for (name, value) in fields.iter() {
        let declared = types.get(name).and_then(|name| Declared::of(name));
        let value = match (declared, value.to_value()) {
            (Some(declared), Some(given)) => JsonText::of(&declared.fit(name, given)?),
            (_, _) => value.clone(),
        };
        fitted.set(name, value);
    }
    Ok(fitted)
}

/// The types of properties that fields of another type do not fit into; `json` takes everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    Int,
    Float,
    Str,
    Bool,
}

impl Declared {
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "int" => Some(Self::Int),
            "float" => Some(Self::Float),
            "str" => Some(Self::Str),
            "bool" => Some(Self::Bool),
            _ => None,
        }
    }

    /// Its name, and what a field of it is.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Int => ("int", "an integer"),
            Self::Float => ("float", "a number"),
            Self::Str => ("str", "a text"),
            Self::Bool => ("bool", "true or false"),
        }
    }

    /// The value as one of this type, if nothing has to be guessed for that.
    pub(crate) fn fit(self, name: &str, value: Value) -> Result<Value, MergeError> {
        let is_whole = |number: &serde_json::Number| !number.as_str().contains(['.', 'e', 'E']);
        match (self, value) {
            (Self::Str, Value::Number(number)) => Ok(Value::String(number.to_string())),
            (Self::Str, Value::Bool(truth)) => Ok(Value::String(truth.to_string())),
            (Self::Float, Value::Number(number)) if is_whole(&number) => {
                let float = format!("{number}.0").parse();
                Ok(float.map_or(Value::Number(number), Value::Number))
            }
            (Self::Int, Value::Number(number)) if is_whole(&number) => Ok(Value::Number(number)),
            (Self::Float, value @ Value::Number(_))
            | (Self::Str, value @ Value::String(_))
            | (Self::Bool, value @ Value::Bool(_)) => Ok(value),
            (_, value) => {
                let (declared, expected) = self.words();
                Err(MergeError::Type {
                    name: crate::cut(name, 80).to_owned(),
                    declared,
                    found: kind(&value),
                    expected,
                })
            }
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.as_str().contains(['.', 'e', 'E']) => {
            "a number with decimals"
        }
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
