//! Every limit on an evaluation, each with its code.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use bureaucrat_sandbox::{Outcome, Sandbox, SandboxLimits, build_module};
use common::{Returns, code, component, component_of, config, run, sandbox, verdict};

/// The fault code of a guest with one verdict with this body.
fn code_of(sandbox: &Sandbox, body: &str) -> String {
    code(&run(sandbox, &verdict(body), "{}").outcome).to_owned()
}

#[test]
fn endless_work_runs_out_of_fuel() {
    let sandbox = sandbox();
    let limit = sandbox.limits().fuel;
    for body in [
        "(loop br 0) unreachable",
        // Host calls, which charge more than they cost.
        "(loop i32.const 0 i32.const 0 i32.const 64 call $get br 0) unreachable",
        "(loop i32.const 0 i32.const 1 i32.const 64 call $json br 0) unreachable",
        // Growing and failing to grow.
        "(loop i32.const 1 memory.grow drop br 0) unreachable",
        "(loop i32.const 0 i32.const 0 i32.const 60000 memory.fill br 0) unreachable",
    ] {
        let evaluated = run(&sandbox, &verdict(body), "{}");
        assert_eq!(code(&evaluated.outcome), "sandbox.fuel", "{body}");
        assert_eq!(evaluated.fuel, limit, "{body}");
    }
}

#[test]
fn memory_ends_at_its_bound() {
    let sandbox = sandbox();
    // Denied, noticed, and continued without it.
    let body = "i32.const 512 i32.const 0 i32.store
                i32.const 516 i32.const 100 memory.grow i32.const -1 i32.eq i32.store8
                i32.const 512";
    let evaluated = run(&sandbox, &verdict(body), "{}");
    assert_eq!(evaluated.outcome, Outcome::Verdict(true));
    assert_eq!(evaluated.memory_bytes, 65_536);
    // Denied, and gave up.
    assert_eq!(
        code_of(
            &sandbox,
            "i32.const 16 memory.grow i32.const -1 i32.eq (if (then unreachable)) unreachable"
        ),
        "sandbox.memory"
    );
    // All of the available memory can be used.
    let evaluated = run(
        &sandbox,
        &verdict("i32.const 15 memory.grow drop i32.const 1024"),
        "{}",
    );
    assert_eq!(evaluated.outcome, Outcome::Verdict(false));
    assert_eq!(evaluated.memory_bytes, 1 << 20);
}

#[test]
fn what_is_refused_is_told_and_does_not_count_as_used() {
    // As compilers write it: a memory without a maximum.
    let core = r#"(module (memory (export "memory") 1)
        (func (export "evaluate") (result i32) i32.const 2000 memory.grow drop unreachable))"#;
    let component = build_module(&wat::parse_str(core).unwrap(), None, None).unwrap();
    let evaluated = run(&sandbox(), &component, "{}");
    assert_eq!(code(&evaluated.outcome), "sandbox.memory");
    assert_eq!(evaluated.memory_bytes, 65_536);
}

