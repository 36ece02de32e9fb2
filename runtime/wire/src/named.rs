//! Launches by name: which deployed definition to launch, with which fields.
//!
//! `{"process": "order@3", "fields": {…}, "key": "A-17", "duplicate": "replace"}` on the launch
//! queue. Everything but `process` may be left out. Unknown members are refused, so that a misspelt one is not ignored.

use crate::{
    Unreadable, WireLimits,
    answer::{read_fields, text},
    cut,
    scan::Scan,
};
pub use bureaucrat_model::Duplicate;
use bureaucrat_model::{DefinitionRef, DefinitionRefError, Fields, JsonText, View};

/// The content type of a launch by name.
pub const LAUNCH_TYPE: &str = "application/x-bureaucrat-launch";

/// The longest business key, in bytes.
pub const KEY_BYTES_MAX: usize = 255;

/// The members of the body, in the order of the documentation.
const MEMBERS: [&str; 4] = ["process", "fields", "key", "duplicate"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLaunch {
    pub process: DefinitionRef,
    /// They go over the definition's context.
    pub fields: Fields,
    /// Its business key.
    pub key: Option<String>,
    pub duplicate: Duplicate,
}

impl NamedLaunch {
    /// The body of its message.
    pub fn to_json(&self) -> String {
        let mut json = format!(r#"{{"process": "{}""#, self.process);
        if !self.fields.is_empty() {
            json += &format!(r#", "fields": {}"#, self.fields.to_json());
        }
        if let Some(key) = &self.key {
            json += &format!(r#", "key": {}"#, JsonText::text(key).as_str());
        }
        if self.duplicate == Duplicate::Replace {
            json += r#", "duplicate": "replace""#;
        }
        json.push('}');
        json
    }
}

/// Why a body is not a launch by name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamedLaunchError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("`process`: {0}")]
    Process(#[from] DefinitionRefError),
    #[error("unknown key `{0}`; a launch has `process`, `fields`, `key` and `duplicate`")]
    Member(String),
    #[error("the field `{0}` is reserved: names that begin with `inst:` belong to the engine")]
    Reserved(String),
    #[error("`key` is empty; omit it, or give a text of 1 to {KEY_BYTES_MAX} bytes")]
    KeyEmpty,
    #[error("`key` has {bytes} bytes, at most {KEY_BYTES_MAX} are allowed")]
    KeyLong { bytes: usize },
    #[error("`duplicate` is {0}; it must be `refuse` or `replace`")]
    Duplicate(String),
    #[error("`duplicate` has no effect without `key`")]
    NoKey,
}

impl NamedLaunchError {
    /// The code of the dead letter.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(unreadable) => unreadable.code(),
            Self::Process(_)
            | Self::Member(_)
            | Self::Reserved(_)
            | Self::KeyEmpty
            | Self::KeyLong { .. }
            | Self::Duplicate(_)
            | Self::NoKey => "launch",
        }
    }
}

/// Reads a launch by name.
///
/// # Errors
/// If the body is not one.
pub fn decode_named_launch(
    body: &[u8],
    limits: &WireLimits,
) -> Result<NamedLaunch, NamedLaunchError> {
    let scan = Scan::of(body, limits);
    if let Some(defect) = &scan.defect {
        return Err(defect.clone().into());
    }
    let mut names = scan.names();
    let is_known = |name: &[u8]| MEMBERS.iter().any(|known| known.as_bytes() == name);
    if let Some(unknown) = names.find(|name| !is_known(name)) {
        let unknown = String::from_utf8_lossy(unknown);
        return Err(NamedLaunchError::Member(cut(&unknown, 80).to_owned()));
    }
    let process = text(scan.get("process"), "process")?.parse()?;
    let fields = match scan.get("fields") {
        None | Some(b"null") => Fields::new(),
        given => read_fields(given, "fields")?,
    };
    if let Some((name, _)) = fields
        .iter()
        .find(|(name, _)| name.starts_with(View::RESERVED))
    {
        return Err(NamedLaunchError::Reserved(cut(name, 80).to_owned()));
    }
    let key = match scan.get("key") {
        None | Some(b"null") => None,
        given => Some(text(given, "key")?),
    };
    let duplicate = match scan.get("duplicate") {
        None | Some(b"null") => Duplicate::default(),
        Some(br#""refuse""#) => Duplicate::Refuse,
        Some(br#""replace""#) => Duplicate::Replace,
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            return Err(NamedLaunchError::Duplicate(cut(&other, 80).to_owned()));
        }
    };
    match &key {
        Some(key) if key.is_empty() => Err(NamedLaunchError::KeyEmpty),
        Some(key) if key.len() > KEY_BYTES_MAX => {
            Err(NamedLaunchError::KeyLong { bytes: key.len() })
        }
        None if duplicate == Duplicate::Replace => Err(NamedLaunchError::NoKey),
        Some(_) | None => Ok(NamedLaunch {
            process,
            fields,
            key,
            duplicate,
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(body: &str) -> Result<NamedLaunch, NamedLaunchError> {
        decode_named_launch(body.as_bytes(), &WireLimits::default())
    }

    #[test]
    fn what_is_written_is_read() {
        for body in [
            r#"{"process": "order"}"#,
            r#"{"process": "order@3", "fields": {"amount": 7}}"#,
            r#"{"process": "order", "fields": {"a": {"b": []}}, "key": "A \"17\""}"#,
            r#"{"process": "order", "key": "17", "duplicate": "replace"}"#,
        ] {
            assert_eq!(read(body).unwrap().to_json(), body);
        }
        let plain = read(r#"{"process": "order", "fields": null, "key": null}"#).unwrap();
        assert_eq!(plain.to_json(), r#"{"process": "order"}"#);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let long = format!(r#"{{"process": "a", "key": "{}"}}"#, "k".repeat(256));
        for (body, code, why) in [
            ("", "wire.not-json", "it is empty"),
            ("[]", "wire.not-object", "a JSON list"),
            ("{}", "wire.missing-key", "`process` is missing"),
            (
                r#"{"process": 3}"#,
                "wire.wrong-type",
                "`process` is not a text",
            ),
            (r#"{"process": "a b"}"#, "launch", "it contains ' '"),
            (r#"{"process": "a@0"}"#, "launch", "whole number from 1"),
            (
                r#"{"process": "a", "feilds": {}}"#,
                "launch",
                "unknown key `feilds`",
            ),
            (
                r#"{"process": "a", "fields": []}"#,
                "wire.wrong-type",
                "not an object",
            ),
            (
                r#"{"process": "a", "fields": {"inst:x": 1}}"#,
                "launch",
                "belong to the engine",
            ),
            (r#"{"process": "a", "key": ""}"#, "launch", "`key` is empty"),
            (
                r#"{"process": "a", "key": "k", "duplicate": 1}"#,
                "launch",
                "`refuse` or `replace`",
            ),
            (
                r#"{"process": "a", "duplicate": "replace"}"#,
                "launch",
                "no effect without `key`",
            ),
            (&long, "launch", "`key` has 256 bytes"),
        ] {
            let error = read(body).unwrap_err();
            assert_eq!(error.code(), code, "{body}");
            assert!(error.to_string().contains(why), "{body}: {error}");
        }
    }
}
