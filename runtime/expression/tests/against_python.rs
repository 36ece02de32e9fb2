//! Random expressions on random fields, compared with a real Python of the version in
//! reference/mod.rs.
//!
//! The seed is fixed; `BUREAUCRAT_SEED` sets another, `BUREAUCRAT_PAIRS` another number of pairs
//! (5,000 by default; half as many expressions with dates and a tenth as many templates come to
//! them). Above that every sample is paired with every other, and the table of what was covered is
//! printed. `scripts/expressions` sets both. Differences listed in docs/expressions.md are counted
//! by name and printed; any other fails with the seed and the expression, and so does a construct
//! or a pair of types that occurred too rarely.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod coverage;
mod generator;
mod reference;
mod support;

use std::collections::BTreeMap;

use bureaucrat_expression::{
    Expression, Function, Kind, Refusal, Template, compile, parse, template,
};
use coverage::Coverage;
use serde_json::Value as Json;
use support::{Host, Outcome};

/// Expressions per component, so that the helpers are compiled once for all of them.
const COMPONENT_EXPRESSIONS: usize = 250;

/// Expressions sent to Python at once; progress is reported after each portion.
const PORTION: usize = 5000;

/// A run with more pairs than this is thorough.
const THOROUGH: usize = 5000;

#[test]
fn agrees_with_python() {
    let pairs: usize = number("BUREAUCRAT_PAIRS", 5000);
    let seed = number("BUREAUCRAT_SEED", 20_261_124) as u64;
    let thorough = pairs > THOROUGH;
    let mut cases = generator::every_pair(thorough);
    cases.extend(generator::floats());
    cases.extend(generator::texts());
    cases.extend(generator::random(seed, pairs));
    let dated = generator::with_dates(seed, pairs / 2);
    println!("{} random expressions with dates", dated.len());
    cases.extend(dated);
    cases.extend(generator::templates(seed, pairs / 10));
    let host = Host::quick();
    let mut run = Run::default();
    let mut told = 0;
    for portion in cases.chunks(PORTION) {
        let answers = reference::answers(portion);
        for (cases, answers) in portion
            .chunks(COMPONENT_EXPRESSIONS)
            .zip(answers.chunks(COMPONENT_EXPRESSIONS))
        {
            run.compare(&host, cases, answers);
        }
        for failure in run.failures.iter().skip(told) {
            eprintln!("differs: {failure}");
        }
        told = run.failures.len();
        if thorough {
            eprintln!("{} of {} pairs, {told} differ", run.compared, cases.len());
        }
    }
    println!("{} pairs, seed {seed}; allowed differences:", run.compared);
    for (name, count) in &run.differences {
        println!("{count:8}  {name}");
    }
    if thorough {
        println!("\n{}", run.coverage.table());
    }
    let differ = run.failures.len();
    assert!(differ == 0, "seed {seed}: {differ} differ, as told above");
    let lacking = if thorough {
        run.coverage.lacking(40, 15, 1)
    } else {
        run.coverage.lacking(5, 2, 1)
    };
    assert!(
        lacking.is_empty(),
        "seed {seed}: too rare:\n{}",
        lacking.join("\n")
    );
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// What was found so far.
#[derive(Default)]
struct Run {
    compared: usize,
    differences: BTreeMap<&'static str, usize>,
    failures: Vec<String>,
    coverage: Coverage,
}

impl Run {
    fn compare(&mut self, host: &Host, cases: &[(String, String)], answers: &[Json]) {
        let (functions, refused) = functions(cases);
        self.failures.extend(refused);
        let guest = host.load(&compile(&functions).unwrap());
        for (index, ((fields, expression), answer)) in cases.iter().zip(answers).enumerate() {
            if !functions
                .iter()
                .any(|function| function.name == format!("t{index}"))
            {
                continue;
            }
            let json: Json = serde_json::from_str(fields).unwrap();
            let truth = guest.call(&format!("t{index}"), &json);
            let value = guest.call(&format!("v{index}"), &json);
            self.compared += 1;
            self.coverage.add(answer);
            let rounded = answer["rounded"].as_u64().unwrap_or(0) as usize;
            if rounded > 0 {
                *self
                    .differences
                    .entry("powers of floats, the last bit")
                    .or_default() += rounded;
            }
            match difference(expression, answer, &truth, &value) {
                Ok(None) => {}
                Ok(Some(name)) => *self.differences.entry(name).or_default() += 1,
                Err(()) => self.failures.push(format!(
                    "{expression}\n  over {fields}\n  {truth:?}, {value:?}\n  Python: value {} truth {} {}: {}",
                    answer["value"], answer["truth"], answer["code"], answer["message"]
                )),
            }
        }
    }
}

/// The expressions as functions, a verdict and a value each, and the refused ones, of which there
/// should be none.
fn functions(cases: &[(String, String)]) -> (Vec<Function>, Vec<String>) {
    let (mut functions, mut refused) = (Vec::new(), Vec::new());
    for (index, (_, expression)) in cases.iter().enumerate() {
        match parsed(expression) {
            Ok(parsed) => {
                for (kind, letter) in [(Kind::Verdict, 't'), (Kind::Value, 'v')] {
                    functions.push(Function {
                        name: format!("{letter}{index}"),
                        expression: parsed.clone(),
                        kind,
                    });
                }
            }
            Err(refusal) => refused.push(format!("{expression}\n  refused: {refusal}")),
        }
    }
    (functions, refused)
}

/// An expression, or a template that is written as the f-string whose body it is.
fn parsed(expression: &str) -> Result<Expression, Refusal> {
    let body = expression.strip_prefix("rf\"\"\"");
    let Some(body) = body.and_then(|body| body.strip_suffix("\"\"\"")) else {
        return parse(expression);
    };
    Ok(match template(body)? {
        Template::Computed(expression) => *expression,
        Template::Plain(text) => parse(&format!("{text:?}"))?,
    })
}

/// Faults for what is not supported at run time, and their names.
const NOT_IMPLEMENTED: [(&str, &str); 5] = [
    (
        "NotImplementedError: strftime",
        "other directives of strftime",
    ),
    (
        "NotImplementedError: strptime",
        "other directives of strptime",
    ),
    (
        "NotImplementedError: ** of a float",
        "other powers of floats",
    ),
    (
        "NotImplementedError: % formatting",
        "% formatting with a computed template",
    ),
    (
        "NotImplementedError: half of a surrogate pair",
        "half of a surrogate pair",
    ),
];

/// `None` if both agree, the name of an allowed difference, or an error.
fn difference(
    expression: &str,
    answer: &Json,
    truth: &Outcome,
    value: &Outcome,
) -> Result<Option<&'static str>, ()> {
    let code = answer["code"].as_str();
    let is_inner = expression.contains("map(")
        || expression.contains("filter(")
        || code == Some("RuntimeError");
    for outcome in [truth, value] {
        if let Outcome::Fault(text) = outcome {
            if text == "OverflowError: integer outside 64 bits" && answer["big"] == true {
                return Ok(Some("integers outside 64 bits"));
            }
            let is_long = text == "OverflowError: timedelta outside 64 bits of microseconds";
            if is_long && answer["big"] == true {
                return Ok(Some("timedeltas outside 64 bits of microseconds"));
            }
            if text == "MemoryError" && code != Some("MemoryError") {
                return Ok(Some("memory"));
            }
            if text == "StopIteration" && code != Some("StopIteration") && is_inner {
                return Ok(Some("next() that finds nothing, inside a loop"));
            }
            let is_of_other_digits = text.rsplit(": ").next().is_some_and(|quoted| {
                quoted
                    .chars()
                    .any(|digit| !digit.is_ascii() && digit.is_numeric())
            });
            if text.starts_with("ValueError: ") && is_of_other_digits {
                return Ok(Some("digits outside ASCII"));
            }
            for (start, name) in NOT_IMPLEMENTED {
                if text.starts_with(start) {
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
    } else if answer["order"] == true {
        Ok(Some("order of a set"))
    } else {
        Err(())
    }
}

fn has_code(text: &str, code: Option<&str>) -> bool {
    text.split(':').next() == code
}
