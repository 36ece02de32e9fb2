//! The cost of components: bytes, the time to compile, the time of a new evaluation. Only the bytes
//! are limited here, because times depend on the machine; they are printed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Instant;

use bureaucrat_expression::{Function, Kind, compile, parse};
use support::Host;

const BIG: &str = r#"sorted([round(item["price"] * item["count"], 2) for item in workitem.fields["items"] if item.get("price")],
    reverse=True)[:3] == [4.5] or f"{context['name'].strip().title():>}" if False else str(workitem.fields) in ("a", "b")"#;

fn measure(name: &str, expression: &str, kind: Kind, fields: &str, bytes_max: usize) {
    let host = Host::new();
    let function = [Function {
        name: "evaluate".to_owned(),
        expression: parse(expression).unwrap(),
        kind,
    }];
    let started = Instant::now();
    let bytes = compile(&function).unwrap();
    let first = started.elapsed();
    let started = Instant::now();
    for _ in 0..100 {
        compile(&function).unwrap();
    }
    let ours = started.elapsed() / 100;
    let started = Instant::now();
    let guest = host.load(&bytes);
    let cranelift = started.elapsed();
    let fields: std::sync::Arc<serde_json::Value> =
        std::sync::Arc::new(serde_json::from_str(fields).unwrap());
    const RUNS: u32 = 100;
    let export = guest.export("evaluate");
    // The best of many short runs, because other work on the machine only adds time.
    let batch = || {
        let started = Instant::now();
        for _ in 0..RUNS {
            assert!(guest.run_typed(&export, &fields));
        }
        started.elapsed() / RUNS
    };
    let fresh = (0..200).map(|_| batch()).min().unwrap();
    println!(
        "{name}: {} bytes; compiled in {ours:?} ({first:?} the first time), by Cranelift in {cranelift:?}; fresh {fresh:?}",
        bytes.len()
    );
    assert!(bytes.len() <= bytes_max, "{name}: {} bytes", bytes.len());
}

/// A component with most of what is possible must still be small.
#[test]
fn components_are_small() {
    measure(
        "tiny",
        "workitem.fields[\"x\"] < 4",
        Kind::Verdict,
        r#"{"x": 3}"#,
        8 * 1024,
    );
    let big = BIG.replace(":>}", "}");
    measure(
        "big",
        &big,
        Kind::Value,
        r#"{"items": [], "name": "x"}"#,
        48 * 1024, // tables of letters are half of it
    );
    measure(
        "dates",
        "now() > datetime.fromisoformat(context[\"due\"]) + timedelta(days=1)",
        Kind::Verdict,
        r#"{"inst:now": 1764333296.5, "due": "2025-12-01T09:00:00+01:00"}"#,
        24 * 1024,
    );
    measure(
        "a template",
        "f\"{context['name']}-{now():%Y-%m-%d}\"",
        Kind::Value,
        r#"{"inst:now": 1764333296.5, "name": "x"}"#,
        24 * 1024,
    );
}
