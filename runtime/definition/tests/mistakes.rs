//! Mistakes that people make in conditions, what is said to each, and the suggestions, which compile;
//!
//! and the same for definitions, warnings included.
//!
//! `mistakes/conditions.txt` has the conditions: the expression, then the message, then the suggestion if there is one, and an empty
//! line. `UPDATE_GOLDEN=1` writes the messages again; the difference is then for a person to judge.
#![allow(clippy::unwrap_used)]

use bureaucrat_definition::{Diagnostic, Limits, Severity, compile, review};
use bureaucrat_expression::parse;
use std::{fmt::Write as _, fs, path::Path};

/// The answer to one expression, as the file has it.
fn answer(expression: &str) -> String {
    let written = expression.replace("\\n", "\n").replace("\\t", "\t");
    match parse(&written) {
        Ok(_) => "    compiles\n".to_owned(),
        Err(refusal) => {
            let mut text = format!(
                "    {}:{}: {}\n",
                refusal.line, refusal.column, refusal.reason
            );
            if let Some(suggestion) = &refusal.suggestion {
                assert!(parse(suggestion).is_ok(), "{suggestion}");
                let _ = writeln!(text, "    try: {}", suggestion.replace('\n', "\\n"));
                let escaped = suggestion.replace('&', "&amp;").replace('<', "&lt;");
                let definition = format!(
                    "<process><switch><case><condition>{escaped}</condition><delay duration='0'/></case></switch></process>"
                );
                assert!(
                    compile(definition.as_bytes(), &Limits::default()).is_ok(),
                    "{escaped}"
                );
            }
            text
        }
    }
}

#[test]
fn mistakes_in_conditions_are_understood() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes/conditions.txt");
    let expected = fs::read_to_string(&path).unwrap();
    let mut found = String::new();
    let mut rows = 0;
    for line in expected.lines() {
        if line.starts_with("    ") {
            continue;
        }
        let _ = writeln!(found, "{line}");
        if !line.is_empty() && !line.starts_with("## ") {
            found += &answer(line);
            rows += 1;
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    let difference: Vec<_> = expected
        .lines()
        .zip(found.lines())
        .filter(|(a, b)| a != b)
        .collect();
    assert!(rows >= 100, "{rows}");
    assert!(expected == found, "{difference:#?}");
}

/// What a review says, a line for each diagnostic.
fn reviewed(source: &[u8]) -> String {
    let reviewed = review(source, &Limits::default());
    let mut text = String::new();
    for found in &reviewed.diagnostics {
        let severity = found.severity();
        let (line, column) = (found.line, found.column);
        let _ = writeln!(
            text,
            ">>> {line}:{column}: {}: {}",
            severity.name(),
            found.kind
        );
    }
    if text.is_empty() {
        text += ">>> nothing\n";
    }
    let compiled = compile(source, &Limits::default());
    assert_eq!(compiled.is_ok(), reviewed.compiled.is_some(), "{text}");
    if let Err(errors) = &compiled {
        let is_error = |found: &&Diagnostic| found.severity() == Severity::Error;
        let among: Vec<_> = reviewed.diagnostics.iter().filter(is_error).collect();
        assert_eq!(among, errors.iter().collect::<Vec<_>>(), "{text}");
    }
    text
}

/// `mistakes/*.xmls`: after each line `=== title` a definition, then what is said to it.
#[test]
fn mistakes_in_definitions_are_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let mut rows = 0;
    for name in ["definitions.xmls", "doubts.xmls"] {
        let path = folder.join(name);
        let expected = fs::read_to_string(&path).unwrap();
        let mut found = String::new();
        for block in expected.split("=== ").skip(1) {
            let (title, rest) = block.split_once('\n').unwrap();
            let lines = rest.lines().take_while(|line| !line.starts_with(">>> "));
            let source = lines.collect::<Vec<_>>().join("\n");
            let said = reviewed(source.replace("\\u{feff}", "\u{feff}").as_bytes());
            let _ = writeln!(found, "=== {title}\n{source}\n{said}");
            rows += 1;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap();
        let pairs = expected.lines().zip(found.lines());
        let difference: Vec<_> = pairs.filter(|(before, now)| before != now).collect();
        assert!(expected == found, "{name}: {difference:#?}");
    }
    assert!(rows >= 90, "{rows}");
}
