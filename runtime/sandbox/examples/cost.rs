//! Measures the cost of a new evaluation and of loading: `cargo run --release --example cost`.
//!
//! Two guests that read one field each: one in the layout of the expression compiler (memory in a
//! module of its own), one in wit-component's. Times are the best of several rounds, because other
//! work on the machine only adds time.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "an example")]

use bureaucrat_model::Fields;
use bureaucrat_sandbox::{
    Guest, RuntimeClass, Sandbox, SandboxConfig, SandboxLimits, WorkerCommand, build_module,
};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const ROUNDS: u32 = 20;
const CALLS: u32 = 20_000;

const DIRECT: &str = r#"(component
  (import "bureaucrat:condition/fields@1.1.0" (instance $fields
    (type $v (variant (case "null") (case "boolean" bool) (case "integer" s64) (case "big-integer" string)
      (case "float" f64) (case "text" string) (case "list" u32) (case "record" u32)))
    (export "value" (type $value (eq $v)))
    (type $o (option $value))
    (export "get" (func (param "pointer" string) (result $o)))))
  (core module $mem (memory (export "memory") 1)
    (global $h (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local i32)
      global.get $h local.set 4
      global.get $h local.get 3 i32.add i32.const 7 i32.add i32.const -8 i32.and global.set $h local.get 4)
    (data (i32.const 0) "/amount"))
  (core instance $m (instantiate $mem))
  (alias core export $m "memory" (core memory $memory))
  (alias core export $m "realloc" (core func $realloc))
  (alias export $fields "get" (func $getf))
  (core func $get (canon lower (func $getf) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (core module $main (import "m" "memory" (memory 1)) (import "f" "get" (func $get (param i32 i32 i32)))
    (func (export "evaluate") (result i32)
      i32.const 0 i32.const 7 i32.const 64 call $get
      i32.const 128 i32.const 0 i32.store
      i32.const 132 i64.const 5 i32.const 80 i64.load i64.lt_s i32.const 64 i32.load8_u i32.and i32.store8
      i32.const 128))
  (core instance $fi (export "get" (func $get)))
  (core instance $i (instantiate $main (with "m" (instance $m)) (with "f" (instance $fi))))
  (alias core export $i "evaluate" (core func $ev))
  (func (export "evaluate") (result (result bool (error string)))
    (canon lift (core func $ev) (memory $memory) string-encoding=utf8)))"#;

fn main() {
    let sandbox = Sandbox::new(SandboxConfig {
        threads: 1,
        limits: SandboxLimits::default(),
        cache: None,
        runtime_class: RuntimeClass::Refused,
        worker: WorkerCommand {
            program: "false".into(),
            arguments: vec![],
        },
    })
    .unwrap();
    let direct = wat::parse_str(DIRECT).unwrap();
    let core = wat::parse_file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../guest-sdk/wat/risk.wat"
    ))
    .unwrap();
    let risk = build_module(&core, Some("condition"), None).unwrap();
    let one = Fields::parse(r#"{"amount": 7}"#).unwrap();
    let order = Fields::parse(r#"{"order": {"amount": 7, "country": "BE"}}"#).unwrap();
    let mut many = one.clone();
    for number in 0..100 {
        many.set(
            &format!("field{number}"),
            bureaucrat_model::JsonText::text("x"),
        );
    }
    for (name, bytes, function, fields) in [
        ("direct layout, 1 field", &direct, "evaluate", &one),
        ("direct layout, 101 fields", &direct, "evaluate", &many),
        (
            "wit-component's layout, nested field",
            &risk,
            "is-high",
            &order,
        ),
    ] {
        let started = Instant::now();
        let guest = sandbox.load_inline(bytes).unwrap();
        let loaded = started.elapsed();
        let best = (0..ROUNDS)
            .map(|_| round(&sandbox, &guest, function, fields))
            .min()
            .unwrap();
        let fuel = sandbox.evaluate(&guest, function, fields).fuel;
        println!(
            "{name}: {:.2} µs fresh, fuel {fuel}, loaded in {loaded:.2?}, {} bytes, {} of machine code",
            best.as_secs_f64() * 1e6 / f64::from(CALLS),
            guest.size(),
            guest.code_bytes()
        );
    }
}

fn round(sandbox: &Sandbox, guest: &Guest, function: &str, fields: &Fields) -> Duration {
    let started = Instant::now();
    for _ in 0..CALLS {
        black_box(sandbox.evaluate(guest, function, fields));
    }
    started.elapsed()
}
