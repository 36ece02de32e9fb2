//! Every conformance case, in every dialect that it is for, on the pure engine.
#![allow(clippy::unwrap_used)]

use bureaucrat_tests::conformance::{
    Action, load, observe_pure,
    places::{SCOPES, VERBS, WAITS},
    run_pure,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

#[test]
fn cases_run_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let cases = load(&folder).unwrap();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let (mut wrong, mut runs) = (0, 0);
    for case in &cases {
        for dialect in &case.dialects {
            runs += 1;
            let Ok(trace) = std::panic::catch_unwind(|| run_pure(case, *dialect).unwrap()) else {
                wrong += 1;
                println!("{} in the dialect {dialect}: panicked", case.name);
                continue;
            };
            if !trace.is_right() {
                wrong += 1;
                println!("{} in the dialect {dialect}:\n{trace}", case.name);
            }
        }
    }
    println!("{} cases, {runs} runs", cases.len());
    assert_eq!(wrong, 0, "of {runs} runs");
}

/// The elements in the tables of docs/language.md, and their attributes.
fn grammar(page: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for block in page.split("<!-- grammar:").skip(1) {
        let block = block.split("<!-- end -->").next().unwrap_or_default();
        let mut element = String::new();
        for line in block.lines() {
            if let Some((name, _)) = line
                .strip_prefix("`<")
                .and_then(|rest| rest.split_once(">`"))
            {
                element = name.to_owned();
                found.push((element.clone(), None));
            } else if let Some((name, _)) = line
                .strip_prefix("| `")
                .and_then(|rest| rest.split_once('`'))
            {
                found.push((element.clone(), Some(name.to_owned())));
            }
        }
    }
    found
}

/// Whether a case has the element, with the attribute.
fn has(case: &str, element: &str, attribute: Option<&str>) -> bool {
    let tags = case.split('<').filter_map(|tag| tag.strip_prefix(element));
    let mut tags = tags.filter(|rest| rest.starts_with([' ', '\n', '/', '>']));
    tags.any(|rest| {
        let tag = rest.split('>').next().unwrap_or_default();
        attribute.is_none_or(|name| {
            let mut places = tag.match_indices(name);
            places.any(|(at, _)| {
                tag[..at].ends_with([' ', '\n']) && tag[at + name.len()..].starts_with('=')
            })
        })
    })
}

#[test]
fn each_element_and_attribute_has_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(folder.join("../docs/language.md")).unwrap();
    let files = std::fs::read_dir(folder.join("conformance")).unwrap();
    let cases: Vec<String> = files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let grammar = grammar(&page);
    assert!(grammar.len() > 100, "{grammar:?}");
    let few: Vec<String> = grammar
        .iter()
        .filter(|(element, attribute)| {
            let have = |case: &&String| has(case, element, attribute.as_deref());
            cases.iter().filter(have).count() < 2
        })
        .map(|(element, attribute)| format!("{element} {}", attribute.as_deref().unwrap_or("")))
        .collect();
    assert!(few.is_empty(), "in fewer than two cases: {few:?}");
}

/// The table that README.md of the cases refers to: `BUREAUCRAT_ORDERS=1` prints which cases are in each cell.
#[test]
fn each_verb_has_cases_at_each_kind_of_wait_and_scope() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let mut table: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for case in load(&folder).unwrap() {
        let is_order = |action: &Action| matches!(action, Action::Order(_) | Action::Modify(..));
        if !case.steps.iter().any(|step| is_order(&step.action)) {
            continue;
        }
        let (_, orders) = observe_pure(&case, case.dialects[0]).unwrap();
        for order in orders {
            for place in order.places {
                let cell = table.entry((order.verb, place)).or_default();
                cell.insert(case.name.clone());
            }
        }
    }
    if std::env::var_os("BUREAUCRAT_ORDERS").is_some() {
        for ((verb, place), cases) in &table {
            let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
            println!("{verb}, {place}: {}", cases.join(" "));
        }
    }
    let places = WAITS.iter().chain(&SCOPES);
    let missing: Vec<String> = places
        .flat_map(|place| VERBS.iter().map(move |verb| (*verb, *place)))
        .filter(|cell| !table.contains_key(cell))
        .map(|(verb, place)| format!("{verb}, {place}"))
        .collect();
    assert!(missing.is_empty(), "no case has:\n{}", missing.join("\n"));
}
