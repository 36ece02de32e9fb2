//! The interface `log`: what is kept of it, what it costs, and that it changes nothing else.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use bureaucrat_model::Fields;
use bureaucrat_sandbox::{Evaluated, Outcome, Sandbox, SandboxLimits, codes};
use common::{code, config, sandbox};

/// A guest that imports `log` alone and has one verdict, whose core function has `body`. Its data
/// is `no rates`, at address 0.
fn guest(body: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
(import "bureaucrat:condition/log@1.1.0" (instance $log (export "write" (func (param "words" (list u8))))))
(core module $mem (memory (export "memory") 16) (data (i32.const 0) "no rates"))
(core instance $m (instantiate $mem))
(alias core export $m "memory" (core memory $memory))
(core func $write (canon lower (func $log "write") (memory $memory)))
(core module $main
  (import "m" "memory" (memory 1))
  (import "l" "write" (func $write (param i32 i32)))
  (func (export "evaluate") (result i32) {body}))
(core instance $l (export "write" (func $write)))
(core instance $i (instantiate $main (with "m" (instance $m)) (with "l" (instance $l))))
(func (export "evaluate") (result (result bool (error string)))
  (canon lift (core func $i "evaluate") (memory $memory) string-encoding=utf8)))"#
    ))
    .unwrap()
}

fn run(sandbox: &Sandbox, body: &str) -> Evaluated {
    let module = sandbox.load_module(&guest(body)).unwrap();
    sandbox.evaluate(&module, "evaluate", Fields::default())
}

fn message(outcome: &Outcome) -> &str {
    let Outcome::Fault { message, .. } = outcome else {
        panic!("no fault: {outcome:?}");
    };
    message
}

const WRITE: &str = "(call $write (i32.const 0) (i32.const 8))";

#[test]
fn the_last_words_end_the_message_of_a_trap() {
    let sandbox = sandbox();
    let found = run(&sandbox, &format!("{WRITE} unreachable"));
    assert_eq!(code(&found.outcome), codes::TRAP);
    assert!(
        message(&found.outcome).ends_with("executed: no rates"),
        "{found:?}"
    );
    assert!(found.log.texts().eq(["no rates"]));
}

#[test]
fn words_change_no_outcome() {
    let sandbox = sandbox();
    let found = run(&sandbox, &format!("{WRITE} i32.const 512"));
    assert_eq!(found.outcome, Outcome::Verdict(false));
    assert!(found.log.texts().eq(["no rates"]));
    let silent = run(&sandbox, "i32.const 512");
    assert_eq!(silent.outcome, Outcome::Verdict(false));
    assert!(silent.log.is_empty());
    assert!(
        found.fuel >= silent.fuel + 108,
        "{} {}",
        found.fuel,
        silent.fuel
    );
}

#[test]
fn words_without_end_run_out_of_fuel_or_calls() {
    let forever = |length: u32| {
        format!("(loop (call $write (i32.const 0) (i32.const {length})) (br 0)) unreachable")
    };
    let sandbox = sandbox();
    // A megabyte of zero bytes, over and over.
    let found = run(&sandbox, &forever(1 << 20));
    assert_eq!(code(&found.outcome), codes::FUEL);
    let kept: usize = found.log.texts().map(str::len).sum();
    assert!(kept <= 4_096, "{kept}");
    let few = Sandbox::new(config(SandboxLimits {
        host_calls: 10,
        ..SandboxLimits::default()
    }));
    let found = run(&few.unwrap(), &forever(0));
    assert_eq!(code(&found.outcome), codes::HOST_CALLS);
    assert_eq!(found.log.texts().count(), 10);
}

#[test]
fn words_that_are_no_text_are_replaced() {
    let found = run(
        &sandbox(),
        "(i32.store8 (i32.const 0) (i32.const 255)) (call $write (i32.const 0) (i32.const 8)) unreachable",
    );
    assert_eq!(code(&found.outcome), codes::TRAP);
    assert!(found.log.texts().eq(["\u{fffd}o rates"]));
}

#[test]
fn guests_of_the_contract_1_0_run() {
    let of_1_0 = common::FIELDS.replace("fields@1.1.0", "fields@1.0.0");
    let text = format!(
        r#"(component {of_1_0}
(core module $m (memory (export "memory") 1) (func (export "evaluate") (result i32) i32.const 512))
(core instance $i (instantiate $m))
(alias core export $i "memory" (core memory $memory))
(func (export "evaluate") (result (result bool (error string)))
  (canon lift (core func $i "evaluate") (memory $memory) string-encoding=utf8)))"#
    );
    let sandbox = sandbox();
    let module = sandbox.load_module(&wat::parse_str(text).unwrap()).unwrap();
    let found = sandbox.evaluate(&module, "evaluate", Fields::default());
    assert_eq!(found.outcome, Outcome::Verdict(false));
}
