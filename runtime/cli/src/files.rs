//! Reads what a user names on the command line: files of limited size, fields, secrets.

use crate::{
    configuration::near,
    failure::{Failure, Kind},
};
use anyhow::{Context, bail};
use bureaucrat_definition::PropertyType;
use bureaucrat_model::{Fields, FieldsError, JsonText};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The largest file that is read, in bytes; the engine's own limits are lower.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// The largest definition that is read, in bytes: what is larger is refused by size alone.
const DEFINITION_BYTES_MAX: u64 = 16 << 20;

/// The contents of a file, or of standard input for `-`.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    read_most(path, FILE_BYTES_MAX)
}

/// The bytes of a definition.
pub fn read_definition(path: &Path) -> anyhow::Result<Vec<u8>> {
    read_most(path, DEFINITION_BYTES_MAX)
}

fn read_most(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(most + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > most {
        bail!("{} is larger than {} MiB", path.display(), most >> 20);
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> anyhow::Error {
    let path = path.display();
    let known = [
        (io::ErrorKind::NotFound, format!("{path} does not exist")),
        (
            io::ErrorKind::IsADirectory,
            format!("{path} is a directory, not a file"),
        ),
        (
            io::ErrorKind::PermissionDenied,
            format!("no permission to read {path}"),
        ),
    ];
    let words = known.into_iter().find(|(kind, _)| *kind == error.kind());
    anyhow::Error::msg(words.map_or_else(
        || format!("cannot read {path}: {error}"),
        |(_, words)| words,
    ))
}

/// The contents of a file that must be UTF-8.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(read(path)?).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Refuses a definition where a module is needed.
pub fn not_a_definition(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii_start().starts_with(b"<") {
        let path = path.display();
        bail!(
            "{path} is XML, not a module; for a definition, use `bureaucrat check {path}` and \
             `bureaucrat deploy {path}`"
        );
    }
    Ok(())
}

/// What a command line gives as fields: `--fields JSON`, over it each `--field NAME=VALUE` and each `--text NAME=VALUE`.
#[derive(Debug, Default)]
pub struct Given<'a> {
    pub object: Option<&'a str>,
    pub single: &'a [String],
    pub texts: &'a [String],
}

/// The fields of an event or of an expression: a value is parsed as JSON if valid, otherwise taken as text.
pub fn fields(given: &Given<'_>) -> anyhow::Result<Fields> {
    typed_fields(given, &BTreeMap::new())
}

/// The fields of a launch: the value of a property that declares a type is read as one of that type, as in the definition.
pub fn launch_fields(definition: &str, given: &Given<'_>) -> anyhow::Result<Fields> {
    let limits = bureaucrat_definition::Limits::default();
    let types = bureaucrat_definition::declared_types(definition.as_bytes(), &limits);
    typed_fields(given, &types)
}

/// What to say about fields that the definition of a launch does not declare, though it declares
/// others: each may be a slip, and none is forbidden.
pub fn undeclared(definition: &str, given: &Given<'_>, fields: &Fields) -> Vec<String> {
    let limits = bureaucrat_definition::Limits::default();
    let types = bureaucrat_definition::declared_types(definition.as_bytes(), &limits);
    if types.is_empty() {
        return Vec::new();
    }
    let by = |options: &[String], name: &str| {
        let mut names = options.iter().filter_map(|option| option.split_once('='));
        names.any(|(other, _)| other == name)
    };
    let names = fields.iter().map(|(name, _)| name);
    let undeclared = names.filter(|name| !types.contains_key(*name));
    undeclared
        .map(|name| {
            let option = match (by(given.single, name), by(given.texts, name)) {
                (true, _) => "--field",
                (false, true) => "--text",
                (false, false) => "--fields",
            };
            let meant = near::nearest(name, types.keys().map(String::as_str));
            let meant = meant.map(|meant| format!("; did you mean `{meant}`?"));
            let meant = meant.unwrap_or_default();
            format!("{option}: the definition declares no property `{name}`{meant}")
        })
        .collect()
}

/// A mistake in a field that was given.
fn usage(words: String) -> anyhow::Error {
    Failure::new(Kind::Usage, words).into()
}

/// The JSON text that is meant: `@FILE` and `-` (standard input) name where it is.
fn object_text(given: &str) -> anyhow::Result<Cow<'_, str>> {
    let place = match (given, given.strip_prefix('@')) {
        ("-", _) => Path::new("-"),
        (_, Some(file)) => Path::new(file),
        (_, None) => return Ok(Cow::Borrowed(given)),
    };
    read_text(place).map(Cow::Owned)
}

fn typed_fields(
    given: &Given<'_>,
    types: &BTreeMap<String, PropertyType>,
) -> anyhow::Result<Fields> {
    let mut fields = match given.object {
        Some(given) => {
            let text = object_text(given)?;
            Fields::parse(&text).map_err(|error| not_an_object("--fields", &text, &error))?
        }
        None => Fields::new(),
    };
    for option in given.single {
        let (name, value) = pair("--field", option)?;
        let value = match types.get(name) {
            Some(declared) => declared_value(name, value, *declared)?,
            None => JsonText::parse(value).unwrap_or_else(|_| JsonText::text(value)),
        };
        fields.set(name, value);
    }
    for option in given.texts {
        let (name, value) = pair("--text", option)?;
        if given
            .single
            .iter()
            .any(|other| pair("--field", other).is_ok_and(|(other, _)| other == name))
        {
            return Err(usage(format!(
                "`{name}` is given by both --field and --text; remove one"
            )));
        }
        match types.get(name) {
            None | Some(PropertyType::Str | PropertyType::Json) => {}
            Some(declared) => {
                let declared = declared.name();
                return Err(usage(format!(
                    "--text {name}: the definition declares `{name}` as `{declared}`; use --field"
                )));
            }
        }
        fields.set(name, JsonText::text(value));
    }
    Ok(fields)
}

fn pair<'a>(option: &str, text: &'a str) -> anyhow::Result<(&'a str, &'a str)> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| usage(format!("{option} {text}: expected NAME=VALUE")))
}

