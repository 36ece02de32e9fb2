//! Attacks by modules before they run: on admission and the compiler.

use super::{
    Attack, How, Stop, attack, elsewhere,
    wat::{Guest, guest},
};

const COUNTED: &str = "an admission limit, before anything is compiled";
const FEATURES: &str = "the list of WebAssembly features";

pub(super) fn attacks() -> Vec<Attack> {
    [bytes(), slow(), bombs(), imports(), features(), instances()].concat()
}

fn upload(name: &'static str, by: &'static str, words: &'static str, bytes: Vec<u8>) -> Attack {
    attack(name, by, Stop::Refused(words), How::Upload(bytes))
}

fn text(name: &'static str, by: &'static str, words: &'static str, text: &str) -> Attack {
    let bytes = ::wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    upload(name, by, words, bytes)
}

/// A guest that returns a verdict, with additional code in its main module.
fn with(code: &str) -> Guest {
    guest(format!(
        "{code} (func (export \"evaluate\") (result i32) i32.const 512)"
    ))
}

fn bytes() -> Vec<Attack> {
    let mut cut = with("").component();
    cut.truncate(cut.len() / 2);
    vec![
        upload(
            "bytes that are not WebAssembly",
            "admission",
            "not a WebAssembly component",
            b"#!/bin/sh\nid\n".to_vec(),
        ),
        upload(
            "a module cut in half",
            "admission",
            "not valid at byte",
            cut,
        ),
        text(
            "a core module",
            "admission",
            "a component is needed",
            "(module (func (export \"evaluate\")))",
        ),
        upload(
            "a module of 2 MiB",
            "modules, 1 MiB",
            "bytes, at most 1048576 are allowed",
            with(&format!("(data (i32.const 0) \"{}\")", "x".repeat(2 << 20))).component(),
        ),
    ]
}

fn slow() -> Vec<Attack> {
    let counted = |name, words, code: String| upload(name, COUNTED, words, with(&code).component());
    vec![
        counted(
            "a huge function",
            "bytes in one function",
            format!("(func {})", "i32.const 0 drop ".repeat(30_000)),
        ),
        counted(
            "a function of 2,000 locals",
            "locals in one function",
            format!("(func (local {}))", "i64 ".repeat(2_000)),
        ),
        counted(
            "10^4 nested blocks",
            "blocks within one another",
            format!(
                "(func {} {})",
                "block ".repeat(10_000),
                "end ".repeat(10_000)
            ),
        ),
        counted(
            "a `br_table` of 10^4 targets",
            "targets of one `br_table`",
            format!("(func i32.const 0 br_table {})", "0 ".repeat(10_000)),
        ),
        counted("20,000 functions", "functions", "(func)".repeat(20_000)),
        elsewhere(
            "a module within all limits that compiles slowly or needs much memory",
            "the compiler is a process of its own, with limits of time and memory",
            Stop::Refused("compiling the module takes more than"),
            "runtime/sandbox/tests/worker.rs",
            "compiling_is_bounded_in_time_and_memory",
        ),
        elsewhere(
            "a module that crashes the compiler",
            "the compiler is a process of its own",
            Stop::Refused("the compiler crashed"),
            "runtime/sandbox/tests/worker.rs",
            "a_crash_of_the_compiler_is_the_modules_doing",
        ),
    ]
}

fn bombs() -> Vec<Attack> {
    let nested = (0..20).fold("(core module)".to_owned(), |inner, _| {
        format!("(component {inner})")
    });
    let types: String = (0..11_000)
        .map(|n| format!("(type $t{n} (tuple u8 u8))"))
        .collect();
    // Each type contains the previous one twice: 2^40 fields when expanded.
    let doubling: String = std::iter::once("(type $t0 (tuple u8 u8))".to_owned())
        .chain((1..40).map(|n| format!("(type $t{n} (tuple $t{0} $t{0}))", n - 1)))
        .collect();
    let aliases = |count: usize| {
        let aliases: String = (0..count)
            .map(|n| format!("(alias outer 0 $t (type $a{n}))"))
            .collect();
        format!("(component (type $t u8) {aliases})")
    };
    vec![
        text(
            "components nested 20 deep",
            COUNTED,
            "components and modules within one another",
            &nested,
        ),
        text(
            "11,000 types",
            COUNTED,
            "types",
            &format!("(component {types})"),
        ),
        text(
            "a type that doubles 40 times",
            "the validator's limit on type sizes",
            "not valid at byte",
            &format!("(component {doubling} (export \"t\" (type $t39)))"),
        ),
        text(
            "a chain of 120,000 aliases",
            COUNTED,
            "bytes, at most 1048576 are allowed",
            &aliases(120_000),
        ),
        text(
            "60,000 aliases of one type",
            "admission reads each once",
            "exports no function",
            &aliases(60_000),
        ),
    ]
}

fn imports() -> Vec<Attack> {
    const BY: &str = "guests import the fields, nothing else";
    let import = |name, import: &str| {
        text(
            name,
            BY,
            "guests may import only",
            &format!("(component (import \"{import}\" (instance)))"),
        )
    };
    vec![
        import("the environment, by WASI", "wasi:cli/environment@0.2.0"),
        import("the file system, by WASI", "wasi:filesystem/preopens@0.2.0"),
        import("the clock, by WASI", "wasi:clocks/monotonic-clock@0.2.0"),
        text(
            "the contract's interface with another function",
            BY,
            "which has no function of this name and type",
            "(component (import \"bureaucrat:condition/fields@1.1.0\" (instance
               (export \"set\" (func (param \"pointer\" string))))))",
        ),
        text(
            "an export that takes parameters",
            "exports have one of two types",
            "which is neither a function",
            "(component (core module $m (func (export \"f\") (param i32))) (core instance $i (instantiate $m))
               (func (export \"evaluate\") (param \"x\" u32) (canon lift (core func $i \"f\"))))",
        ),
    ]
}

fn features() -> Vec<Attack> {
    let feature = |name, words, code: &str| {
        text(
            name,
            FEATURES,
            words,
            &format!("(component (core module {code}))"),
        )
    };
    vec![
        feature(
            "64-bit memories",
            "memory64 must be enabled",
            "(memory i64 1)",
        ),
        feature(
            "shared memories and atomics",
            "threads must be enabled",
            "(memory 1 1 shared)",
        ),
        feature(
            "tail calls",
            "tail calls support is not enabled",
            "(func $t (return_call $t))",
        ),
        feature("exceptions", "exceptions proposal not enabled", "(tag)"),
        feature(
            "garbage-collected types",
            "without the gc feature",
            "(type (struct))",
        ),
    ]
}

fn instances() -> Vec<Attack> {
    const BY: &str = "the limits of a pool slot";
    let needs = |name, words, code: &str| upload(name, BY, words, with(code).component());
    vec![
        text(
            "a memory of 2 GiB from the start",
            BY,
            "of memory (small guests get",
            "(component (core module $m (memory (export \"m\") 32768) (func (export \"f\") (result i32) i32.const 8))
               (core instance $i (instantiate $m)) (alias core export $i \"m\" (core memory $memory))
               (func (export \"evaluate\") (result (result bool (error string)))
                 (canon lift (core func $i \"f\") (memory $memory))))",
        ),
        needs("a second memory", "2 memories (small guests get 1)", "(memory 1)"),
        needs(
            "a table of 10^6 elements from the start",
            "1000000 elements of a table (small guests get 10000)",
            "(table 1000000 funcref)",
        ),
        needs(
            "ten tables",
            "10 tables (small guests get 2)",
            &"(table 1 funcref)".repeat(10),
        ),
    ]
}
