//! Masks: values at given paths are replaced by others of their type, wherever they occur.
//!
//! A path is not bound to the top: `card.number` is also what is in an event, in an answer, or in a
//! message's envelope, under `card`. What is replaced is looked for in the messages of faults, too,
//! which often repeat it.

use anyhow::bail;
use bureaucrat_host::incidents::file::{
    DEFINITION, IncidentFile, MESSAGES, MessagePart, PROGRAM, SeenFields,
};
use bureaucrat_model::{Fields, Program};
use indexmap::IndexMap;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// What takes the place of a text, and of what can't be looked into.
const MARKER: &str = "masked";
/// A text of this length and more is looked for in messages.
const TELLING: usize = 4;
/// Values within one another that are looked into; what is deeper is replaced.
const DEPTH: usize = 100;

/// What is replaced, and what was.
pub struct Masking {
    paths: Vec<Vec<String>>,
    written: Vec<String>,
    /// How many values each path has replaced.
    matches: Vec<usize>,
    /// Texts and numbers that were replaced.
    secrets: BTreeSet<String>,
}

impl Masking {
    pub fn new(masks: &[String]) -> anyhow::Result<Self> {
        let mut paths = Vec::with_capacity(masks.len());
        for mask in masks {
            let names: Vec<String> = match mask.strip_prefix('/') {
                Some(pointer) => pointer
                    .split('/')
                    .map(|name| name.replace("~1", "/").replace("~0", "~"))
                    .collect(),
                None => mask.split('.').map(str::to_owned).collect(),
            };
            if names.iter().any(String::is_empty) {
                bail!(
                    "`{mask}` is not a path; write names with points between them, such as \
                     card.number, or a JSON Pointer, such as /card/number"
                );
            }
            paths.push(names);
        }
        Ok(Self {
            paths,
            written: masks.to_vec(),
            matches: vec![0; masks.len()],
            secrets: BTreeSet::new(),
        })
    }

    pub const fn masks_something(&self) -> bool {
        !self.paths.is_empty()
    }

    /// The masks, and how many values each has replaced.
    pub fn matches(&self) -> impl Iterator<Item = (&str, usize)> {
        let masks = self.written.iter().map(String::as_str);
        masks.zip(self.matches.iter().copied())
    }

    /// Replaces values in a file and in its messages.
    pub fn apply(&mut self, file: &mut IncidentFile, contents: &mut Vec<(String, Vec<u8>)>) {
        for fields in &mut file.fields {
            self.seen(fields);
        }
        for part in &mut file.parts {
            let evaluation = part.evaluation.as_mut();
            if let Some(reserved) = evaluation.and_then(|found| found.reserved.as_mut()) {
                self.seen(reserved);
            }
            let fault = part.fault.as_mut();
            if let Some(data) = fault.and_then(|fault| fault.data.as_mut()) {
                *data = self.masked(data).0;
            }
            if let Some(message) = &mut part.message {
                self.message(message, contents);
            }
        }
        self.program(contents);
        // What is replaced is known only now.
        for part in &mut file.parts {
            if let Some(fault) = &mut part.fault {
                fault.message = self.without_secrets(&fault.message);
                let data = fault.data.take();
                fault.data = data.map(|data| self.raw_without_secrets(data));
            }
            if let Some(message) = &mut part.message {
                let properties = std::mem::take(&mut message.properties);
                message.properties = self.raw_without_secrets(properties);
            }
        }
        for (name, bytes) in contents.iter_mut() {
            if name.starts_with(MESSAGES) || name == DEFINITION {
                self.clean(bytes);
            }
        }
        for text in file.key.iter_mut().chain(&mut file.parked) {
            *text = self.without_secrets(text);
        }
        file.masks.clone_from(&self.written);
    }

    /// Replaces what was replaced elsewhere in a text, which stays JSON if it is.
    fn clean(&self, bytes: &mut Vec<u8>) {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        let cleaned = match serde_json::from_str::<Box<RawValue>>(text) {
            Ok(value) => self.raw_without_secrets(value).get().to_owned(),
            Err(_) => self.without_secrets(text),
        };
        *bytes = cleaned.into_bytes();
    }

    fn seen(&mut self, fields: &mut SeenFields) {
        let (masked, places) = self.masked(&fields.fields);
        fields.fields = masked;
        fields.masked = places;
    }

