//! Fields: the data of a process, a map from top-level names to JSON texts, kept unchanged.
//!
//! Values are lossless: numbers of any size, floats as written, key order. A value is parsed only
//! when a condition reads it; copying fields copies reference counts.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::{fmt, sync::Arc};

/// A text that is not a JSON object, or not JSON at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// The parser's message, with line and column.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object.
    #[error("expected a JSON object: {0}")]
    NotObject(String),
}

/// One JSON value as text, known to be valid.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText(Arc<str>);

impl JsonText {
    /// Checks `text` and keeps it, without white space around it.
    ///
    /// # Errors
    /// When `text` is not exactly one JSON value.
    pub fn parse(text: &str) -> Result<Self, FieldsError> {
        let raw: &RawValue =
            serde_json::from_str(text).map_err(|error| FieldsError::NotJson(error.to_string()))?;
        Ok(Self(Arc::from(raw.get())))
    }

    /// The value as JSON text, written without line breaks.
    pub fn of(value: &serde_json::Value) -> Self {
        Self(Arc::from(value.to_string()))
    }

    /// A JSON string that holds `text`.
    pub fn text(text: &str) -> Self {
        Self::of(&serde_json::Value::from(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The elements of a list, or of a record its pairs of key and value; `None` for any other value.
    pub fn items(&self) -> Option<Vec<Self>> {
        if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(&self.0) {
            return Some(items.into_iter().map(Self::from).collect());
        }
        let record: IndexMap<String, &RawValue> = serde_json::from_str(&self.0).ok()?;
        let pair = |(key, value): (String, &RawValue)| {
            let text = format!("[{}, {}]", Self::text(&key).as_str(), value.get());
            Self(Arc::from(text))
        };
        Some(record.into_iter().map(pair).collect())
    }

    /// A list of these values.
    pub fn list<'a>(values: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut text = String::from("[");
        for (place, value) in values.into_iter().enumerate() {
            if place > 0 {
                text.push_str(", ");
            }
            text.push_str(value.as_str());
        }
        text.push(']');
        Self(Arc::from(text))
    }

    /// The value as a tree; `None` only if it is nested deeper than serde_json reads (128 levels).
    pub fn to_value(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.0).ok()
    }

    /// The text that a JSON string holds, `None` for any other value.
    pub fn as_text(&self) -> Option<String> {
        serde_json::from_str(&self.0).ok()
    }

    fn raw(&self) -> Option<&RawValue> {
        serde_json::from_str(&self.0).ok()
    }
}

impl From<&RawValue> for JsonText {
    fn from(raw: &RawValue) -> Self {
        Self(Arc::from(raw.get()))
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The fields of a fiber or process, in order. If a name occurs twice, the last value counts, at
/// the first one's place. Clones share their map until one of them changes, and share values even
/// then.
#[derive(Clone, Default)]
pub struct Fields(Arc<Map>);

/// A map from names to values that knows its size.
#[derive(Clone, Default)]
struct Map {
    entries: IndexMap<Arc<str>, JsonText>,
    size: usize,
}

/// The size of a field as JSON, without escapes in its name.
fn size_of(name: &str, value: &JsonText) -> usize {
    name.len() + value.as_str().len() + 6
}

impl Map {
    fn set(&mut self, name: &Arc<str>, value: &JsonText) {
        match self.entries.get_mut(&**name) {
            Some(old) => {
                self.size -= old.as_str().len();
                self.size += value.as_str().len();
                *old = value.clone();
            }
            None => {
                self.size += size_of(name, value);
                self.entries.insert(name.clone(), value.clone());
            }
        }
    }

    fn remove(&mut self, name: &str) -> Option<JsonText> {
        let value = self.entries.shift_remove(name)?;
        self.size -= size_of(name, &value);
        Some(value)
    }
}

impl FromIterator<(Arc<str>, JsonText)> for Map {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, JsonText)>>(items: I) -> Self {
        let entries: IndexMap<_, _> = items.into_iter().collect();
        let sizes = entries.iter().map(|(name, value)| size_of(name, value));
        Self {
            size: sizes.sum(),
            entries,
        }
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.0.entries == other.0.entries
    }
}

impl Eq for Fields {}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.entries.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = IndexMap::<Arc<str>, JsonText>::deserialize(deserializer)?;
        Ok(Self(Arc::new(entries.into_iter().collect())))
    }
}

impl Fields {
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// When `text` is not exactly one JSON object.
    pub fn parse(text: &str) -> Result<Self, FieldsError> {
        let read: Result<IndexMap<Arc<str>, &RawValue>, _> = serde_json::from_str(text);
        match read {
            Ok(map) => Ok(Self(Arc::new(
                map.into_iter()
                    .map(|(name, raw)| (name, raw.into()))
                    .collect(),
            ))),
            Err(error) if error.is_data() => Err(FieldsError::NotObject(error.to_string())),
            Err(error) => Err(FieldsError::NotJson(error.to_string())),
        }
    }

