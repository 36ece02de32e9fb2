//! Conditions after the pattern of those that users of other engines write, with what Python gives for them: each is
//! supported and gives that, or is left out for a reason that docs/expressions.md tells.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod reference;
mod support;

use bureaucrat_expression::{Function, Kind, compile, parse};
use serde_json::Value as Json;
use support::{Host, Outcome};

const YARDSTICK: &str = include_str!("yardstick.jsonl");

/// One line.
struct Case {
    expression: String,
    fields: String,
    expected: Json,
}

fn cases() -> Vec<Case> {
    YARDSTICK
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let parts: Vec<Json> =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(parts.len(), 4, "{line}");
            Case {
                expression: parts[1].as_str().unwrap().to_owned(),
                fields: parts[2].to_string(),
                expected: parts[3].clone(),
            }
        })
        .collect()
}

#[test]
fn conditions_give_what_python_gives_or_are_left_out_for_a_reason() {
    let host = Host::quick();
    let docs = include_str!("../../../docs/expressions.md");
    let (supported, left_out): (Vec<_>, Vec<_>) = cases()
        .into_iter()
        .partition(|case| case.expected["left_out"].is_null());
    assert!(supported.len() >= 100, "{} are supported", supported.len());
    let pairs: Vec<_> = supported
        .iter()
        .map(|case| (case.fields.clone(), case.expression.clone()))
        .collect();
    let functions: Vec<_> = supported
        .iter()
        .enumerate()
        .map(|(index, case)| Function {
            name: format!("c{index}"),
            expression: parse(&case.expression)
                .unwrap_or_else(|refusal| panic!("{}: {refusal}", case.expression)),
            kind: Kind::Value,
        })
        .collect();
    let guest = host.load(&compile(&functions).unwrap());
    for (index, (case, answer)) in supported.iter().zip(reference::values(&pairs)).enumerate() {
        let fields = serde_json::from_str(&case.fields).unwrap();
        let outcome = guest.call(&format!("c{index}"), &fields);
        match (&outcome, case.expected["fault"].as_str()) {
            (Outcome::Value(text), None) => {
                let value: Json = serde_json::from_str(text).unwrap();
                assert_eq!(value, case.expected["value"], "{}", case.expression);
                assert_eq!(answer["value"], text.as_str(), "{}", case.expression);
            }
            (Outcome::Fault(text), Some(code)) => {
                assert_eq!(text.split(':').next(), Some(code), "{}", case.expression);
                assert_eq!(answer["code"], code, "{}", case.expression);
            }
            _ => panic!(
                "{}: {outcome:?}, expected {}",
                case.expression, case.expected
            ),
        }
    }
    for case in left_out {
        let reason = case.expected["left_out"].as_str().unwrap();
        assert!(
            docs.contains(&format!("| {reason} |")),
            "docs/expressions.md does not name: {reason}"
        );
        let parsed = parse(&case.expression);
        assert!(
            parsed.is_err() || reason == "a set as a result",
            "{} is taken by now",
            case.expression
        );
    }
}