    /// A launch puts its fields into the context of its definition.
    fn program(&mut self, contents: &mut Vec<(String, Vec<u8>)>) {
        let place = contents.iter().position(|(name, _)| name == PROGRAM);
        let Some((name, bytes)) = place.map(|place| contents.swap_remove(place)) else {
            return;
        };
        let Ok(mut program) = Program::decode(&bytes) else {
            return;
        };
        let context = RawValue::from_string(program.context.to_json());
        let context = context.map(|context| self.masked(&context).0);
        let context = context.map(|context| Fields::parse(context.get()));
        if let Ok(Ok(context)) = context {
            program.context = context;
            contents.extend(program.encode().ok().map(|bytes| (name, bytes)));
        }
    }

    fn message(&mut self, message: &mut MessagePart, contents: &mut Vec<(String, Vec<u8>)>) {
        message.properties = self.masked(&message.properties).0;
        let Some(name) = message
            .body
            .clone()
            .filter(|name| name.starts_with(MESSAGES))
        else {
            message.sha256 = None;
            return;
        };
        let Some((_, body)) = contents.iter_mut().find(|(entry, _)| *entry == name) else {
            return;
        };
        match serde_json::from_slice::<&RawValue>(body) {
            Ok(found) => *body = self.masked(found).0.get().as_bytes().to_vec(),
            // It may hold anything.
            Err(_) => {
                contents.retain(|(entry, _)| *entry != name);
                message.body = None;
            }
        }
    }

    fn masked(&mut self, value: &RawValue) -> (Box<RawValue>, Vec<String>) {
        let mut places = Vec::new();
        let text = self.walk(value.get(), &[], "", DEPTH, &mut places);
        // The parts of a JSON text, put together again, are one.
        (RawValue::from_string(text).unwrap_or_default(), places)
    }

    /// A value with its replacements; `active` is what is left of paths that began around it.
    fn walk(
        &mut self,
        text: &str,
        active: &[(usize, Vec<String>)],
        pointer: &str,
        depth: usize,
        places: &mut Vec<String>,
    ) -> String {
        let is_object = text.starts_with('{');
        if !is_object && !text.starts_with('[') {
            return text.to_owned();
        }
        let object = serde_json::from_str::<IndexMap<String, &RawValue>>(text);
        let list = serde_json::from_str::<Vec<&RawValue>>(text);
        match (object, list) {
            (Ok(object), _) if depth > 0 => {
                let mut written = Vec::with_capacity(object.len());
                for (name, value) in object {
                    let fresh = self.paths.iter().enumerate();
                    let begun = active.iter().map(|(mask, path)| (*mask, path));
                    let left = begun.chain(fresh).filter_map(|(mask, path)| {
                        let left = path.strip_prefix(&[name.clone()][..])?;
                        Some((mask, left.to_vec()))
                    });
                    let left: Vec<(usize, Vec<String>)> = left.collect();
                    let escaped = name.replace('~', "~0").replace('/', "~1");
                    let pointer = format!("{pointer}/{escaped}");
                    let matching = left.iter().find(|(_, path)| path.is_empty());
                    if let Some((mask, _)) = matching {
                        self.matches[*mask] += 1;
                    }
                    let value = match matching.is_some() {
                        true => self.replaced(value.get(), pointer, places),
                        false => self.walk(value.get(), &left, &pointer, depth - 1, places),
                    };
                    written.push(format!("{}: {value}", serde_json::Value::from(name)));
                }
                format!("{{{}}}", written.join(", "))
            }
            (Err(_), Ok(list)) if depth > 0 => {
                let mut written = Vec::with_capacity(list.len());
                for (place, value) in list.into_iter().enumerate() {
                    let pointer = format!("{pointer}/{place}");
                    written.push(self.walk(value.get(), active, &pointer, depth - 1, places));
                }
                format!("[{}]", written.join(", "))
            }
            // It is too deep, or has a name with half of a surrogate pair.
            (Ok(_) | Err(_), Ok(_) | Err(_)) => self.replaced(text, pointer.to_owned(), places),
        }
    }