    /// The fields as one JSON object.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(2 + self.size());
        json.push('{');
        for (place, (name, value)) in self.iter().enumerate() {
            if place > 0 {
                json.push_str(", ");
            }
            json.push_str(JsonText::text(name).as_str());
            json.push_str(": ");
            json.push_str(value.as_str());
        }
        json.push('}');
        json
    }

    /// The fields as one value.
    pub fn to_value_text(&self) -> JsonText {
        JsonText(Arc::from(self.to_json()))
    }

    pub fn get(&self, name: &str) -> Option<&JsonText> {
        self.0.entries.get(name)
    }

    /// Sets a field, at its old place if it has one.
    pub fn set(&mut self, name: &str, value: JsonText) {
        if self.get(name) != Some(&value) {
            self.map().set(&Arc::from(name), &value);
        }
    }

    /// Removes a field; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<JsonText> {
        self.get(name)?;
        self.map().remove(name)
    }

    /// Sets every field of `other`.
    pub fn update(&mut self, other: &Self) {
        for (name, value) in &other.0.entries {
            self.share(name, value);
        }
    }

    /// Applies what changed from `base` to `changed`: sets added and changed values, removes
    /// removed ones. Values are compared as text.
    pub fn merge(&mut self, base: &Self, changed: &Self) {
        if base.is_same(changed) {
            return;
        }
        for name in base.0.entries.keys() {
            if !changed.0.entries.contains_key(name) {
                self.remove(name);
            }
        }
        for (name, value) in &changed.0.entries {
            if base.0.entries.get(name) != Some(value) {
                self.share(name, value);
            }
        }
    }

    /// These fields, sharing names and values with `old` where they are equal. So a copy that came
    /// from outside needs no memory of its own, and stored values are recognised.
    #[must_use]
    pub fn sharing(self, old: &Self) -> Self {
        let is_equal = self.len() == old.len() && self.0.entries.iter().eq(&old.0.entries);
        if is_equal {
            return old.clone();
        }
        let old = &old.0.entries;
        let shared = |(name, value): (&Arc<str>, &JsonText)| match old.get_key_value(name) {
            Some((name, kept)) if kept == value => (name.clone(), kept.clone()),
            Some((name, _)) => (name.clone(), value.clone()),
            None => (name.clone(), value.clone()),
        };
        Self(Arc::new(self.0.entries.iter().map(shared).collect()))
    }

    /// The fields with their shared names, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&Arc<str>, &JsonText)> {
        self.0.entries.iter()
    }

    /// If a name occurs twice, the last value counts.
    pub fn from_entries(entries: impl IntoIterator<Item = (Arc<str>, JsonText)>) -> Self {
        Self(Arc::new(entries.into_iter().collect()))
    }

    /// Whether both are the same map in memory.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Sets a field, with this name in memory. What changes nothing leaves the map shared.
    fn share(&mut self, name: &Arc<str>, value: &JsonText) {
        if self.get(name) != Some(value) {
            self.map().set(name, value);
        }
    }

    fn map(&mut self) -> &mut Map {
        Arc::make_mut(&mut self.0)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &JsonText)> {
        self.0.entries.iter().map(|(name, value)| (&**name, value))
    }

    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The approximate size as JSON, without escapes in names.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// The fields as borrowed raw values, to write them unchanged into a larger JSON document.
    pub fn to_raw(&self) -> IndexMap<&str, &RawValue> {
        self.iter()
            .filter_map(|(name, value)| Some((name, value.raw()?)))
            .collect()
    }
}

impl FromIterator<(String, JsonText)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, JsonText)>>(items: I) -> Self {
        let items = items.into_iter();
        Self(Arc::new(
            items
                .map(|(name, value)| (Arc::from(name), value))
                .collect(),
        ))
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_travel_as_they_came() {
        let text = r#"{"b": 1.50, "a": 123456789012345678901234567890, "c": {"z":1,"y":-0.0}, "ü": "\u00fc"}"#;
        assert_eq!(Fields::parse(text).unwrap().to_json(), text);
    }

    #[test]
    fn the_last_of_two_equal_names_counts_at_the_firsts_place() {
        assert_eq!(
            Fields::parse(r#"{"a": 1, "b": 2, "a": 3}"#)
                .unwrap()
                .to_json(),
            r#"{"a": 3, "b": 2}"#
        );
    }

    #[test]
    fn only_objects_are_fields() {
        assert!(matches!(
            Fields::parse("[1]"),
            Err(FieldsError::NotObject(_))
        ));
        assert!(matches!(Fields::parse("{"), Err(FieldsError::NotJson(_))));
        assert!(matches!(
            Fields::parse(r#"{"a": NaN}"#),
            Err(FieldsError::NotJson(_))
        ));
    }

    #[test]
    fn merging_applies_only_what_changed() {
        let base = Fields::parse(r#"{"a": 1, "b": 2, "c": 3}"#).unwrap();
        let changed = Fields::parse(r#"{"a": 1, "b": 5, "d": 4}"#).unwrap();
        let mut target = Fields::parse(r#"{"a": 9, "b": 2, "c": 3}"#).unwrap();
        target.merge(&base, &changed);
        assert_eq!(target.to_json(), r#"{"a": 9, "b": 5, "d": 4}"#);
    }
}
