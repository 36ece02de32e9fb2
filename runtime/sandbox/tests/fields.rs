//! The interface `fields` as a guest sees it: every kind of value through the canonical ABI.
//!
//! The cases of pointers and numbers are tables next to the code, in `src/host/tests.rs`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use bureaucrat_model::Fields;
use bureaucrat_sandbox::{Guest, Outcome, Sandbox};
use common::{Returns, component, sandbox};

/// Takes the pointer from the field `p` and returns: the index of the value's case (`kind`), its
/// JSON text (`text`), the number of its keys and the last one (`keys`), its payload's 64 bits as
/// one digit per byte (`bits`).
fn probe() -> Vec<u8> {
    component(
        "/pnull",
        r#"(func $pointer (result i32 i32)
             i32.const 0 i32.const 2 i32.const 64 call $get
             i32.const 80 i32.load i32.const 84 i32.load)
           (func $ok (param $at i32) (param $length i32) (result i32)
             i32.const 512 i32.const 0 i32.store
             i32.const 516 local.get $at i32.store
             i32.const 520 local.get $length i32.store
             i32.const 512)
           (func (export "kind") (result i32)
             call $pointer i32.const 128 call $get
             i32.const 128 i32.load8_u i32.eqz
             (if (then i32.const 2 i32.const 4 call $ok return))
             i32.const 600 i32.const 136 i32.load8_u i32.const 48 i32.add i32.store8
             i32.const 600 i32.const 1 call $ok)
           (func (export "text") (result i32)
             call $pointer i32.const 128 call $json
             i32.const 128 i32.load8_u i32.eqz
             (if (then i32.const 2 i32.const 4 call $ok return))
             i32.const 132 i32.load i32.const 136 i32.load call $ok)
           (func (export "count") (result i32)
             call $pointer i32.const 128 call $keys
             i32.const 128 i32.load8_u i32.eqz
             (if (then i32.const 2 i32.const 4 call $ok return))
             i32.const 600 i32.const 136 i32.load i32.const 48 i32.add i32.store8
             i32.const 600 i32.const 1 call $ok)
           (func (export "is-seven") (result i32)
             i32.const 512 i32.const 0 i32.store
             i32.const 512 i32.const 0 i32.store
             call $pointer i32.const 128 call $get
             i32.const 516
             i32.const 144 i64.load i64.const 7 i64.eq
             i32.const 144 f64.load f64.const 7 f64.eq i32.or
             i32.store8 i32.const 512)"#,
        &[
            ("kind", Returns::Value),
            ("text", Returns::Value),
            ("count", Returns::Value),
            ("is-seven", Returns::Verdict),
        ],
    )
}

fn ask(sandbox: &Sandbox, guest: &Guest, function: &str, pointer: &str) -> Outcome {
    let mut fields = Fields::parse(
        r#"{"n": null, "b": true, "i": 7, "g": 9223372036854775808, "f": 7.0, "t": "x\u00fc", "l": [1, 2],
            "r": {"a": 1, "b" : 2.50, "a": 3}}"#,
    )
    .unwrap();
    fields.set("p", bureaucrat_model::JsonText::text(pointer));
    sandbox.evaluate(guest, function, &fields).outcome
}

#[test]
fn every_kind_of_value_passes() {
    let sandbox = sandbox();
    let guest = sandbox.load_inline(&probe()).unwrap();
    for (pointer, kind, text, keys) in [
        ("/n", "0", "null", "null"),
        ("/b", "1", "true", "null"),
        ("/i", "2", "7", "null"),
        ("/g", "3", "9223372036854775808", "null"),
        ("/f", "4", "7.0", "null"),
        ("/t", "5", r#""x\u00fc""#, "null"),
        ("/l", "6", "[1, 2]", "null"),
        ("/r", "7", r#"{"a": 1, "b" : 2.50, "a": 3}"#, "2"),
        ("/r/a", "2", "3", "null"),
        ("/r/b", "4", "2.50", "null"),
        ("/l/1", "2", "2", "null"),
        ("/l/2", "null", "null", "null"),
        ("/x", "null", "null", "null"),
    ] {
        let value = |function| ask(&sandbox, &guest, function, pointer);
        assert_eq!(value("kind"), Outcome::Value(kind.to_owned()), "{pointer}");
        assert_eq!(value("text"), Outcome::Value(text.to_owned()), "{pointer}");
        assert_eq!(value("count"), Outcome::Value(keys.to_owned()), "{pointer}");
    }
    assert_eq!(
        ask(&sandbox, &guest, "count", ""),
        Outcome::Value("9".to_owned())
    );
    assert_eq!(
        ask(&sandbox, &guest, "is-seven", "/i"),
        Outcome::Verdict(true)
    );
    assert_eq!(
        ask(&sandbox, &guest, "is-seven", "/f"),
        Outcome::Verdict(true)
    );
    assert_eq!(
        ask(&sandbox, &guest, "is-seven", "/r/a"),
        Outcome::Verdict(false)
    );
    let Outcome::Value(all) = ask(&sandbox, &guest, "text", "") else {
        panic!("no value")
    };
    assert!(all.starts_with(r#"{"n": null, "b": true, "i": 7"#), "{all}");
}
