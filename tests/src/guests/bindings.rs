//! What each language's bindings read, by the table `guest-sdk/bindings.json`.

use super::{component, sandbox, sdk};
use anyhow::{Context, Result, bail, ensure};
use bureaucrat_model::Fields;
use bureaucrat_sandbox::{Evaluated, Outcome, codes};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What only Go's guest has: the standard library.
const GO_EXPORTS: &str = "export use-library: func() -> result<string, string>;\n";
const GO_CASES: &str = r#"[
  {"name": "the standard library", "function": "use-library", "fields": "{}",
   "value": ["bank", "Tuesday", [1, 2, 3], true], "log": ["standard output is logged"]}]"#;

/// The fault of a panic with the words "no rates": its code, and the beginning of its message.
fn panic(language: &str) -> (&'static str, &'static str) {
    match language {
        "go" => ("Panic", "no rates"),
        "javascript" => ("RangeError", "no rates"),
        "python" => ("LookupError", "no rates"),
        _ => (
            codes::TRAP,
            "wasm `unreachable` instruction executed: no rates",
        ),
    }
}

/// A case of the table. Fields are JSON text, so that numbers and keys stay as they are written.
#[derive(Deserialize)]
struct Case {
    name: String,
    function: String,
    fields: String,
    /// A marker in the fields and in a text that is wanted, what replaces it, and how many times.
    #[serde(default)]
    repeat: BTreeMap<String, (String, usize)>,
    value: Option<Value>,
    /// The JSON text of a value, compared as text.
    json: Option<String>,
    verdict: Option<bool>,
    error: Option<String>,
    message: Option<String>,
    #[serde(default)]
    log: Vec<String>,
}

impl Case {
    fn repeated(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (marker, (part, times)) in &self.repeat {
            text = text.replace(marker, &part.repeat(*times));
        }
        text
    }

    fn fits(&self, found: &Evaluated) -> Result<bool> {
        if !found.log.texts().eq(&self.log) {
            return Ok(false);
        }
        let wanted = (&self.value, &self.json, self.verdict, &self.error);
        Ok(match (&found.outcome, wanted) {
            (Outcome::Value(json), (Some(Value::String(text)), None, None, None)) => {
                serde_json::from_str::<Value>(json)? == Value::String(self.repeated(text))
            }
            (Outcome::Value(json), (Some(value), None, None, None)) => {
                serde_json::from_str::<Value>(json)? == *value
            }
            (Outcome::Value(json), (None, Some(text), None, None)) => json == text,
            (Outcome::Verdict(verdict), (None, None, Some(wanted), None)) => *verdict == wanted,
            (Outcome::Fault { code, message }, (None, None, None, Some(wanted))) => {
                code.as_str() == wanted && Some(message) == self.message.as_ref()
            }
            (
                Outcome::Verdict(_)
                | Outcome::Value(_)
                | Outcome::Fault { .. }
                | Outcome::Environmental(_),
                _,
            ) => false,
        })
    }
}

/// Builds a language's guest of the bindings, and runs it through the table, each case in a new
/// instance in the sandbox. Returns how many cases there are.
///
/// # Errors
/// If any of this fails; the message has all cases with another outcome.
pub fn try_bindings(language: &str) -> Result<usize> {
    let (exports, more) = match language {
        "go" => (GO_EXPORTS, GO_CASES),
        _ => ("", "[]"),
    };
    let component = component(language, "bindings", exports)?;
    let sandbox = sandbox()?;
    let guest = sandbox.load_module(&component)?;
    let table = std::fs::read(sdk().join("bindings.json"))?;
    let mut cases: Vec<Case> = serde_json::from_slice(&table).context("bindings.json")?;
    cases.append(&mut serde_json::from_str(more)?);
    let mut problems = Vec::new();
    for case in &cases {
        let fields = Fields::parse(&case.repeated(&case.fields)).context(case.name.clone())?;
        let found = sandbox.evaluate(&guest, &case.function, &fields);
        if !case.fits(&found).with_context(|| case.name.clone())? {
            let found: String = format!("{found:?}").chars().take(200).collect();
            problems.push(format!("{}: {found}", case.name));
        }
    }
    let (code, words) = panic(language);
    match sandbox
        .evaluate(&guest, "panics", Fields::default())
        .outcome
    {
        Outcome::Fault {
            code: found,
            message,
        } if found.as_str() == code && message.starts_with(words) => {}
        other @ (Outcome::Verdict(_)
        | Outcome::Value(_)
        | Outcome::Fault { .. }
        | Outcome::Environmental(_)) => problems.push(format!("a panic: {other:?}")),
    }
    ensure!(!cases.is_empty(), "bindings.json is empty");
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(cases.len())
}
