//! Tables of cases: fields, and what a function of a module makes of them. docs/modules.md has the format.
//!
//! A table is a JSON array of cases, or one case after the other. Everything that is wrong with a case is told with its
//! number, and its line where JSON itself is wrong.

use crate::{commands::view, files, screen::clean};
use anyhow::{Context, bail};
use bureaucrat_model::{Fields, View};
use bureaucrat_sandbox::{Guest, Log, Outcome, Sandbox};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json, value::RawValue};
use std::{
    fmt,
    path::Path,
    time::{Duration, Instant},
};

/// The most characters of a value that are shown.
const SHOWN_MAX: usize = 200;

/// A row of the table.
pub struct Case {
    pub name: String,
    pub function: String,
    view: View,
    pub expected: Expected,
}

/// The outcome that a case asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    Verdict(bool),
    /// Compared as JSON: the order of keys doesn't count, and `1` is not `1.0`.
    Value(Value),
    Error {
        code: String,
        /// Any, if the case has none.
        message: Option<String>,
    },
}

/// What a function made of a case, and what it cost.
pub struct Played {
    pub outcome: Outcome,
    pub fuel: u64,
    pub memory_bytes: u64,
    pub time: Duration,
    pub log: Log,
}

/// A case, with what came of it.
pub struct Tested {
    pub case: Case,
    pub played: Played,
    pub is_met: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Option<String>,
    function: Option<String>,
    fields: Option<Box<RawValue>>,
    verdict: Option<bool>,
    #[serde(default, deserialize_with = "even_null")]
    value: Option<Value>,
    error: Option<String>,
    message: Option<String>,
}

/// `"value": null` expects null.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads a table.
///
/// # Errors
/// If the file can't be read, or a case is not one.
pub fn read(file: &Path) -> anyhow::Result<Vec<Case>> {
    let bytes = files::read(file)?;
    let place = || file.display().to_string();
    let rows: Vec<Row> = match bytes.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice(&bytes).with_context(place)?,
        _ => {
            let rows = serde_json::Deserializer::from_slice(&bytes).into_iter();
            rows.collect::<Result<_, _>>().with_context(place)?
        }
    };
    if rows.is_empty() {
        bail!("{}: there are no cases in it", place());
    }
    let cases = (1..).zip(rows).map(|(number, row)| {
        let name = row.name.clone();
        let named = name.map_or_else(String::new, |name| format!(" (`{}`)", clean(&name)));
        case(number, row).with_context(|| format!("{}: case {number}{named}", place()))
    });
    cases.collect()
}

fn case(number: usize, row: Row) -> anyhow::Result<Case> {
    let expected = match (row.verdict, row.value, row.error) {
        (Some(verdict), None, None) => Expected::Verdict(verdict),
        (None, Some(value), None) => Expected::Value(value),
        (None, None, Some(code)) if code.contains([':', ' ']) => {
            bail!("`error` is a code alone, such as `KeyError`; its text belongs into `message`")
        }
        (None, None, Some(code)) => Expected::Error {
            code,
            message: row.message.clone(),
        },
        (None, None, None) => bail!("it needs `verdict`, `value` or `error`"),
        (Some(_), ..) | (None, Some(_), Some(_)) => {
            bail!("it can have only one of `verdict`, `value` and `error`")
        }
    };
    if row.message.is_some() && !matches!(expected, Expected::Error { .. }) {
        bail!("`message` belongs to `error`, which it does not have");
    }
    let fields = row.fields.as_ref().map_or("{}", |fields| fields.get());
    let fields = Fields::parse(fields).context("`fields`")?;
    Ok(Case {
        name: row.name.unwrap_or_else(|| format!("case {number}")),
        function: row.function.unwrap_or_else(|| "evaluate".to_owned()),
        view: view(&fields),
        expected,
    })
}

impl Case {
    /// Runs it, in a new instance.
    pub fn play(&self, sandbox: &Sandbox, guest: &Guest) -> Played {
        let started = Instant::now();
        let evaluated = sandbox.evaluate(guest, &self.function, self.view.clone());
        Played {
            time: started.elapsed(),
            outcome: evaluated.outcome,
            fuel: evaluated.fuel,
            memory_bytes: evaluated.memory_bytes,
            log: evaluated.log,
        }
    }
}

impl Expected {
    pub fn is_met_by(&self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Verdict(expected), Outcome::Verdict(was)) => expected == was,
            (Self::Value(expected), Outcome::Value(was)) => {
                serde_json::from_str::<Value>(was).is_ok_and(|was| *expected == was)
            }
            (
                Self::Error { code, message },
                Outcome::Fault {
                    code: was,
                    message: said,
                },
            ) => code == was.as_str() && message.as_ref().is_none_or(|message| message == said),
            (Self::Verdict(_) | Self::Value(_) | Self::Error { .. }, _) => false,
        }
    }

    /// As the table has it.
    pub fn json(&self) -> Value {
        match self {
            Self::Verdict(verdict) => json!({"verdict": verdict}),
            Self::Value(value) => json!({"value": value}),
            Self::Error { code, message } => match message {
                Some(message) => json!({"error": code, "message": message}),
                None => json!({"error": code}),
            },
        }
    }
}

/// An outcome as a table would have it.
pub fn json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Verdict(verdict) => json!({"verdict": verdict}),
        Outcome::Value(value) => {
            let value: Value = serde_json::from_str(value).unwrap_or_default();
            json!({"value": value})
        }
        Outcome::Fault { code, message } => {
            json!({"error": code.as_str(), "message": message})
        }
        Outcome::Environmental(reason) => json!({"no_outcome": reason}),
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(verdict) => write!(f, "{verdict}"),
            Self::Value(value) => f.write_str(&short(&value.to_string())),
            Self::Error { code, message } => match message {
                Some(message) => write!(f, "{code}: {message}"),
                None => f.write_str(code),
            },
        }
    }
}

/// An outcome on one line.
pub fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Verdict(verdict) => verdict.to_string(),
        Outcome::Value(value) => short(value),
        Outcome::Fault { code, message } if message.is_empty() => code.to_string(),
        Outcome::Fault { code, message } => short(&format!("{code}: {message}")),
        Outcome::Environmental(reason) => format!("no outcome: {reason}"),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
