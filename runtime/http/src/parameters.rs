//! Reads the parameters in paths and queries, as their schema says: what the description promises
//! is what is read.

use crate::problem::Problem;
use percent_encoding::percent_decode_str;
use schemars::Schema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The most parameters of a request.
const PARAMETERS_MAX: usize = 64;

/// The parameters as an object, each of the type that the schema has for it.
///
/// # Errors
/// With the first that is unknown, given twice, or of another type.
pub fn read<P: DeserializeOwned>(
    schema: &Schema,
    path: &[(String, String)],
    query: &str,
) -> Result<P, Problem> {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.unwrap_or(&none);
    let mut object = Map::new();
    for (name, text) in path {
        if let Some(property) = properties.get(name) {
            object.insert(name.clone(), value(name, property, text)?);
        }
    }
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    for (count, pair) in pairs.enumerate() {
        if count == PARAMETERS_MAX {
            return Err(Problem::parameter("there are too many parameters"));
        }
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, text) = (decoded(name)?, decoded(text)?);
        let Some(property) = properties.get(&name).filter(|_| !is_in(path, &name)) else {
            let known: Vec<_> = properties
                .keys()
                .filter(|name| !is_in(path, name))
                .collect();
            let known: Vec<_> = known.iter().map(|name| name.as_str()).collect();
            let what = match known.is_empty() {
                true => format!("the parameter `{name}` is unknown; there is none"),
                false => format!(
                    "the parameter `{name}` is unknown; there are {}",
                    known.join(", ")
                ),
            };
            return Err(Problem::parameter(what));
        };
        match (object.get_mut(&name), is_type(property, "array")) {
            (Some(Value::Array(values)), true) => values.push(Value::String(text)),
            (None, true) => {
                object.insert(name, Value::Array(vec![Value::String(text)]));
            }
            (None, false) => {
                let value = value(&name, property, &text)?;
                object.insert(name, value);
            }
            (Some(_), _) => {
                return Err(Problem::parameter(format!("`{name}` is given twice")));
            }
        }
    }
    serde_json::from_value(Value::Object(object))
        .map_err(|error| Problem::parameter(error.to_string()))
}

fn is_in(path: &[(String, String)], name: &str) -> bool {
    path.iter().any(|(other, _)| other == name)
}

fn decoded(text: &str) -> Result<String, Problem> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    let decoded = decoded.map_err(|_| Problem::parameter("a parameter is not UTF-8"))?;
    Ok(decoded.into_owned())
}

/// Whether a schema takes values of a type.
pub fn is_type(schema: &Value, wanted: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => name == wanted,
        Some(Value::Array(names)) => names.iter().any(|name| name == wanted),
        Some(_) | None => false,
    }
}

fn value(name: &str, schema: &Value, text: &str) -> Result<Value, Problem> {
    if is_type(schema, "integer") {
        let most = match schema.get("format").and_then(Value::as_str) {
            Some("uint32") => u32::MAX.into(),
            Some(_) | None => u64::MAX,
        };
        let number = text.parse::<u64>().ok().filter(|number| *number <= most);
        let number = number.ok_or_else(|| {
            let what = format!("`{name}` is `{text}`; it must be a whole number up to {most}");
            Problem::parameter(what)
        })?;
        return Ok(number.into());
    }
    if is_type(schema, "boolean") {
        return match text {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(Problem::parameter(format!(
                "`{name}` is `{text}`; it must be true or false"
            ))),
        };
    }
    Ok(Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use schemars::{JsonSchema, schema_for};
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Some {
        id: String,
        limit: Option<u32>,
        #[serde(default)]
        all: bool,
        #[serde(default)]
        state: Vec<String>,
    }

    fn some(query: &str) -> Result<Some, String> {
        let path = [("id".to_owned(), "7".to_owned())];
        read(&schema_for!(Some), &path, query).map_err(|problem| problem.detail)
    }

    #[test]
    fn each_is_read_as_its_type() {
        let read = some("limit=5&state=a&state=b%20c&all=true").unwrap();
        assert_eq!(read.id, "7");
        assert_eq!(read.limit, Option::Some(5));
        assert!(read.all);
        assert_eq!(read.state, ["a", "b c"]);
        assert_eq!(some("").unwrap().limit, None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, word) in [
            ("limit=x", "whole number"),
            ("limit=-1", "whole number"),
            ("limit=99999999999", "up to 4294967295"),
            ("limit=1&limit=2", "twice"),
            ("all=1", "true or false"),
            ("id=8", "unknown"),
            ("nothing", "unknown"),
            ("state=%ff", "UTF-8"),
        ] {
            let words = some(query).unwrap_err();
            assert!(words.contains(word), "{query}: {words}");
        }
    }
}