/// The value of a property with a declared type. A text in JSON's quotes counts without them, as it does for other fields.
fn declared_value(name: &str, value: &str, declared: PropertyType) -> anyhow::Result<JsonText> {
    if declared == PropertyType::Str
        && let Some(text) = JsonText::parse(value).ok().and_then(|json| json.as_text())
    {
        return Ok(JsonText::text(&text));
    }
    if declared == PropertyType::Json {
        return JsonText::parse(value).map_err(|error| {
            let hint = json_hint(name, value);
            usage(format!(
                "--field {name}={value}: the definition declares `{name}` as `json`; {error}{hint}"
            ))
        });
    }
    declared.value_of(value).map_err(|expected| {
        let declared = declared.name();
        usage(format!(
            "--field {name}={value}: the definition declares `{name}` as `{declared}`; {expected}"
        ))
    })
}

/// How such a value is written as JSON.
fn json_hint(name: &str, value: &str) -> String {
    let is_list_or_object = value.trim_start().starts_with(['{', '[']);
    if is_list_or_object && value.contains('\'') {
        "; JSON needs double quotes: '{\"a\": 1}'".to_owned()
    } else if is_list_or_object && !value.contains('"') {
        format!(
            "; names and texts need double quotes, which a shell takes away unless single quotes \
             are around: --field '{name}={{\"a\": 1}}'"
        )
    } else if is_list_or_object {
        String::new()
    } else {
        format!("; for a text, use --text {name}=…")
    }
}

/// Why a text is not a JSON object, with what shells and Python make of one.
pub fn not_an_object(option: &str, text: &str, error: &FieldsError) -> anyhow::Error {
    let hint = if text.trim_start().starts_with("{'") || text.contains(": '") {
        "; JSON needs double quotes: '{\"x\": 1}'"
    } else if text.trim_start().starts_with('{') && !text.contains('"') && text.trim() != "{}" {
        "; the shell takes double quotes away: put single quotes around, '{\"x\": 1}'"
    } else if !text.trim_start().starts_with('{') {
        return usage(format!(
            "{option} is not a JSON object, such as '{{\"x\": 1}}'"
        ));
    } else {
        ""
    };
    usage(format!("{option} is not a JSON object: {error}{hint}"))
}

