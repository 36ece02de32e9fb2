//! Each fault code of the sandbox: incident, export, replay.

use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    attacks::wat::{Guest, evaluates, guest},
    operating::Operated,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Codes that no evaluation of a running engine ends with, and why.
const NO_OUTCOME: [&str; 2] = [
    // The machine was too slow: the process is parked, and the evaluation has no outcome.
    "sandbox.deadline",
    // A definition whose module lacks a function is refused when it is launched.
    "sandbox.no-function",
];

/// What ends an evaluation with a code.
struct Case {
    code: &'static str,
    definition: String,
    fields: &'static str,
}

/// A definition with a condition that is a function of this guest.
fn condition(code: &'static str, guest: &Guest) -> Case {
    let module = definitions_module(guest);
    Case {
        code,
        definition: format!(
            r#"<process name="m" on-fault="incident">{module}<switch><case><condition module="m"/><action participant="nobody"/></case></switch></process>"#
        ),
        fields: "{}",
    }
}

fn definitions_module(guest: &Guest) -> String {
    super::definitions::module("m", &guest.component())
}

fn cases() -> Vec<Case> {
    let out_of_memory =
        "i32.const 16 memory.grow i32.const -1 i32.eq (if (then unreachable)) unreachable";
    let out_of_table = "(table $t 1 funcref) (func (export \"evaluate\") (result i32)
        ref.null func i32.const 10000 table.grow $t i32.const -1 i32.eq (if (then unreachable)) i32.const 512)";
    let recursion = "(func $f (export \"evaluate\") (result i32) call $f i32.const 1 i32.add)";
    let many_calls = "(loop i32.const 0 i32.const 0 i32.const 64 call $get br 0) unreachable";
    let long_pointer = "i32.const 1000 i32.const 47 i32.const 1025 memory.fill
        i32.const 1000 i32.const 1025 i32.const 64 call $get unreachable";
    let mut cases = vec![
        condition("sandbox.trap", &evaluates("unreachable")),
        condition("sandbox.fuel", &evaluates("(loop br 0) unreachable")),
        condition("sandbox.memory", &evaluates(out_of_memory)),
        condition("sandbox.table", &guest(out_of_table)),
        condition("sandbox.stack", &guest(recursion)),
        condition("sandbox.host-calls", &evaluates(many_calls)),
        condition("sandbox.host-budget", &evaluates(long_pointer)),
        condition("sandbox.abi", &evaluates("i32.const -8")),
        half_a_character(),
    ];
    // Not the sandbox's own: an error of an expression.
    let inline = |code, expression: &str, fields| Case {
        code,
        definition: format!(
            r#"<process name="e" on-fault="incident"><assign property="x">{expression}</assign></process>"#
        ),
        fields,
    };
    cases.push(inline(
        "sandbox.result",
        "context['s'] * 10000",
        r#"{"s": "long text"}"#,
    ));
    cases.push(inline(
        "KeyError",
        "context['card']['limit'] + 1",
        r#"{"card": {"number": "4111"}}"#,
    ));
    cases
}

/// Messages with half of a surrogate pair are refused, so only a module brings one into the fields.
fn half_a_character() -> Case {
    let gives = "(func (export \"evaluate\") (result i32)
        i32.const 512 i32.const 0 i32.store i32.const 516 i32.const 0 i32.store
        i32.const 520 i32.const 8 i32.store i32.const 512)";
    let gives = guest(gives).value().data("\\22\\5cud800\\22").component();
    let gives = super::definitions::module("gives", &gives);
    let reads = "i32.const 0 i32.const 2 i32.const 64 call $get i32.const 512";
    let case = condition("sandbox.bad-text", &evaluates(reads).data("/a"));
    let assigned = format!("{gives}<assign property=\"a\" module=\"gives\"/><switch>");
    Case {
        definition: case.definition.replace("<switch>", &assigned),
        ..case
    }
}

/// The codes of the sandbox, from its source.
fn codes_of_the_sandbox() -> BTreeSet<String> {
    let source = include_str!("../../../runtime/sandbox/src/outcome.rs");
    let lines = source.lines().map(str::trim);
    let codes = lines.filter(|line| line.starts_with("pub const ") && line.contains(": &str"));
    codes
        .filter_map(|line| Some(line.split('"').nth(1)?.to_owned()))
        .filter(|code| code.starts_with("sandbox."))
        .collect()
}

#[test]
fn each_code_has_a_case() {
    let codes = codes_of_the_sandbox();
    assert!(codes.len() >= 12, "{codes:?}");
    let cases = cases();
    let cased = cases.iter().map(|case| case.code).chain(NO_OUTCOME);
    let cased: BTreeSet<String> = cased.map(str::to_owned).collect();
    let missing: Vec<_> = codes.difference(&cased).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn each_incident_is_replayed_to_the_same_outcome_and_fuel() -> Result<()> {
    let mut operated = Operated::new("incidents", &[])?;
    operated.limits("host_calls = 1000")?;
    operated.start()?;
    let mut exported = Vec::new();
    for case in cases() {
        let process = operated.launch_with(&case.definition, case.fields)?;
        let shown = operated.until(&process, "incident")?;
        let found = &shown["waits"][0]["waits_for"]["fault"]["code"];
        ensure!(found == case.code, "{}: {shown}", case.code);
        exported.push((case.code, process, fuel_in_history(&shown)?));
    }
    // What is kept is on disk.
    operated.engine.kill()?;
    operated.start()?;
    let mut files = Vec::new();
    for (code, process, fuel) in exported {
        let file = operated.path(&format!("{code}.tar"));
        let file = file.to_str().context("a path in UTF-8")?.to_owned();
        let told = operated.json(0, &["incident", "export", &process, "-o", &file, "--json"])?;
        ensure!(told["parts"] == 1, "{told}");
        files.push((code, file, fuel));
    }
    operated.end()?;
    operated.is_clean(&operated.engine.storage())?;
    for (code, file, fuel) in files {
        let replayed = operated.json(0, &["replay", &file, "--json"])?;
        let part = &replayed["parts"][0];
        ensure!(replayed["same"] == true, "{code}: {replayed}");
        ensure!(
            part["verdict"] == "same" && part["fuel"] == "same",
            "{code}: {replayed}"
        );
        for time in ["then", "now"] {
            let outcome = part[time]["outcome"].as_str().unwrap_or_default();
            ensure!(outcome.starts_with(code), "{code}: {replayed}");
            ensure!(
                part[time]["fuel"].as_u64() == Some(fuel),
                "{code}: {fuel}: {replayed}"
            );
        }
    }
    Ok(())
}

/// The fuel of the last evaluation that the history has.
fn fuel_in_history(shown: &Value) -> Result<u64> {
    let history = shown["history"].as_array().context("a history")?;
    let mut fuels = history.iter().filter_map(|entry| entry["fuel"].as_u64());
    fuels
        .next_back()
        .with_context(|| format!("no evaluation: {shown}"))
}
