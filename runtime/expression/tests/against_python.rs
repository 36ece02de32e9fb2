//! Random expressions over random fields, against a real `python3`.
//!
//! The seed is fixed; `BUREAUCRAT_SEED` gives another, `BUREAUCRAT_PAIRS` another number of pairs. Differences that
//! docs/expressions.md lists are counted by name and printed; any other fails with the seed and the expression.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod generator;
mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use bureaucrat_expression::{Function, Kind, compile, parse};
use serde_json::{Value as Json, json};
use support::{Host, Outcome};

/// How many expressions share a component, so that the helpers are compiled once for all of them.
const COMPONENT_EXPRESSIONS: usize = 250;

#[test]
fn agrees_with_python() {
    let pairs: usize = number("BUREAUCRAT_PAIRS", 5000);
    let seed = number("BUREAUCRAT_SEED", 20_261_124) as u64;
    let mut cases = generator::every_pair(pairs > 5000);
    cases.extend(generator::floats());
    cases.extend(generator::random(seed, pairs));
    // A text literal left of `%` is refused where Python would format.
    cases.retain(|(_, expression)| {
        !parse(expression).is_err_and(|refusal| refusal.reason == "`%` formatting")
    });
    let answers = python(&cases);
    let host = Host::quick();
    let mut differences = BTreeMap::<&str, usize>::new();
    let mut failures = Vec::new();
    for (cases, answers) in cases
        .chunks(COMPONENT_EXPRESSIONS)
        .zip(answers.chunks(COMPONENT_EXPRESSIONS))
    {
        let mut functions = Vec::new();
        for (index, (_, expression)) in cases.iter().enumerate() {
            let expression =
                parse(expression).unwrap_or_else(|refusal| panic!("{refusal}: {expression}"));
            for (kind, letter) in [(Kind::Verdict, 't'), (Kind::Value, 'v')] {
                functions.push(Function {
                    name: format!("{letter}{index}"),
                    expression: expression.clone(),
                    kind,
                });
            }
        }
        let guest = host.load(&compile(&functions).unwrap());
        for (index, ((fields, expression), answer)) in cases.iter().zip(answers).enumerate() {
            let json: Json = serde_json::from_str(fields).unwrap();
            let truth = guest.call(&format!("t{index}"), &json);
            let value = guest.call(&format!("v{index}"), &json);
            match difference(answer, &truth, &value) {
                Ok(None) => {}
                Ok(Some(name)) => *differences.entry(name).or_default() += 1,
                Err(()) => failures.push(format!(
                    "{expression}\n  over {fields}\n  {truth:?}, {value:?}\n  Python: {answer}"
                )),
            }
        }
    }
    println!(
        "{} pairs; allowed differences: {differences:?}",
        cases.len()
    );
    let shown = failures
        .iter()
        .take(number("BUREAUCRAT_SHOWN", 25))
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        failures.is_empty(),
        "seed {seed}: {} differ:\n{shown}",
        failures.len()
    );
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// None where both agree, the name of an allowed difference, or an error.
fn difference(answer: &Json, truth: &Outcome, value: &Outcome) -> Result<Option<&'static str>, ()> {
    let code = answer["code"].as_str();
    for outcome in [truth, value] {
        if let Outcome::Fault(text) = outcome {
            if text == "OverflowError: integer outside 64 bits" && answer["big"] == true {
                return Ok(Some("integers outside 64 bits"));
            }
            if text == "MemoryError" && code != Some("MemoryError") {
                return Ok(Some("memory"));
            }
            for (text_of_ours, name) in [
                ("NotImplementedError: ** of a float", "power of a float"),
                ("NotImplementedError: % formatting", "% formatting"),
                (
                    "NotImplementedError: letters outside ASCII",
                    "letters outside ASCII",
                ),
            ] {
                if text == text_of_ours {
                    return Ok(Some(name));
                }
            }
        }
    }
    let same_truth = match (answer["truth"].as_bool(), truth) {
        (Some(expected), Outcome::Verdict(verdict)) => expected == *verdict,
        (None, Outcome::Fault(text)) => has_code(text, code),
        _ => false,
    };
    let same_value = match (answer["value"].as_str(), value) {
        (Some(expected), Outcome::Value(text)) => expected == text,
        (None, Outcome::Fault(text)) => has_code(text, code),
        _ => false,
    };
    if same_truth && same_value {
        Ok(None)
    } else {
        Err(())
    }
}

fn has_code(text: &str, code: Option<&str>) -> bool {
    text.split(':').next() == code
}

/// The answers of a real Python, in order. It has to be there.
fn python(cases: &[(String, String)]) -> Vec<Json> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/evaluate.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs python3");
    let mut requests = child.stdin.take().unwrap();
    let lines: String = cases
        .iter()
        .map(|(fields, expression)| {
            json!({"fields": fields, "expression": expression}).to_string() + "\n"
        })
        .collect();
    let writer = std::thread::spawn(move || requests.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "the reference failed");
    let answers: Vec<Json> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), cases.len());
    answers
}
