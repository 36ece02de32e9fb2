//! Attacks by guests that run: on time, memory and stack, on the boundary to the host, on later
//! evaluations.

use super::{
    Attack, How, Stop, attack, elsewhere,
    wat::{Guest, evaluates, guest},
};

const FUEL: Stop = Stop::Fault("sandbox.fuel");
const TRAP: Stop = Stop::Fault("sandbox.trap");
const ABI: Stop = Stop::Fault("sandbox.abi");
const BUDGET: Stop = Stop::Fault("sandbox.host-budget");
const RESULT: Stop = Stop::Fault("sandbox.result");

const LIMITS: &str = "runtime/sandbox/tests/limits.rs";

pub(super) fn attacks() -> Vec<Attack> {
    [resources(), traps(), border(), results(), neighbours()].concat()
}

fn runs(name: &'static str, by: &'static str, stop: Stop, guest: &Guest) -> Attack {
    on(name, by, stop, guest, "{}".to_owned())
}

fn on(name: &'static str, by: &'static str, stop: Stop, guest: &Guest, fields: String) -> Attack {
    let component = guest.component();
    attack(name, by, stop, How::Guest { component, fields })
}

fn resources() -> Vec<Attack> {
    let after_start = "(func (export \"evaluate\") (result i32) i32.const 512)";
    vec![
        runs("an endless loop", "fuel", FUEL, &evaluates("(loop br 0) unreachable")),
        runs(
            "an endless loop in `start`",
            "fuel, charged from instantiation on",
            FUEL,
            &guest(format!("(func $s (loop br 0)) (start $s) {after_start}")),
        ),
        on(
            "an endless loop in the guest's allocator",
            "fuel, also while the host calls the guest",
            FUEL,
            &evaluates("i32.const 0 i32.const 2 i32.const 64 call $json i32.const 512")
                .data("/a")
                .allocator("(loop br 0) unreachable"),
            r#"{"a": "text"}"#.to_owned(),
        ),
        runs(
            "deep recursion",
            "the guest's own stack, 256 KiB",
            Stop::Fault("sandbox.stack"),
            &guest("(func $f (export \"evaluate\") (result i32) call $f i32.const 1 i32.add)"),
        ),
        runs(
            "recursion through a table",
            "the guest's own stack, 256 KiB",
            Stop::Fault("sandbox.stack"),
            &guest(
                "(table 1 funcref) (elem (i32.const 0) $f) (type $t (func (result i32)))
                 (func $f (export \"evaluate\") (result i32) i32.const 0 call_indirect (type $t) i32.const 1 i32.add)",
            ),
        ),
        runs(
            "growing memory without end",
            "fuel: growing is expensive",
            FUEL,
            &evaluates("(loop i32.const 1 memory.grow drop br 0) unreachable"),
        ),
        runs(
            "more memory than there is",
            "linear memory, 1 MiB",
            Stop::Fault("sandbox.memory"),
            &evaluates("i32.const 16 memory.grow i32.const -1 i32.eq (if (then unreachable)) unreachable"),
        ),
        runs(
            "filling memory again and again",
            "fuel, charged by the byte",
            FUEL,
            &evaluates("(loop i32.const 0 i32.const 0 i32.const 60000 memory.fill br 0) unreachable"),
        ),
        runs(
            "growing a table without end",
            "fuel: growing is expensive; 10,000 elements",
            FUEL,
            &guest(
                "(table 1 funcref) (func (export \"evaluate\") (result i32)
                 (loop ref.null func i32.const 1000 table.grow drop br 0) unreachable)",
            ),
        ),
        runs(
            "a flood of calls to the host",
            "fuel: each call is charged before it runs",
            FUEL,
            &evaluates("(loop i32.const 0 i32.const 0 i32.const 64 call $get br 0) unreachable"),
        ),
        on(
            "large fields fetched again and again",
            "bytes returned by the host, 1 MiB",
            BUDGET,
            &evaluates("(loop i32.const 0 i32.const 2 i32.const 64 call $json br 0) unreachable")
                .data("/a")
                .allocator("i32.const 4096"),
            format!(r#"{{"a": "{}"}}"#, "x".repeat(50_000)),
        ),
        on(
            "the keys of a huge record",
            "keys listed at once, 10,000",
            BUDGET,
            &evaluates("i32.const 0 i32.const 0 i32.const 64 call $keys i32.const 512"),
            format!("{{{}\"z\":0}}", (0..10_001).map(|n| format!("\"{n}\":0,")).collect::<String>()),
        ),
        elsewhere(
            "fields of 100,000 levels, or of millions of values",
            "fuel, charged for the text that is parsed",
            FUEL,
            LIMITS,
            "large_and_deep_fields_are_paid_for",
        ),
    ]
}

fn traps() -> Vec<Attack> {
    const BY: &str = "wasmtime's traps";
    let table = |inside: &str| {
        guest(format!(
            "(table 2 funcref) (elem (i32.const 0) $g) (type $t (func (result i32))) (func $g)
             (func (export \"evaluate\") (result i32) {inside})"
        ))
    };
    vec![
        runs("`unreachable`", BY, TRAP, &evaluates("unreachable")),
        runs(
            "division by zero",
            BY,
            TRAP,
            &evaluates("i32.const 1 i32.const 0 i32.div_u"),
        ),
        runs(
            "a division that overflows",
            BY,
            TRAP,
            &evaluates("i32.const -2147483648 i32.const -1 i32.div_s"),
        ),
        runs(
            "NaN converted to an integer",
            BY,
            TRAP,
            &evaluates("f64.const nan i32.trunc_f64_s"),
        ),
        runs(
            "reading out of bounds",
            BY,
            TRAP,
            &evaluates("i32.const -4 i32.load"),
        ),
        runs(
            "calling an empty table element",
            BY,
            TRAP,
            &table("i32.const 1 call_indirect (type $t)"),
        ),
        runs(
            "calling a function of another type",
            BY,
            TRAP,
            &table("i32.const 0 call_indirect (type $t)"),
        ),
        runs(
            "calling beyond the end of a table",
            BY,
            TRAP,
            &table("i32.const 9 call_indirect (type $t)"),
        ),
        runs(
            "a data segment out of bounds",
            BY,
            TRAP,
            &guest(
                "(data (i32.const 65535) \"xx\") (func (export \"evaluate\") (result i32) i32.const 512)",
            ),
        ),
    ]
}

fn border() -> Vec<Attack> {
    const BY: &str = "the canonical ABI's checks";
    let lies = |name, body: &str| runs(name, BY, ABI, &evaluates(body));
    let fetch =
        || evaluates("i32.const 0 i32.const 2 i32.const 64 call $json i32.const 512").data("/a");
    let fields = || r#"{"a": "text"}"#.to_owned();
    vec![
        lies("a pointer's text out of bounds", "i32.const -1 i32.const 10 i32.const 64 call $get unreachable"),
        lies("a text of 4 GiB", "i32.const 0 i32.const -1 i32.const 64 call $get unreachable"),
        lies("a return area out of bounds", "i32.const 0 i32.const 0 i32.const -8 call $get unreachable"),
        lies("an unaligned return area", "i32.const 0 i32.const 0 i32.const 65 call $get unreachable"),
        lies(
            "a pointer that is not UTF-8",
            "i32.const 600 i32.const 255 i32.store8 i32.const 600 i32.const 1 i32.const 64 call $get unreachable",
        ),
        lies("a result out of bounds", "i32.const -8"),
        lies("an unaligned result", "i32.const 513"),
        lies("a variant that does not exist", "i32.const 512 i32.const 7 i32.store i32.const 512"),
        on("an allocator that returns memory out of bounds", BY, ABI, &fetch().allocator("i32.const -8"), fields()),
        lies(
            "an error text out of bounds",
            "i32.const 512 i32.const 1 i32.store i32.const 516 i32.const 65530 i32.store i32.const 520 i32.const 7
             i32.store i32.const 512",
        ),
        lies(
            "an error text that is not UTF-8",
            "i32.const 512 i32.const 1 i32.store i32.const 516 i32.const 600 i32.store i32.const 520 i32.const 1
             i32.store i32.const 600 i32.const 255 i32.store8 i32.const 512",
        ),
        elsewhere(
            "a lone surrogate in the fields",
            "texts are checked before they are passed",
            Stop::Fault("sandbox.bad-text"),
            LIMITS,
            "half_of_a_surrogate_pair_is_no_text",
        ),
    ]
}

fn results() -> Vec<Attack> {
    let text_of = |length: u32| {
        format!(
            "i32.const 1000 i32.const 57 i32.const 100000 i32.const 15 memory.grow drop memory.fill
             i32.const 512 i32.const 0 i32.store i32.const 516 i32.const 1000 i32.store
             i32.const 520 i32.const {length} i32.store i32.const 512"
        )
    };
    let error_of = |length: u32| {
        format!(
            "i32.const 1000 i32.const 65 i32.const 5000 memory.fill
             i32.const 512 i32.const 1 i32.store i32.const 516 i32.const 1000 i32.store
             i32.const 520 i32.const {length} i32.store i32.const 512"
        )
    };
    vec![
        runs(
            "a pointer of 1,025 bytes",
            "pointers, 1,024 bytes",
            BUDGET,
            &evaluates(
                "i32.const 1000 i32.const 47 i32.const 1025 memory.fill
                 i32.const 1000 i32.const 1025 i32.const 64 call $get unreachable",
            ),
        ),
        runs(
            "an error text of 5,000 bytes",
            "error texts, 4,096 bytes",
            BUDGET,
            &evaluates(error_of(5_000)),
        ),
        runs(
            "a result of 65,537 bytes",
            "results, 64 KiB",
            RESULT,
            &evaluates(text_of(65_537)).value(),
        ),
        runs(
            "a result that is not JSON",
            "results are parsed",
            RESULT,
            &evaluates(text_of(0)).value(),
        ),
        runs(
            "an error text with one of the sandbox's codes",
            "a guest's codes never begin with `sandbox.`",
            Stop::Fault("ConditionError"),
            &evaluates(
                "i32.const 512 i32.const 1 i32.store i32.const 516 i32.const 0 i32.store
                 i32.const 520 i32.const 12 i32.store i32.const 512",
            )
            .data("sandbox.fuel"),
        ),
    ]
}

fn neighbours() -> Vec<Attack> {
    // Each traps if an earlier evaluation left something; `i32.const 600` is a verdict of zeros,
    // which is false.
    vec![
        runs(
            "state carried from one evaluation to the next",
            "a fresh instance each time",
            Stop::Harmless,
            &guest(
                "(global $n (mut i32) (i32.const 0)) (func (export \"evaluate\") (result i32)
                   global.get $n (if (then unreachable)) i32.const 1 global.set $n
                   i32.const 60000 i32.load (if (then unreachable)) i32.const 60000 i32.const 1 i32.store
                   i32.const 600)",
            ),
        ),
        runs(
            "reading what another process's guest left in memory",
            "memory is zeroed between evaluations",
            Stop::Harmless,
            &evaluates(
                "(local i32) i32.const 15 memory.grow drop i32.const 8192 local.set 0
                 (loop local.get 0 i32.load (if (then unreachable))
                   local.get 0 i32.const 4096 i32.add local.tee 0 i32.const 1048572 i32.lt_u br_if 0)
                 i32.const 8192 i32.const 255 i32.const 1000000 memory.fill i32.const 600",
            ),
        ),
    ]
}
