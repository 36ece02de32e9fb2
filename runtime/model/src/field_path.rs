//! Places in fields: a name, or a JSON Pointer (RFC 6901) to something inside a field.

use crate::fields::{Fields, JsonText};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// A place that a value can be put at: `name`, or `/name/key/0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldPath(String);

/// Why a value can't be put at a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldPathError {
    /// A list has no element of this index.
    #[error(
        "the list at `{place}` has {length} elements, from 0, and none with the index `{index}`"
    )]
    Index {
        place: String,
        length: usize,
        index: String,
    },
    /// Something on the way is neither a record nor a list.
    #[error("`{place}` is neither a record nor a list")]
    Kind { place: String },
}

impl FieldPath {
    /// The most steps into a field.
    pub const STEPS_MAX: usize = 32;

    /// A place; none for an empty name, a `~` that does not escape, and too many steps.
    pub fn new(text: &str) -> Option<Self> {
        let escapes = text.split('~').skip(1);
        let wrong = text.starts_with('/')
            && escapes
                .into_iter()
                .any(|after| !after.starts_with(['0', '1']));
        let path = Self(text.to_owned());
        let fits = !path.name().is_empty() && path.steps().count() <= Self::STEPS_MAX;
        (fits && !wrong).then_some(path)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The field.
    pub fn name(&self) -> String {
        match self.0.strip_prefix('/') {
            Some(pointer) => unescaped(pointer.split('/').next().unwrap_or_default()),
            None => self.0.clone(),
        }
    }

    /// The way into the field.
    fn steps(&self) -> impl Iterator<Item = String> {
        let pointer = self.0.strip_prefix('/').unwrap_or_default();
        pointer.split('/').skip(1).map(unescaped)
    }

    /// The value of its field with `value` put at the place. Records that are missing on the way are made.
    ///
    /// # Errors
    /// When there is no such place.
    pub fn put(&self, fields: &Fields, value: JsonText) -> Result<JsonText, FieldPathError> {
        let name = self.name();
        let mut steps = self.steps().peekable();
        if steps.peek().is_none() {
            return Ok(value);
        }
        let old = fields
            .get(&name)
            .map_or(Some(Value::Null), JsonText::to_value);
        let too_deep = || FieldPathError::Kind {
            place: name.clone(),
        };
        let mut whole = old.ok_or_else(too_deep)?;
        let value = value.to_value().ok_or_else(too_deep)?;
        let mut place = &mut whole;
        let mut so_far = format!("/{name}");
        for step in steps {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            place = match place {
                Value::Object(record) => record.entry(step.as_str()).or_insert(Value::Null),
                Value::Array(list) => {
                    let index = step
                        .parse()
                        .ok()
                        .filter(|index: &usize| index.to_string() == step);
                    let length = list.len();
                    let element = index.and_then(|index| list.get_mut(index));
                    element.ok_or_else(|| FieldPathError::Index {
                        place: so_far.clone(),
                        length,
                        index: step.clone(),
                    })?
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    return Err(FieldPathError::Kind { place: so_far });
                }
            };
            so_far.push('/');
            so_far.push_str(&step);
        }
        *place = value;
        Ok(JsonText::of(&whole))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_are_put_where_the_path_leads() {
        let fields = r#"{"a": 1.50, "r": {"x": {"y": [1, {"z": 2}]}}, "n": null}"#;
        let fields = Fields::parse(fields).unwrap();
        for (path, expected) in [
            ("a", r#"[7]"#),
            ("new", r#"[7]"#),
            ("/a", r#"[7]"#),
            ("/new/deep/er", r#"{"deep":{"er":[7]}}"#),
            ("/n/x", r#"{"x":[7]}"#),
            ("/r/x/y/0", r#"{"x":{"y":[[7],{"z":2}]}}"#),
            ("/r/x/y/1/w", r#"{"x":{"y":[1,{"z":2,"w":[7]}]}}"#),
            ("/r/a~1b~0c", r#"{"x":{"y":[1,{"z":2}]},"a/b~c":[7]}"#),
            (
                "/r/x/y/2",
                "the list at `/r/x/y` has 2 elements, from 0, and none with the index `2`",
            ),
            (
                "/r/x/y/-",
                "the list at `/r/x/y` has 2 elements, from 0, and none with the index `-`",
            ),
            (
                "/r/x/y/00",
                "the list at `/r/x/y` has 2 elements, from 0, and none with the index `00`",
            ),
            ("/a/b", "`/a` is neither a record nor a list"),
            ("/r/x/y/0/z", "`/r/x/y/0` is neither a record nor a list"),
        ] {
            let path = FieldPath::new(path).unwrap();
            let put = path.put(&fields, JsonText::parse("[7]").unwrap());
            let found =
                put.map_or_else(|error| error.to_string(), |value| value.as_str().to_owned());
            assert_eq!(found, expected, "{path}");
        }
        for text in [
            "",
            "/",
            "//a",
            "/a~2",
            "/a~",
            &format!("/a{}", "/b".repeat(33)),
        ] {
            assert_eq!(FieldPath::new(text), None, "{text}");
        }
        assert_eq!(
            FieldPath::new("a~b").map(|path| path.name()),
            Some("a~b".into())
        );
    }
}
