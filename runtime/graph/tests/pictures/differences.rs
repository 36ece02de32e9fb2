//! What is marked in a picture of two versions.

use super::{common::outlined, geometry::misplaced};
use bureaucrat_graph::{Look, Marks, Picture};
use std::collections::BTreeMap;

/// What a box says about a difference, by path; an old one has `-` before it.
fn changes(new: &str, old: &str) -> BTreeMap<String, Vec<String>> {
    let picture = Picture::compared(&outlined(new), &outlined(old));
    let svg = picture.svg(&Look::default());
    let drawing = picture.drawing(&Marks::default());
    assert!(misplaced(&drawing).is_empty());
    let mut found = BTreeMap::new();
    for figure in drawing.root.all() {
        let notes = figure.texts.iter().map(|text| text.text.clone());
        let notes: Vec<String> = notes
            .filter(|text| text.starts_with(['+', '−', '±']))
            .collect();
        if !notes.is_empty() {
            let sign = if notes[0].starts_with('−') { "-" } else { "" };
            found.insert(format!("{sign}{}", figure.path), notes);
        }
    }
    let removed = svg.matches("data-old-path").count();
    assert_eq!(
        removed,
        found.keys().filter(|key| key.starts_with('-')).count()
    );
    found
}

fn expected(list: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, note) in list {
        found
            .entry((*path).into())
            .or_default()
            .push((*note).into());
    }
    found
}

#[test]
fn differences_are_those_of_a_migration() {
    let process = |inside: &str| format!("<process>{inside}</process>");
    let ids = |names: &[&str]| {
        let actions = names
            .iter()
            .map(|name| format!("<action id=\"{name}\" participant=\"{name}\"/>"));
        process(&actions.collect::<String>())
    };
    assert_eq!(changes(&ids(&["a", "b"]), &ids(&["a", "b"])), expected(&[]));
    assert_eq!(
        changes(&ids(&["a", "x", "b"]), &ids(&["a", "b"])),
        expected(&[("_1", "+ added")])
    );
    assert_eq!(
        changes(&ids(&["b"]), &ids(&["a", "b"])),
        expected(&[("-_0", "− removed")])
    );
    assert_eq!(
        changes(&ids(&["c", "a", "b"]), &ids(&["a", "b", "c"])),
        expected(&[("_0", "± moved, was _2")])
    );
    let action = |attributes: &str| process(&format!("<action participant=\"a\" {attributes}/>"));
    assert_eq!(
        changes(&action("timeout=\"1m\""), &action("timeout=\"30s\"")),
        expected(&[("_0", "± timeout was 30s")])
    );
    assert_eq!(
        changes(&action("timeout=\"1m\""), &action("into=\"x\"")),
        expected(&[("_0", "± timeout is new"), ("_0", "± into was x, is gone")])
    );
    // Without ids, the place decides.
    assert_eq!(
        changes(
            &process("<delay duration=\"1\"/><action participant=\"a\"/>"),
            &process("<action participant=\"a\"/>")
        ),
        expected(&[("-_0", "− removed"), ("_0", "+ added"), ("_1", "+ added")])
    );
    // What is in an element with an id is where the element is.
    let sequence = |before: &str| {
        process(&format!(
            "{before}<sequence id=\"s\"><action participant=\"a\"/></sequence>"
        ))
    };
    assert_eq!(
        changes(&sequence("<delay duration=\"1\"/>"), &sequence("")),
        expected(&[("_0", "+ added")])
    );
    assert_eq!(
        changes(
            &process("<all><action id=\"a\" participant=\"a\"/></all>"),
            &process("<action id=\"a\" participant=\"a\"/>")
        ),
        expected(&[("_0", "+ added"), ("_0_0", "± moved, was _0")])
    );
}
