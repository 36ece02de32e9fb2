//! `check`: what is wrong with definitions, with the line that it stands on.

use super::print_line;
use crate::{Exit, arguments::Check, files};
use bureaucrat_definition::{Diagnostic, Limits, compile};
use serde_json::json;
use std::{fmt::Write, path::Path};

/// The most of a source line that is shown, in characters.
const LINE_SHOWN_MAX: usize = 120;

/// Prints the diagnostics of every file.
pub fn run(check: &Check) -> anyhow::Result<Exit> {
    if let Err(error) = bureaucrat_sandbox::check_executable_memory() {
        eprintln!("bureaucrat: no engine would start here: {error}");
    }
    let mut exit = Exit::Done;
    let mut found = Vec::new();
    for file in &check.files {
        let source = files::read(file)?;
        let Err(diagnostics) = compile(&source, &Limits::default()) else {
            continue;
        };
        exit = Exit::Failed;
        for diagnostic in &diagnostics {
            if check.json {
                found.push(json!({
                    "file": name(file),
                    "line": diagnostic.line,
                    "column": diagnostic.column,
                    "message": diagnostic.kind.to_string(),
                }));
            } else {
                print_line(&shown(file, &source, diagnostic))?;
            }
        }
    }
    if check.json {
        print_line(&serde_json::Value::Array(found).to_string())?;
    }
    Ok(exit)
}

/// What a file is called in messages.
pub fn name(file: &Path) -> String {
    match file.to_str() {
        Some("-") => "(standard input)".to_owned(),
        _ => file.display().to_string(),
    }
}

/// A diagnostic with its source line and a caret below its column.
pub fn shown(file: &Path, source: &[u8], diagnostic: &Diagnostic) -> String {
    let mut text = format!("{}:{diagnostic}", name(file));
    let line = usize::try_from(diagnostic.line)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let Some(line) = source.split(|byte| *byte == b'\n').nth(line) else {
        return text;
    };
    let line = String::from_utf8_lossy(line);
    let column = usize::try_from(diagnostic.column)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    // Of a long line the part around the column is shown.
    let first = column.saturating_sub(LINE_SHOWN_MAX / 2);
    let part: String = line
        .trim_end()
        .chars()
        .skip(first)
        .take(LINE_SHOWN_MAX)
        .map(printable)
        .collect();
    if part.trim().is_empty() {
        return text;
    }
    let number = diagnostic.line.to_string();
    // Writing to a string can't fail.
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

/// Control characters would move the caret, or the terminal.
fn printable(character: char) -> char {
    if character.is_control() {
        ' '
    } else {
        character
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_caret_stands_below_the_column() {
        let source = "<process>\n\t<äction/>\n</process>".as_bytes();
        let diagnostics = compile(source, &Limits::default()).unwrap_err();
        let text = shown(Path::new("x.xml"), source, &diagnostics[0]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("x.xml:2:2: "), "{text}");
        assert_eq!(lines[1], "2 |  <äction/>");
        assert_eq!(lines[2], "  |  ^");
    }
}
