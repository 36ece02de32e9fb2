//! Tables of expressions with what they give, run in wasmtime.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bureaucrat_expression::{Function, Kind, compile, parse, vocabulary};
use support::{Host, Outcome};

#[test]
fn a_condition_compiles_to_a_component_that_runs() {
    let host = Host::new();
    let expression = parse("workitem.fields[\"x\"] < 4").unwrap();
    let function = Function {
        name: "evaluate".to_owned(),
        expression,
        kind: Kind::Verdict,
    };
    let bytes = compile(std::slice::from_ref(&function)).unwrap();
    assert_eq!(
        bytes,
        compile(&[function]).unwrap(),
        "the bytes are the same each time"
    );
    let guest = host.load(&bytes);
    let run = |fields: &str| guest.call("evaluate", &serde_json::from_str(fields).unwrap());
    assert_eq!(run(r#"{"x": 3}"#), Outcome::Verdict(true));
    assert_eq!(run(r#"{"x": 4.5}"#), Outcome::Verdict(false));
    assert_eq!(run("{}"), Outcome::Fault("KeyError: 'x'".to_owned()));
}

#[test]
fn the_page_names_every_function_and_method() {
    let page = include_str!("../../../docs/expressions.md");
    let words: std::collections::BTreeSet<&str> = page
        .split(|character: char| !character.is_alphanumeric() && character != '_')
        .collect();
    let named = vocabulary::functions()
        .into_iter()
        .chain(vocabulary::methods());
    let missing: Vec<_> = named.filter(|name| !words.contains(name)).collect();
    assert!(
        missing.is_empty(),
        "docs/expressions.md does not name {missing:?}"
    );
}