#[test]
fn traps_have_their_kind_in_words() {
    let sandbox = sandbox();
    for (body, code_expected, words) in [
        ("unreachable", "sandbox.trap", "unreachable"),
        (
            "i32.const 1 i32.const 0 i32.div_u",
            "sandbox.trap",
            "divide by zero",
        ),
        (
            "i32.const -2147483648 i32.const -1 i32.div_s",
            "sandbox.trap",
            "integer overflow",
        ),
        (
            "f64.const nan i32.trunc_f64_s",
            "sandbox.trap",
            "conversion to integer",
        ),
        (
            "i32.const -4 i32.load",
            "sandbox.trap",
            "out of bounds memory",
        ),
    ] {
        let outcome = run(&sandbox, &verdict(body), "{}").outcome;
        assert_eq!(code(&outcome), code_expected, "{body}");
        let Outcome::Fault { message, .. } = outcome else {
            unreachable!()
        };
        assert!(message.contains(words), "{message}");
    }
    let table = component(
        "",
        "(table 2 funcref) (type $t (func (result i32)))
         (func (export \"evaluate\") (result i32) i32.const 1 call_indirect (type $t))",
        &[("evaluate", Returns::Verdict)],
    );
    assert_eq!(code(&run(&sandbox, &table, "{}").outcome), "sandbox.trap");
    let recursion = component(
        "",
        "(func $f (export \"evaluate\") (result i32) call $f i32.const 1 i32.add)",
        &[("evaluate", Returns::Verdict)],
    );
    assert_eq!(
        code(&run(&sandbox, &recursion, "{}").outcome),
        "sandbox.stack"
    );
}

#[test]
fn the_canonical_abi_is_enforced() {
    let sandbox = sandbox();
    for body in [
        // A pointer's text out of bounds.
        "i32.const -1 i32.const 10 i32.const 64 call $get unreachable",
        "i32.const 0 i32.const -1 i32.const 64 call $get unreachable",
        // A return area out of bounds, or not aligned.
        "i32.const 0 i32.const 0 i32.const -8 call $get unreachable",
        "i32.const 0 i32.const 0 i32.const 65 call $get unreachable",
        // Not UTF-8.
        "i32.const 600 i32.const 255 i32.store8 i32.const 600 i32.const 1 i32.const 64 call $get unreachable",
        // The result out of bounds, not aligned, an unknown variant.
        "i32.const -8",
        "i32.const 513",
        "i32.const 512 i32.const 7 i32.store i32.const 512",
        // An error text out of bounds, and one that is not UTF-8.
        "i32.const 512 i32.const 1 i32.store i32.const 516 i32.const 65530 i32.store i32.const 520 i32.const 7 i32.store
         i32.const 512",
        "i32.const 512 i32.const 1 i32.store i32.const 516 i32.const 600 i32.store i32.const 520 i32.const 1 i32.store
         i32.const 600 i32.const 255 i32.store8 i32.const 512",
    ] {
        assert_eq!(code_of(&sandbox, body), "sandbox.abi", "{body}");
    }
}

#[test]
fn what_passes_between_guest_and_host_is_bounded() {
    let sandbox = sandbox();
    let over = |body: &str| code_of(&sandbox, body);
    // A pointer that is too long.
    let long_pointer = "i32.const 1000 i32.const 47 i32.const 1025 memory.fill
         i32.const 1000 i32.const 1025 i32.const 64 call $get unreachable";
    assert_eq!(over(long_pointer), "sandbox.host-budget");
    // An error text that is too long.
    let long_error = "i32.const 1000 i32.const 65 i32.const 5000 memory.fill
         i32.const 512 i32.const 1 i32.store i32.const 516 i32.const 1000 i32.store i32.const 520 i32.const 5000 i32.store
         i32.const 512";
    assert_eq!(over(long_error), "sandbox.host-budget");

    let tight = Sandbox::new(config(SandboxLimits {
        host_bytes_returned: 1_000,
        keys: 3,
        result_bytes: 10,
        ..SandboxLimits::default()
    }))
    .unwrap();
    let fields = format!(r#"{{"a": "{}", "b": 1, "c": 2, "d": 3}}"#, "x".repeat(600));
    let call = |function: &str, length: u32, times: u32| {
        let one = format!("i32.const 0 i32.const {length} i32.const 64 call ${function} ");
        let body = format!("{} i32.const 512", one.repeat(times as usize));
        let guest = component(
            "/a",
            &format!("(func (export \"evaluate\") (result i32) {body})"),
            &[("evaluate", Returns::Verdict)],
        );
        run(&tight, &guest, &fields).outcome
    };
    assert_eq!(call("get", 2, 1), Outcome::Verdict(false));
    assert_eq!(code(&call("get", 2, 2)), "sandbox.host-budget");
    assert_eq!(call("json", 2, 1), Outcome::Verdict(false));
    assert_eq!(code(&call("json", 2, 2)), "sandbox.host-budget");
    assert_eq!(code(&call("keys", 0, 1)), "sandbox.host-budget");

    let value = |length: u32| {
        let guest = component(
            "123456789012345",
            &format!(
                "(func (export \"evaluate\") (result i32)
                   i32.const 512 i32.const 0 i32.store i32.const 516 i32.const 0 i32.store
                   i32.const 520 i32.const {length} i32.store i32.const 512)"
            ),
            &[("evaluate", Returns::Value)],
        );
        run(&tight, &guest, "{}").outcome
    };
    assert_eq!(value(10), Outcome::Value("1234567890".to_owned()));
    assert_eq!(code(&value(11)), "sandbox.result");
    assert_eq!(code(&value(0)), "sandbox.result");
}

#[test]
fn start_functions_and_the_guests_allocator_are_bounded_too() {
    let sandbox = sandbox();
    let starting = |body: &str| {
        let guest = component(
            "",
            &format!(
                "(func $s {body}) (start $s) (func (export \"evaluate\") (result i32) i32.const 512)"
            ),
            &[("evaluate", Returns::Verdict)],
        );
        code(&run(&sandbox, &guest, "{}").outcome).to_owned()
    };
    assert_eq!(starting("(loop br 0)"), "sandbox.fuel");
    assert_eq!(starting("unreachable"), "sandbox.trap");
    // A data segment out of bounds.
    let outside = component(
        "",
        "(data (i32.const 65535) \"xx\") (func (export \"evaluate\") (result i32) i32.const 512)",
        &[("evaluate", Returns::Verdict)],
    );
    assert_eq!(code(&run(&sandbox, &outside, "{}").outcome), "sandbox.trap");
    // The allocator returns memory out of bounds.
    let small = component_of(
        "(memory (export \"memory\") 1 1)",
        "/a",
        "(func (export \"evaluate\") (result i32) i32.const 0 i32.const 2 i32.const 64 call $json i32.const 512)",
        &[("evaluate", Returns::Verdict)],
    );
    let fields = format!(r#"{{"a": "{}"}}"#, "x".repeat(70_000));
    assert_eq!(code(&run(&sandbox, &small, &fields).outcome), "sandbox.abi");
}

#[test]
fn large_and_deep_fields_are_paid_for() {
    let sandbox = sandbox();
    let guest = component(
        "/a/0/0/0",
        "(func (export \"evaluate\") (result i32)
           i32.const 0 i32.const 8 i32.const 64 call $get
           i32.const 512 i32.const 0 i32.store
           i32.const 516 i32.const 72 i32.load8_u i32.const 6 i32.eq i32.store8
           i32.const 512)",
        &[("evaluate", Returns::Verdict)],
    );
    // Far deeper than a recursive parser could go.
    let deep = format!(r#"{{"a": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let evaluated = run(&sandbox, &guest, &deep);
    assert_eq!(evaluated.outcome, Outcome::Verdict(true));
    assert!(evaluated.fuel > 1_000_000);
    let wide = format!(r#"{{"a": [{}1]}}"#, "1,".repeat(3_000_000));
    assert_eq!(code(&run(&sandbox, &guest, &wide).outcome), "sandbox.fuel");
}

#[test]
fn half_of_a_surrogate_pair_is_no_text() {
    let sandbox = sandbox();
    let guest = component(
        "/a/b",
        "(func (export \"evaluate\") (result i32) i32.const 0 i32.const 2 i32.const 64 call $get i32.const 512)
         (func (export \"inside\") (result i32) i32.const 0 i32.const 4 i32.const 64 call $get i32.const 512)",
        &[("evaluate", Returns::Verdict), ("inside", Returns::Verdict)],
    );
    assert_eq!(
        code(&run(&sandbox, &guest, r#"{"a": "\ud800"}"#).outcome),
        "sandbox.bad-text"
    );
    assert_eq!(
        code(&run(&sandbox, &guest, r#"{"a": {"\udc00": 1}}"#).outcome),
        "sandbox.bad-text"
    );
    // What does not have to be read does not matter.
    assert_eq!(
        run(&sandbox, &guest, r#"{"b": "\ud800"}"#).outcome,
        Outcome::Verdict(false)
    );
}

#[test]
fn not_a_number_has_one_form() {
    let sandbox = sandbox();
    let body = "(local f64) f64.const 0 f64.const 0 f64.div f64.neg local.set 0
        i32.const 512 i32.const 0 i32.store
        i32.const 516 local.get 0 f64.const 1 f64.add i64.reinterpret_f64 i64.const 0x7ff8000000000000 i64.eq i32.store8
        i32.const 512";
    assert_eq!(
        run(&sandbox, &verdict(body), "{}").outcome,
        Outcome::Verdict(true)
    );
}