    fn replaced(&mut self, text: &str, pointer: String, places: &mut Vec<String>) -> String {
        places.push(pointer);
        if let Ok(value) = serde_json::from_str(text) {
            self.learn(&value);
        }
        match text.as_bytes().first() {
            Some(b'"') => format!("\"{MARKER}\""),
            Some(b'{') => "{}".to_owned(),
            Some(b'[') => "[]".to_owned(),
            Some(b't' | b'f') => "false".to_owned(),
            Some(b'n') => "null".to_owned(),
            Some(_) | None => "0".to_owned(),
        }
    }

    fn learn(&mut self, value: &serde_json::Value) {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::Array(items) => {
                return items.iter().for_each(|item| self.learn(item));
            }
            serde_json::Value::Object(items) => {
                return items.values().for_each(|item| self.learn(item));
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) => return,
        };
        if text.len() >= TELLING {
            self.secrets.insert(text);
        }
    }

    fn without_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret) {
                text = text.replace(secret, MARKER);
            }
        }
        text
    }

    /// The same for a JSON text; a number in it becomes a text.
    fn raw_without_secrets(&self, value: Box<RawValue>) -> Box<RawValue> {
        let cleaned = self.without_secrets(value.get());
        if cleaned == value.get() {
            return value;
        }
        RawValue::from_string(cleaned)
            .or_else(|_| RawValue::from_string(format!("\"{MARKER}\"")))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn masked(masks: &[&str], text: &str) -> (String, Vec<String>) {
        let masks: Vec<String> = masks.iter().map(|mask| (*mask).to_owned()).collect();
        let mut masking = Masking::new(&masks).unwrap();
        let value = RawValue::from_string(text.to_owned()).unwrap();
        let (value, places) = masking.masked(&value);
        (value.get().to_owned(), places)
    }

    #[test]
    fn a_value_is_replaced_by_one_of_its_type_wherever_it_is() {
        let text = r#"{"card": {"number": "4111", "cvc": 123}, "n": 1.50, "old": [{"card": {"number": ["4222"]}}], "number": true}"#;
        let (found, places) = masked(&["card.number", "/card/cvc"], text);
        assert_eq!(
            found,
            r#"{"card": {"number": "masked", "cvc": 0}, "n": 1.50, "old": [{"card": {"number": []}}], "number": true}"#
        );
        assert_eq!(places, ["/card/number", "/card/cvc", "/old/0/card/number"]);
        let (found, _) = masked(&["number"], text);
        assert!(
            !found.contains("4111") && !found.contains("4222"),
            "{found}"
        );
        assert!(found.ends_with(r#""number": false}"#), "{found}");
    }

    #[test]
    fn each_mask_says_how_often_it_matched_and_texts_are_cleaned() {
        let masks = ["card.number", "card.pin"].map(str::to_owned);
        let mut masking = Masking::new(&masks).unwrap();
        let fields = r#"{"card": {"number": "9999-8888"}, "old": {"card": {"number": 123456}}}"#;
        masking.masked(&RawValue::from_string(fields.to_owned()).unwrap());
        let matches: Vec<_> = masking.matches().collect();
        assert_eq!(matches, [("card.number", 2), ("card.pin", 0)]);
        for (text, cleaned) in [
            (
                r#"{"message": "no 9999-8888"}"#,
                r#"{"message": "no masked"}"#,
            ),
            (r#"{"n": 123456}"#, r#""masked""#),
            ("<p>9999-8888</p>", "<p>masked</p>"),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            masking.clean(&mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), cleaned);
        }
    }

    #[test]
    fn a_path_leads_through_lists() {
        let (found, places) = masked(
            &["items.price"],
            r#"{"items": [{"price": 5}, {"price": null}]}"#,
        );
        assert_eq!(found, r#"{"items": [{"price": 0}, {"price": null}]}"#);
        assert_eq!(places, ["/items/0/price", "/items/1/price"]);
    }

    #[test]
    fn what_cannot_be_looked_into_is_replaced_as_a_whole() {
        let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
        let (found, places) = masked(&["x"], &format!("{{\"a\": {deep}}}"));
        assert_eq!(places.len(), 1);
        assert!(found.len() < 230, "{found}");
        let (found, _) = masked(&["x"], r#"{"a": {"\ud800": "y"}, "b": "\ud800"}"#);
        assert_eq!(found, r#"{"a": {}, "b": "\ud800"}"#);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for mask in ["", "a..b", ".a", "/", "a."] {
            assert!(Masking::new(&[mask.to_owned()]).is_err(), "{mask}");
        }
    }
}
