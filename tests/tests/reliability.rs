//! Checks that the tests named in RELIABILITY.md exist.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, fs, path::Path};

/// The cells of all table rows in the wanted sections.
fn rows(text: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
    let mut wanted = false;
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            wanted = is_wanted(title);
        }
        let inside = line
            .strip_prefix("| ")
            .and_then(|row| row.strip_suffix(" |"));
        if let (true, Some(row)) = (wanted, inside)
            && !row.starts_with("---")
        {
            rows.push(row.split(" | ").map(str::to_owned).collect());
        }
    }
    rows
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join("RELIABILITY.md")).unwrap();
    let mut tests = BTreeMap::new();
    for row in rows(&text, |title| title == "Tests") {
        let [name, file, test] = row.as_slice() else {
            panic!("a row of the tests has {} cells: {row:?}", row.len());
        };
        if name == "name" {
            continue;
        }
        let source =
            fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(
            source.contains(&format!("fn {test}(")),
            "{file} has no test {test}"
        );
        tests.insert(name.clone(), 0);
    }
    let promises = rows(&text, |title| title.starts_with("Promises"));
    assert!(promises.len() > 20, "the promises are not found");
    for row in promises {
        let [promise, rests_on, checked_by] = row.as_slice() else {
            panic!("a promise has {} cells: {row:?}", row.len());
        };
        if promise == "promise" {
            continue;
        }
        assert!(!rests_on.is_empty(), "{promise}");
        for name in checked_by.split(", ") {
            let count = tests
                .get_mut(name)
                .unwrap_or_else(|| panic!("`{name}` is no test of the list: {promise}"));
            *count += 1;
        }
    }
    let idle: Vec<&String> = tests
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| name)
        .collect();
    assert!(idle.is_empty(), "no promise names these tests: {idle:?}");
}
