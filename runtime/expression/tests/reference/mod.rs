//! A real Python, of the version that expressions are compared with.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

/// The Python that defines what expressions mean: Debian 12's. Another minor version differs in
/// error cases, in Unicode and in the `sum` of floats.
pub const PYTHON: (u64, u64) = (3, 11);

/// The answers of Python to pairs of fields and expression, in order; evaluate.py says what they hold.
///
/// `BUREAUCRAT_PYTHON` names the program, which scripts/environment sets; `python3` otherwise. It has to be there, and of
/// the version [`PYTHON`].
#[allow(dead_code, reason = "each test uses its own part of the reference")]
pub fn answers(cases: &[(String, String)]) -> Vec<Json> {
    asked(cases, true)
}

/// The same without watching the parts of each expression, which is slow for long loops.
#[allow(dead_code, reason = "each test uses its own part of the reference")]
pub fn values(cases: &[(String, String)]) -> Vec<Json> {
    asked(cases, false)
}

fn asked(cases: &[(String, String)], watch: bool) -> Vec<Json> {
    let requests = cases.iter().map(|(fields, expression)| {
        let request = json!({"fields": fields, "expression": expression, "watch": watch});
        request.to_string() + "\n"
    });
    let lines = run("evaluate.py", requests.collect());
    assert_eq!(lines.len(), cases.len(), "the reference stopped early");
    lines
}

/// Runs a script of this folder with lines of input; returns the lines of JSON after the version.
fn run(script: &str, input: String) -> Vec<Json> {
    let program = std::env::var("BUREAUCRAT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = format!("{}/tests/reference/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new(&program)
        .args(["-B", &script])
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("this test needs Python, and `{program}` did not start: {error}")
        });
    let mut requests = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut version = String::new();
    output.read_line(&mut version).unwrap();
    let found = serde_json::from_str::<Vec<u64>>(&version).unwrap_or_default();
    let (major, minor) = PYTHON;
    assert_eq!(
        found,
        [major, minor],
        "expressions are compared with Python {major}.{minor}, and `{program}` is another; let BUREAUCRAT_PYTHON name one of that version"
    );
    let writer = std::thread::spawn(move || requests.write_all(input.as_bytes()));
    let lines = output
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success(), "the reference failed");
    lines
}