/// The 32-byte secret in a file that only this user can read; created if it does not exist.
pub fn secret(path: &Path) -> anyhow::Result<[u8; 32]> {
    let read = File::open(path).and_then(|file| {
        let mut bytes = Vec::new();
        // One more than there should be.
        file.take(33).read_to_end(&mut bytes).map(|_| bytes)
    });
    match read {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            anyhow::anyhow!(
                "{} does not have 32 bytes; remove it, and a new one is created",
                path.display()
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = draw_secret()?;
            let fresh = path.with_extension("new");
            write_private(&fresh, &secret)
                .and_then(|()| std::fs::rename(&fresh, path))
                .with_context(|| format!("cannot write {}", path.display()))?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// 32 random bytes from the system.
pub fn draw_secret() -> anyhow::Result<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|error| anyhow::anyhow!("cannot get random bytes: {error}"))?;
    Ok(secret)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DEFINITION: &str = r#"<process><context>
        <property name="zip" type="str">1</property>
        <property name="amount" type="int">1</property>
        <property name="ratio" type="float">1</property>
        <property name="urgent" type="bool">0</property>
        <property name="items" type="json">[]</property>
        </context><delay duration="0"/></process>"#;

    fn launched(single: &str) -> Result<String, String> {
        let single = [single.to_owned()];
        let given = Given {
            single: &single,
            ..Given::default()
        };
        let fields = launch_fields(DEFINITION, &given);
        fields
            .map(|fields| fields.to_json())
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn declared_types_decide_how_a_value_is_read() {
        for (given, expected) in [
            ("zip=12345", r#"{"zip": "12345"}"#),
            ("zip=01234", r#"{"zip": "01234"}"#),
            ("zip=\"12345\"", r#"{"zip": "12345"}"#),
            ("zip=null", r#"{"zip": "null"}"#),
            ("zip=", r#"{"zip": ""}"#),
            ("amount=007", r#"{"amount": 7}"#),
            ("ratio=5", r#"{"ratio": 5.0}"#),
            ("urgent=1", r#"{"urgent": true}"#),
            ("items=[1]", r#"{"items": [1]}"#),
            ("other=12345", r#"{"other": 12345}"#),
            ("other=\"12345\"", r#"{"other": "12345"}"#),
            ("other=Ada", r#"{"other": "Ada"}"#),
        ] {
            assert_eq!(launched(given).as_deref(), Ok(expected), "{given}");
        }
        for (given, said) in [
            (
                "amount=abc",
                "declares `amount` as `int`; expected an integer",
            ),
            ("amount=1,000", "write the number without commas"),
            ("urgent=yes", "write `true`"),
            ("ratio=5kg", "write the number without a unit"),
            (
                "items={a:1}",
                "declares `items` as `json`; not JSON: key must be a string at line 1 column 2; names and texts need double quotes",
            ),
            ("items={'a':1}", "JSON needs double quotes"),
            ("items=[1,", "as `json`; not JSON: EOF while parsing"),
            ("items=Ada", "for a text, use --text items="),
            ("=5", "expected NAME=VALUE"),
            ("zip", "expected NAME=VALUE"),
        ] {
            let refused = launched(given).unwrap_err();
            assert!(refused.contains(said), "{given}: {refused}");
        }
    }

    #[test]
    fn undeclared_fields_are_told_and_taken() {
        let warned = |definition: &str, object: Option<&str>, single: &str, text: &str| {
            let (single, texts) = ([single.to_owned()], [text.to_owned()]);
            let given = Given {
                object,
                single: &single,
                texts: &texts,
            };
            let fields = launch_fields(definition, &given).unwrap();
            undeclared(definition, &given, &fields)
        };
        let object = Some(r#"{"ratoi": 1, "urgent": true}"#);
        assert_eq!(
            warned(DEFINITION, object, "amuont=7", "customer=Ada"),
            [
                "--fields: the definition declares no property `ratoi`; did you mean `ratio`?",
                "--field: the definition declares no property `amuont`; did you mean `amount`?",
                "--text: the definition declares no property `customer`",
            ]
        );
        assert!(warned(DEFINITION, None, "amount=7", "zip=1").is_empty());
        // A definition without declarations takes what it is given.
        assert!(warned("<process/>", None, "amount=7", "zip=1").is_empty());
    }
}
