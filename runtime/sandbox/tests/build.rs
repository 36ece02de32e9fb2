//! Core modules become components, and run.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use bureaucrat_model::Fields;
use bureaucrat_sandbox::{BuildError, ExportKind, Outcome, build_module};
use common::{code, sandbox};

const RISK: &str = include_str!("../../../guest-sdk/wat/risk.wat");

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn the_worked_example_works() {
    let sandbox = sandbox();
    let component = build_module(&wat(RISK), Some("condition"), None).unwrap();
    let guest = sandbox.load_module(&component).unwrap();
    let evaluate = |function: &str, fields: &str| {
        sandbox
            .evaluate(&guest, function, Fields::parse(fields).unwrap())
            .outcome
    };
    for (fields, high, foreign) in [
        (
            r#"{"order": {"amount": 10001, "country": "BE"}}"#,
            true,
            true,
        ),
        (
            r#"{"order": {"amount": 10000, "country": "NL"}}"#,
            false,
            false,
        ),
        (
            r#"{"order": {"amount": -1, "country": "NLD"}}"#,
            false,
            true,
        ),
        (r#"{"order": {"amount": 20000}}"#, true, false),
    ] {
        assert_eq!(
            evaluate("is-high", fields),
            Outcome::Verdict(high),
            "{fields}"
        );
        assert_eq!(
            evaluate("is-foreign", fields),
            Outcome::Verdict(foreign),
            "{fields}"
        );
    }
    for fields in ["{}", r#"{"order": 1}"#] {
        assert_eq!(
            evaluate("is-high", fields),
            Outcome::Fault {
                code: bureaucrat_model::FaultCode::new("KeyError"),
                message: "nothing at `/order/amount`".to_owned()
            }
        );
    }
    let wrong = evaluate("is-high", r#"{"order": {"amount": "1"}}"#);
    assert_eq!(code(&wrong), "TypeError");
}

const VALUE: &str = r#"(module (memory (export "memory") 1) (data (i32.const 64) "[1]")
  (func (export "evaluate") (result i32)
    i32.const 4 i32.const 64 i32.store i32.const 8 i32.const 3 i32.store i32.const 0))"#;

#[test]
fn worlds_can_be_chosen() {
    let sandbox = sandbox();
    let component = build_module(&wat(VALUE), Some("expression"), None).unwrap();
    let guest = sandbox.load_module(&component).unwrap();
    assert_eq!(guest.exports()[0].kind, ExportKind::Value);
    assert_eq!(
        sandbox.evaluate(&guest, "evaluate", Fields::new()).outcome,
        Outcome::Value("[1]".to_owned())
    );
    let own = "package my:rules; world mixed { include bureaucrat:condition/imports@1.1.0;
      export listed: func() -> result<string, string>; export holds: func() -> result<bool, string>; }";
    let mixed = VALUE.replace("evaluate", "listed").replace(
        "i32.const 0))",
        "i32.const 0) (func (export \"holds\") (result i32) i32.const 128))",
    );
    let component = build_module(&wat(&mixed), Some("mixed"), Some(own)).unwrap();
    let guest = sandbox.load_module(&component).unwrap();
    let kinds: Vec<_> = guest.exports().iter().map(|export| export.kind).collect();
    assert_eq!(kinds, [ExportKind::Value, ExportKind::Verdict]);
}

#[test]
fn what_a_function_returns_is_said_and_never_guessed() {
    let sandbox = sandbox();
    let marked = VALUE.replace("evaluate", "value:rawText").replace(
        "i32.const 0))",
        "i32.const 0) (func (export \"verdict:holds\") (result i32) i32.const 128))",
    );
    for world in [None, Some("condition"), Some("expression")] {
        let component = build_module(&wat(&marked), world, None).unwrap();
        let guest = sandbox.load_module(&component).unwrap();
        let exports: Vec<_> = guest
            .exports()
            .iter()
            .map(|export| (&*export.name, export.kind))
            .collect();
        assert_eq!(
            exports,
            [
                ("raw-text", ExportKind::Value),
                ("holds", ExportKind::Verdict)
            ]
        );
    }
    let unsaid = marked.replace("verdict:holds", "holds");
    let refused = build_module(&wat(&unsaid), None, None);
    let functions = vec!["holds".to_owned()];
    assert_eq!(refused, Err(BuildError::Unsaid { functions }));
    let component = build_module(&wat(&unsaid), Some("condition"), None).unwrap();
    let guest = sandbox.load_module(&component).unwrap();
    let kinds: Vec<_> = guest.exports().iter().map(|export| export.kind).collect();
    assert_eq!(kinds, [ExportKind::Value, ExportKind::Verdict]);
}

#[test]
fn what_can_not_be_a_guest_is_refused_in_words() {
    let component = build_module(&wat(RISK), Some("condition"), None).unwrap();
    assert_eq!(
        build_module(&component, Some("condition"), None),
        Err(BuildError::Component)
    );
    assert!(matches!(
        build_module(b"what", Some("condition"), None),
        Err(BuildError::Invalid(_))
    ));
    assert_eq!(
        build_module(
            &wat("(module (func (export \"f\") (param i32)))"),
            Some("condition"),
            None
        ),
        Err(BuildError::NoFunction)
    );
    for name in ["is.high", "1st", "a--b", "a-"] {
        let module = wat(&format!(
            "(module (func (export \"{name}\") (result i32) i32.const 0))"
        ));
        assert_eq!(
            build_module(&module, Some("condition"), None),
            Err(BuildError::Name(name.to_owned()))
        );
    }
    assert_eq!(
        build_module(&wat(VALUE), Some("verdicts"), None),
        Err(BuildError::World("verdicts".to_owned()))
    );
    assert!(matches!(
        build_module(&wat(VALUE), None, Some("package a:b; world")),
        Err(BuildError::Wit(_))
    ));
    let foreign = wat(
        r#"(module (import "env" "abort" (func)) (memory (export "memory") 1)
        (func (export "evaluate") (result i32) i32.const 0))"#,
    );
    assert!(matches!(
        build_module(&foreign, Some("condition"), None),
        Err(BuildError::Encoding(_))
    ));
}

#[test]
fn names_in_other_styles_become_wit_names() {
    let sandbox = sandbox();
    for name in ["is_high", "isHigh", "is-high"] {
        let core = wat(&RISK.replace("\"is-high\"", &format!("\"{name}\"")));
        let component = build_module(&core, Some("condition"), None).unwrap();
        let guest = sandbox.load_module(&component).unwrap();
        assert_eq!(guest.exports()[0].name, "is-high", "{name}");
    }
}
