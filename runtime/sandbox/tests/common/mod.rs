//! What the tests of the sandbox share: a sandbox with few threads, and guests written in WAT.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use bureaucrat_model::{FaultCode, Fields};
use bureaucrat_sandbox::{
    Evaluated, Outcome, RuntimeClass, Sandbox, SandboxConfig, SandboxLimits, WorkerCommand,
};

/// The compile worker that cargo built with the tests.
pub fn worker() -> WorkerCommand {
    WorkerCommand {
        program: env!("CARGO_BIN_EXE_sandbox-compile-worker").into(),
        arguments: Vec::new(),
    }
}

/// A configuration without a cache.
pub fn config(limits: SandboxLimits) -> SandboxConfig {
    SandboxConfig {
        threads: 2,
        limits,
        cache: None,
        runtime_class: RuntimeClass::Refused,
        worker: worker(),
    }
}

/// A sandbox with the default limits.
pub fn sandbox() -> Sandbox {
    Sandbox::new(config(SandboxLimits::default())).unwrap()
}

/// The contract's import, as component WAT.
pub const FIELDS: &str = r#"
(import "bureaucrat:condition/fields@1.1.0" (instance $fields
  (type $v (variant (case "null") (case "boolean" bool) (case "integer" s64) (case "big-integer" string)
    (case "float" f64) (case "text" string) (case "list" u32) (case "record" u32)))
  (export "value" (type $value (eq $v)))
  (type $o (option $value))
  (export "get" (func (param "pointer" string) (result $o)))
  (type $texts (list string))
  (type $ks (option $texts))
  (export "keys" (func (param "pointer" string) (result $ks)))
  (type $j (option string))
  (export "json" (func (param "pointer" string) (result $j)))))
"#;

/// A function's type, by what it returns.
#[derive(Clone, Copy)]
pub enum Returns {
    Verdict,
    Value,
}

/// A component whose memory is in a module of its own and filled with `data` from address 0. `code`
/// is the content of the main module, which may call `$get`, `$keys` and `$json` and exports the
/// functions. Memory from 4,096 on is for what the host returns; `realloc` never fails before the
/// memory ends.
pub fn component(data: &str, code: &str, exports: &[(&str, Returns)]) -> Vec<u8> {
    component_of("(memory (export \"memory\") 1 16)", data, code, exports)
}

/// Like [`component`], with another memory.
pub fn component_of(memory: &str, data: &str, code: &str, exports: &[(&str, Returns)]) -> Vec<u8> {
    let lifted: String = exports
        .iter()
        .map(|(name, returns)| {
            let ok = match returns {
                Returns::Verdict => "bool",
                Returns::Value => "string",
            };
            format!(
                "(func (export \"{name}\") (result (result {ok} (error string)))
                   (canon lift (core func $i \"{name}\") (memory $memory) string-encoding=utf8))\n"
            )
        })
        .collect();
    let text = format!(
        r#"(component
{FIELDS}
(core module $mem {memory}
  (global $h (mut i32) (i32.const 4096))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local i32)
    global.get $h local.set 4 global.get $h local.get 3 i32.add i32.const 7 i32.add i32.const -8 i32.and global.set $h
    local.get 4)
  (data (i32.const 0) "{data}"))
(core instance $m (instantiate $mem))
(alias core export $m "memory" (core memory $memory))
(alias core export $m "realloc" (core func $realloc))
(core func $get (canon lower (func $fields "get") (memory $memory) (realloc $realloc) string-encoding=utf8))
(core func $keys (canon lower (func $fields "keys") (memory $memory) (realloc $realloc) string-encoding=utf8))
(core func $json (canon lower (func $fields "json") (memory $memory) (realloc $realloc) string-encoding=utf8))
(core module $main
  (import "m" "memory" (memory 1))
  (import "f" "get" (func $get (param i32 i32 i32)))
  (import "f" "keys" (func $keys (param i32 i32 i32)))
  (import "f" "json" (func $json (param i32 i32 i32)))
  {code})
(core instance $fi (export "get" (func $get)) (export "keys" (func $keys)) (export "json" (func $json)))
(core instance $i (instantiate $main (with "m" (instance $m)) (with "f" (instance $fi))))
{lifted})"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// A guest with one verdict `evaluate`, whose core function has `body`.
pub fn verdict(body: &str) -> Vec<u8> {
    component(
        "",
        &format!("(func (export \"evaluate\") (result i32) {body})"),
        &[("evaluate", Returns::Verdict)],
    )
}

/// Loads an inline guest and evaluates its function `evaluate` on `fields`.
pub fn run(sandbox: &Sandbox, component: &[u8], fields: &str) -> Evaluated {
    let guest = sandbox.load_inline(component).unwrap();
    sandbox.evaluate(&guest, "evaluate", Fields::parse(fields).unwrap())
}

/// The code of a fault; panics on other outcomes.
pub fn code(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Fault { code, .. } => FaultCode::as_str(code),
        Outcome::Verdict(_) | Outcome::Value(_) | Outcome::Environmental(_) => {
            panic!("no fault: {outcome:?}")
        }
    }
}
