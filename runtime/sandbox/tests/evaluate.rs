//! The outcomes of evaluations, and that they leave nothing behind.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use bureaucrat_model::Fields;
use bureaucrat_sandbox::{Class, ExportKind, Outcome, SandboxLimits};
use common::{Returns, component, config, run, sandbox, verdict};

/// The guest for measuring costs: whether the field `amount` is an integer above 5.
fn amount() -> Vec<u8> {
    component(
        "/amount",
        r#"(func (export "evaluate") (result i32)
             i32.const 0 i32.const 7 i32.const 64 call $get
             i32.const 128 i32.const 0 i32.store
             i32.const 132
             i64.const 5 i32.const 80 i64.load i64.lt_s
             i32.const 64 i32.load8_u i32.and
             i32.store8
             i32.const 128)"#,
        &[("evaluate", Returns::Verdict)],
    )
}

#[test]
fn a_field_decides() {
    let sandbox = sandbox();
    let guest = amount();
    assert_eq!(
        run(&sandbox, &guest, r#"{"amount": 7}"#).outcome,
        Outcome::Verdict(true)
    );
    assert_eq!(
        run(&sandbox, &guest, r#"{"amount": 5}"#).outcome,
        Outcome::Verdict(false)
    );
    assert_eq!(run(&sandbox, &guest, "{}").outcome, Outcome::Verdict(false));
    let evaluated = run(&sandbox, &guest, r#"{"amount": 7}"#);
    assert!(
        evaluated.fuel > 100 && evaluated.fuel < 200,
        "{}",
        evaluated.fuel
    );
    assert_eq!(evaluated.memory_bytes, 65_536);
}

#[test]
fn functions_have_names_of_their_own() {
    let sandbox = sandbox();
    let bytes = component(
        "KeyError: 'x'{\\22a\\22: 1}",
        r#"(func $ok (param i32) (result i32)
             i32.const 512 i32.const 0 i32.store
             i32.const 516 local.get 0 i32.store8
             i32.const 512)
           (func (export "is-high") (result i32) i32.const 1 call $ok)
           (func (export "is-low") (result i32)
             i32.const 512 i32.const 1 i32.store
             i32.const 516 i32.const 0 i32.store
             i32.const 520 i32.const 13 i32.store
             i32.const 512)
           (func (export "score") (result i32)
             i32.const 512 i32.const 0 i32.store
             i32.const 516 i32.const 13 i32.store
             i32.const 520 i32.const 8 i32.store
             i32.const 512)"#,
        &[
            ("is-high", Returns::Verdict),
            ("is-low", Returns::Verdict),
            ("score", Returns::Value),
        ],
    );
    for guest in [
        sandbox.load_inline(&bytes).unwrap(),
        sandbox.load_module(&bytes).unwrap(),
    ] {
        let exports: Vec<_> = guest
            .exports()
            .iter()
            .map(|export| (export.name.as_str(), export.kind))
            .collect();
        assert_eq!(
            exports,
            [
                ("is-high", ExportKind::Verdict),
                ("is-low", ExportKind::Verdict),
                ("score", ExportKind::Value)
            ]
        );
        assert_eq!(guest.class(), Class::Small);
        let fields = Fields::new();
        let outcome = |function| sandbox.evaluate(&guest, function, &fields).outcome;
        assert_eq!(outcome("is-high"), Outcome::Verdict(true));
        assert_eq!(
            outcome("is-low"),
            Outcome::Fault {
                code: bureaucrat_model::FaultCode::new("KeyError"),
                message: "'x'".to_owned()
            }
        );
        assert_eq!(outcome("score"), Outcome::Value("{\"a\": 1}".to_owned()));
        assert_eq!(common::code(&outcome("evaluate")), "sandbox.no-function");
    }
}

#[test]
fn nothing_lives_on_between_evaluations() {
    let sandbox = sandbox();
    // Counts its calls in a global and in memory, including beyond what stays resident.
    let bytes = component(
        "",
        r#"(global $calls (mut i32) (i32.const 0))
           (func (export "evaluate") (result i32)
             i32.const 5 memory.grow drop
             global.get $calls i32.const 1 i32.add global.set $calls
             i32.const 1024 i32.const 1024 i32.load i32.const 1 i32.add i32.store
             i32.const 100000 i32.const 100000 i32.load i32.const 1 i32.add i32.store
             i32.const 300000 i32.const 300000 i32.load i32.const 1 i32.add i32.store
             i32.const 512 i32.const 0 i32.store
             i32.const 516
               global.get $calls i32.const 1 i32.eq
               i32.const 1024 i32.load i32.const 1 i32.eq i32.and
               i32.const 100000 i32.load i32.const 1 i32.eq i32.and
               i32.const 300000 i32.load i32.const 1 i32.eq i32.and
             i32.store8
             i32.const 512)"#,
        &[("evaluate", Returns::Verdict)],
    );
    // Their pools clear memories in different ways.
    for guest in [sandbox.load_inline(&bytes), sandbox.load_module(&bytes)] {
        let guest = guest.unwrap();
        for _ in 0..20 {
            let evaluated = sandbox.evaluate(&guest, "evaluate", Fields::new());
            assert_eq!(evaluated.outcome, Outcome::Verdict(true));
            assert_eq!(evaluated.memory_bytes, 6 * 65_536);
        }
    }
}

#[test]
fn the_same_evaluation_costs_the_same() {
    let sandbox = sandbox();
    let guest = amount();
    let told = || {
        let evaluated = run(&sandbox, &guest, r#"{"amount": 7}"#);
        (evaluated.outcome, evaluated.fuel, evaluated.memory_bytes)
    };
    let first = told();
    for _ in 0..10 {
        assert_eq!(told(), first);
    }
}

#[test]
fn a_deadline_is_no_outcome() {
    let limits = SandboxLimits {
        fuel: u64::MAX / 4,
        deadline: std::time::Duration::from_millis(50),
        ..SandboxLimits::default()
    };
    let sandbox = bureaucrat_sandbox::Sandbox::new(config(limits)).unwrap();
    let evaluated = run(&sandbox, &verdict("(loop br 0) unreachable"), "{}");
    assert!(
        matches!(evaluated.outcome, Outcome::Environmental(_)),
        "{evaluated:?}"
    );
}
