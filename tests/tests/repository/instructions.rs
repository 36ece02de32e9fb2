//! Where instructions of the engine are named: a new one touches few files, which ARCHITECTURE.md lists.

use super::files::{none, read, with_extension};
use std::collections::BTreeSet;

/// What every instruction is named in.
const EACH: [&str; 5] = [
    "runtime/definition/src/disassemble.rs",
    "runtime/engine/src/migrating/structure.rs",
    "runtime/engine/src/ops/mod.rs",
    "runtime/model/src/op.rs",
    "runtime/policy/src/profile.rs",
];
/// Where instructions are made.
const EMITTED: &str = "runtime/definition/src/emit";
/// The only other files that name instructions: those that have something to do beside being run.
const SOME: [&str; 29] = [
    "runtime/definition/src/disassemble/sending.rs",
    "runtime/engine/src/choosing.rs",
    "runtime/engine/src/ending.rs",
    "runtime/engine/src/input.rs",
    "runtime/engine/src/input/finding.rs",
    "runtime/engine/src/migrating/mapping.rs",
    "runtime/engine/src/modifying.rs",
    "runtime/engine/src/modifying/places.rs",
    "runtime/engine/src/ops/action.rs",
    "runtime/engine/src/ops/action/again.rs",
    "runtime/engine/src/ops/await_event.rs",
    "runtime/engine/src/ops/call.rs",
    "runtime/engine/src/ops/fork.rs",
    "runtime/engine/src/ops/listen.rs",
    "runtime/engine/src/ops/listen/arriving.rs",
    "runtime/engine/src/ops/retry.rs",
    "runtime/engine/src/ops/scope.rs",
    "runtime/engine/src/ops/send.rs",
    "runtime/engine/src/ops/try_again.rs",
    "runtime/engine/src/pending.rs",
    "runtime/engine/src/sticking.rs",
    "runtime/engine/src/stopping.rs",
    "runtime/engine/src/surroundings.rs",
    "runtime/engine/src/throwing.rs",
    "runtime/host/src/definitions/routing.rs",
    "runtime/host/src/operate/audit/waits.rs",
    "runtime/host/src/operate/waiting.rs",
    "runtime/host/src/plan/tasks.rs",
    "runtime/model/src/leads.rs",
];
/// Instructions that nothing but the files for every instruction knows.
const PLAIN: [&str; 8] = [
    "Collect",
    "Constant",
    "Deadline",
    "Declare",
    "EnterItems",
    "Forget",
    "Store",
    "StoreCollected",
];

/// The instructions, as the model lists them.
fn instructions() -> BTreeSet<String> {
    let text = read("runtime/model/src/op.rs");
    let (_, variants) = text.split_once("pub enum Op {\n").unwrap();
    let (variants, _) = variants.split_once("\n}\n").unwrap();
    let variants = variants
        .lines()
        .filter_map(|line| line.strip_prefix("    "));
    let names = variants.map(|line| line.split([' ', ',', '{', '(']).next().unwrap_or_default());
    names
        .filter(|name| name.starts_with(char::is_uppercase))
        .map(str::to_owned)
        .collect()
}

/// The instructions that a file names.
fn named(file: &str, text: &str, all: &BTreeSet<String>) -> BTreeSet<String> {
    let starts: &[&str] = match file {
        // In the methods of an instruction.
        "runtime/model/src/op.rs" | "runtime/model/src/leads.rs" => &["Op::", "Self::"],
        _ => &["Op::"],
    };
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == ':' || c == '_'));
    let names = words.filter_map(|word| starts.iter().find_map(|start| word.strip_prefix(start)));
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    &names & all
}

#[test]
fn a_new_instruction_touches_few_files() {
    let all = instructions();
    assert!(
        all.len() >= 30 && PLAIN.iter().all(|name| all.contains(*name)),
        "{all:?}"
    );
    let mut problems = Vec::new();
    let (mut some, mut seen): (BTreeSet<&str>, BTreeSet<String>) = (SOME.into(), BTreeSet::new());
    for (file, text) in with_extension("runtime", "rs") {
        let is_source = file.contains("/src/");
        let names = named(&file, &text, &all);
        if !is_source || names.is_empty() || file.starts_with("runtime/expression/") {
            continue;
        }
        let missing = &all - &names;
        if file.starts_with(EMITTED) {
            seen.extend(names);
        } else if EACH.contains(&file.as_str()) {
            if file != "runtime/model/src/op.rs" && !missing.is_empty() {
                problems.push(format!("{file} does not name {missing:?}"));
            }
        } else if !some.remove(file.as_str()) {
            problems.push(format!("{file} names instructions: {names:?}"));
        } else if let Some(plain) = PLAIN.iter().find(|name| names.contains(**name)) {
            problems.push(format!("{file} names {plain}, which is said to be plain"));
        }
    }
    let unmade = &all - &seen;
    problems.extend(
        unmade
            .iter()
            .map(|name| format!("{name} is made nowhere in {EMITTED}")),
    );
    problems.extend(
        some.iter()
            .map(|file| format!("{file} names no instruction any more")),
    );
    none(&problems);
}
