//! `check`: what is wrong with definitions or odd about them, with the line that it is in.

use super::{guests, print_line, problem::Problem};
use crate::{
    Exit,
    arguments::{Check, Options},
    files,
    screen::{self, tell},
};
use bureaucrat_definition::{Compiled, Limits, Severity, review};
use serde_json::{Value, json};
use std::{fmt::Write, path::Path};

/// The most characters of a source line that are shown.
const LINE_SHOWN_MAX: usize = 120;

/// A definition, and all that is to be said about it.
pub struct Judged {
    /// None if the engine would refuse it.
    pub compiled: Option<Compiled>,
    pub problems: Vec<Problem>,
}

/// Judges a definition as the engine does at a launch, as far as that needs no engine.
pub fn judge(options: &Options, source: &[u8]) -> anyhow::Result<Judged> {
    let reviewed = review(source, &Limits::default());
    let mut problems: Vec<Problem> = reviewed.diagnostics.iter().map(Problem::from).collect();
    if let Some(compiled) = &reviewed.compiled {
        problems.extend(guests::problems(options, compiled)?);
        problems.sort_by_key(|problem| (problem.line, problem.column));
    }
    let is_wrong = problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    Ok(Judged {
        compiled: reviewed.compiled.filter(|_| !is_wrong),
        problems,
    })
}

/// Prints the problems of every file. One that can't be read is a problem, too, and the others are
/// still checked.
pub fn run(options: &Options, check: &Check) -> anyhow::Result<Exit> {
    if let Err(error) = bureaucrat_sandbox::check_executable_memory() {
        tell(&format!("warning: no engine would start here: {error}"));
    }
    let mut exit = Exit::Done;
    let mut found = Vec::new();
    for file in &check.files {
        let source = match files::read_definition(file) {
            Ok(source) => source,
            Err(error) => {
                exit = Exit::Failed;
                if check.json {
                    found.push(json!({
                        "file": name(file),
                        "severity": "error",
                        "message": format!("{error:#}"),
                    }));
                } else {
                    print_line(&format!("error: {error:#}"))?;
                }
                continue;
            }
        };
        for problem in judge(options, &source)?.problems {
            if problem.severity == Severity::Error || check.deny_warnings {
                exit = Exit::Failed;
            }
            if check.json {
                found.push(json(file, &problem));
            } else {
                print_line(&shown(file, &source, &problem))?;
            }
        }
    }
    if check.json {
        print_line(&Value::Array(found).to_string())?;
    }
    Ok(exit)
}

/// A problem as JSON.
pub fn json(file: &Path, problem: &Problem) -> Value {
    let mut value = json!({
        "file": name(file),
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity.name(),
        "message": problem.message,
    });
    if let (Some(object), Some(suggestion)) = (value.as_object_mut(), &problem.suggestion) {
        object.insert("suggestion".to_owned(), json!(suggestion));
    }
    value
}

/// The name of a file in messages.
pub fn name(file: &Path) -> String {
    match file.to_str() {
        Some("-") => "(standard input)".to_owned(),
        _ => file.display().to_string(),
    }
}

/// A problem with its source line and a caret below its column.
pub fn shown(file: &Path, source: &[u8], problem: &Problem) -> String {
    let mut text = format!(
        "{}:{}:{}: {}: {}",
        name(file),
        problem.line,
        problem.column,
        problem.severity.name(),
        problem.message
    );
    let line = usize::try_from(problem.line)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let Some(line) = source.split(|byte| *byte == b'\n').nth(line) else {
        return text;
    };
    let line = String::from_utf8_lossy(line);
    let line = line.trim_start_matches('\u{feff}');
    let column = usize::try_from(problem.column)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    // Only the part of a long line around the column is shown.
    let first = column.saturating_sub(LINE_SHOWN_MAX / 2);
    let part: String = line
        .trim_end()
        .chars()
        .skip(first)
        .take(LINE_SHOWN_MAX)
        .map(screen::seen)
        .collect();
    if part.trim().is_empty() {
        return text;
    }
    let number = problem.line.to_string();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n{number} | {part}\n{:width$} | {:before$}^",
        "",
        "",
        width = number.len(),
        before = column - first
    );
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_caret_is_below_the_column() {
        let source = "<process>\n\t<äction/>\n</process>".as_bytes();
        let diagnostics = review(source, &Limits::default()).diagnostics;
        let text = shown(Path::new("x.xml"), source, &Problem::from(&diagnostics[0]));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("x.xml:2:2: error: "), "{text}");
        assert_eq!(lines[1], "2 |  <äction/>");
        assert_eq!(lines[2], "  |  ^");
    }
}
