//! Uploaded modules: bytes to admission; admitted modules to compilation and a run.

use crate::{corpus, trace};
use anyhow::Result;
use bureaucrat_expression::{Function, Kind};
use bureaucrat_model::Fields;
use bureaucrat_sandbox::{LoadError, Outcome, Sandbox};

/// Parts of the binary format: section ids, type constructors, opcodes, LEB128 edges.
pub const TOKENS: [&str; 16] = [
    "\0asm\u{1}\0\0\0",
    "\0asm\r\0\u{1}\0",
    "\u{1}\u{4}\u{1}`\0\0",
    "evaluate",
    "bureaucrat:condition/fields@1.1.0",
    "get",
    "memory",
    "\u{2}\u{40}",
    "\u{3}\u{40}",
    "\u{b}",
    "\u{10}\0",
    "\u{11}\0\0",
    "\u{41}\0",
    "\u{e}\u{10}",
    "\u{40}\0",
    "\0\0\0\0",
];

/// Components: one in WAT, those of expressions, and small ones that are almost right.
///
/// # Errors
/// When the repository's module can't be read.
pub fn seeds() -> Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for text in corpus::whole("definitions", "wat")? {
        seeds.push(wat::parse_bytes(&text)?.into_owned());
    }
    for text in ["True", "context['a'] < 4", "len(context['a']) > 1"] {
        let function = Function {
            name: "evaluate".to_owned(),
            expression: bureaucrat_expression::parse(text)?,
            kind: Kind::Verdict,
        };
        seeds.push(bureaucrat_expression::compile(&[function])?);
    }
    for text in [
        "(component)",
        "(module (func (export \"evaluate\") (result i32) i32.const 0))",
        r#"(component (core module $m (memory (export "m") 1) (table 1 funcref)
             (func $f (export "f") (result i32) (local i32) (loop (br_if 0 (i32.const 0))) i32.const 512)
             (elem (i32.const 0) $f) (data (i32.const 0) "abc"))
           (core instance $i (instantiate $m)) (alias core export $i "m" (core memory $memory))
           (func (export "f") (result (result bool (error string))) (canon lift (core func $i "f") (memory $memory))))"#,
        r#"(component (component $a (component $b (core module))) (type $t (record (field "x" u8)))
           (instance $i (instantiate $a)) (export "t" (type $t)))"#,
        r#"(component (import "bureaucrat:condition/fields@1.1.0" (instance
           (export "json" (func (param "pointer" string) (result (option string)))))))"#,
    ] {
        seeds.push(wat::parse_str(text)?);
    }
    Ok(seeds)
}

/// Only admission: bounded, never a panic, and a reason that a person can read.
pub fn admission(sandbox: &Sandbox, input: &[u8]) -> u64 {
    match sandbox.load_module(input) {
        Ok(_) => 1,
        Err(LoadError::Refused(refusal)) => trace::of_text(&refusal.to_string()),
        Err(LoadError::Environment(_)) => 2,
    }
}

/// Admission, compilation in this process, and a run of every function.
pub fn module(sandbox: &Sandbox, input: &[u8]) -> u64 {
    match sandbox.load_module(input) {
        Ok(_) | Err(LoadError::Environment(_)) => {}
        Err(LoadError::Refused(refusal)) => return trace::of_text(&refusal.to_string()),
    }
    // Admitted: compiled here on this thread, where a crash of the compiler is visible.
    let guest = match sandbox.load_inline(input) {
        Ok(guest) => guest,
        Err(error) => return trace::of_text(&error.to_string()),
    };
    let mut trace = 3;
    for export in guest.exports() {
        let outcome = sandbox
            .evaluate(&guest, &export.name, Fields::new())
            .outcome;
        trace ^= match outcome {
            Outcome::Verdict(verdict) => u64::from(verdict),
            Outcome::Value(value) => trace::of_count("value", value.len()),
            Outcome::Fault { code, message } => {
                trace::of_text(&format!("{}: {message}", code.as_str()))
            }
            Outcome::Environmental(_) => 5,
        };
    }
    trace
}
