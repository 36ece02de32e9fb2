//! Budgets below the sandbox's own limits, and the limits on counts: host calls, table elements,
//! instances.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use bureaucrat_model::Fields;
use bureaucrat_sandbox::{Budget, LoadError, Outcome, Sandbox, SandboxLimits};
use common::{Returns, code, component, config, sandbox, verdict};

#[test]
fn a_budget_bounds_fuel_and_memory_below_the_sandbox() {
    let sandbox = sandbox();
    let within = |guest: &[u8], budget| {
        let guest = sandbox.load_module(guest).unwrap();
        sandbox.evaluate_within(&guest, "evaluate", Fields::new(), budget)
    };
    let fuel = |fuel| Budget {
        fuel,
        ..Budget::FULL
    };
    let endless = verdict("(loop br 0) unreachable");
    let evaluated = within(&endless, fuel(1_000));
    assert_eq!(code(&evaluated.outcome), "sandbox.fuel");
    assert_eq!(evaluated.fuel, 1_000);
    let most = sandbox.limits().fuel;
    assert_eq!(within(&endless, Budget::FULL).fuel, most);
    // If it is enough, more changes nothing.
    let simple = verdict("i32.const 1024");
    let (little, full) = (within(&simple, fuel(1_000)), within(&simple, Budget::FULL));
    assert_eq!(
        (little.fuel, little.outcome),
        (full.fuel, full.outcome.clone())
    );
    assert_eq!(full.outcome, Outcome::Verdict(false));

    let memory = |memory_bytes| Budget {
        memory_bytes,
        ..Budget::FULL
    };
    let grows = verdict(
        "i32.const 1 memory.grow i32.const -1 i32.eq (if (then unreachable)) i32.const 1024",
    );
    assert_eq!(
        within(&grows, memory(131_072)).outcome,
        Outcome::Verdict(false)
    );
    assert_eq!(
        code(&within(&grows, memory(131_071)).outcome),
        "sandbox.memory"
    );
    // A memory that is too large from the start is the guest's fault, not the machine's.
    assert_eq!(
        code(&within(&simple, memory(65_535)).outcome),
        "sandbox.memory"
    );
}

#[test]
fn calls_of_the_host_are_counted() {
    let sandbox = Sandbox::new(config(SandboxLimits {
        host_calls: 20,
        ..SandboxLimits::default()
    }))
    .unwrap();
    let calls = |times: u32| {
        verdict(&format!(
            "(local i32) i32.const {times} local.set 0
             (loop i32.const 0 i32.const 0 i32.const 64 call $get
               local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0)
             i32.const 1024"
        ))
    };
    let within = |times, host_calls| {
        let budget = Budget {
            host_calls,
            ..Budget::FULL
        };
        let guest = sandbox.load_module(&calls(times)).unwrap();
        sandbox
            .evaluate_within(&guest, "evaluate", Fields::new(), budget)
            .outcome
    };
    assert_eq!(within(10, 10), Outcome::Verdict(false));
    assert_eq!(code(&within(11, 10)), "sandbox.host-calls");
    // Without a budget the sandbox's own limit applies.
    assert_eq!(within(20, u64::MAX), Outcome::Verdict(false));
    assert_eq!(code(&within(21, u64::MAX)), "sandbox.host-calls");
}

#[test]
fn tables_end_at_their_bound() {
    let sandbox = sandbox();
    let table = |begins: u32, grows: u32| {
        let code = format!(
            "(table $t {begins} funcref)
             (func (export \"evaluate\") (result i32)
               ref.null func i32.const {grows} table.grow $t i32.const -1 i32.eq (if (then unreachable))
               i32.const 1024)"
        );
        component("", &code, &[("evaluate", Returns::Verdict)])
    };
    let within = |guest: &[u8], table_elements| {
        let budget = Budget {
            table_elements,
            ..Budget::FULL
        };
        let guest = sandbox.load_module(guest).unwrap();
        sandbox
            .evaluate_within(&guest, "evaluate", Fields::new(), budget)
            .outcome
    };
    let own = u64::MAX;
    assert_eq!(within(&table(1, 9_999), own), Outcome::Verdict(false));
    assert_eq!(code(&within(&table(1, 10_000), own)), "sandbox.table");
    assert_eq!(within(&table(1, 9), 10), Outcome::Verdict(false));
    assert_eq!(code(&within(&table(1, 10), 10)), "sandbox.table");
    // A table that is too large from the start is the guest's fault too.
    assert_eq!(code(&within(&table(11, 0), 10)), "sandbox.table");
    let text = within(&table(1, 10), 10);
    let Outcome::Fault { message, .. } = text else {
        unreachable!()
    };
    assert!(
        message.contains("a table of 11 elements was refused"),
        "{message}"
    );
}

#[test]
fn instances_and_what_goes_back_have_bounds_of_their_own() {
    let few = Sandbox::new(config(SandboxLimits {
        instances: 1,
        ..SandboxLimits::default()
    }))
    .unwrap();
    // The memory and the main module make two.
    let refused = few.load_module(&verdict("i32.const 1024")).unwrap_err();
    let LoadError::Refused(refusal) = refused else {
        panic!("{refused}")
    };
    assert_eq!(refusal.code(), "module.runtime-class");
    let sandbox = sandbox();
    let guest = component(
        "/a",
        "(func (export \"evaluate\") (result i32) i32.const 0 i32.const 2 i32.const 64 call $json i32.const 1024)",
        &[("evaluate", Returns::Verdict)],
    );
    let guest = sandbox.load_module(&guest).unwrap();
    let fields = Fields::parse(r#"{"a": "0123456789"}"#).unwrap();
    let within = |host_bytes_returned| {
        let budget = Budget {
            host_bytes_returned,
            ..Budget::FULL
        };
        sandbox
            .evaluate_within(&guest, "evaluate", &fields, budget)
            .outcome
    };
    assert_eq!(within(12), Outcome::Verdict(false));
    assert_eq!(code(&within(11)), "sandbox.host-budget");
}
