//! The guests of `guest-sdk` whose toolchains are quickly installed: each is built from source and
//! passes the tables of cases, and its README's commands work in a copy elsewhere.
#![allow(clippy::unwrap_used, reason = "tests")]

use bureaucrat_sandbox::Class;
use bureaucrat_tests::guests::{Tried, follow_readme, in_a_copy, sdk, try_bindings, try_language};

fn small(language: &str) -> Tried {
    let tried = try_language(language).unwrap_or_else(|error| panic!("{language}: {error:#}"));
    println!("{language}: {tried}");
    assert_eq!(tried.class, Class::Small);
    assert!(tried.cases > 20);
    tried
}

fn bindings(language: &str) {
    let cases = try_bindings(language).unwrap_or_else(|error| panic!("{language}: {error:#}"));
    assert!(cases > 200);
}

fn readme(language: &str) {
    let printed = follow_readme(language).unwrap_or_else(|error| panic!("{language}: {error:#}"));
    assert!(printed.ends_with("true\n"), "{printed}");
}

#[test]
fn wat() {
    assert!(small("wat").bytes < 5_000);
    readme("wat");
}

#[test]
fn c() {
    assert!(small("c").bytes < 10_000);
    bindings("c");
    readme("c");
}

#[test]
fn cpp() {
    assert!(small("cpp").bytes < 10_000);
    bindings("cpp");
    readme("cpp");
}

#[test]
fn zig() {
    assert!(small("zig").bytes < 10_000);
    bindings("zig");
    readme("zig");
}

#[test]
fn assemblyscript() {
    assert!(small("assemblyscript").bytes < 10_000);
    bindings("assemblyscript");
    readme("assemblyscript");
}

#[test]
fn rust() {
    small("rust");
    bindings("rust");
    readme("rust");
}

#[test]
fn rust_no_std() {
    assert!(small("rust-no-std").bytes < 20_000);
}

#[test]
fn build_works_outside_of_the_repository() {
    let commands = "export BUREAUCRAT_CACHE=$PWD/none
        guest-sdk/build c risk.core.wasm
        bureaucrat module build risk.core.wasm --world condition -o risk.wasm
        bureaucrat module run risk.wasm is-foreign --fields '{\"order\": {\"country\": \"BE\"}}'";
    let printed = in_a_copy(commands).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(printed.ends_with("true\n"), "{printed}");
}

/// Some templates need the contract and the world next to them, where their tools look for it.
#[test]
fn copies_of_wit_are_the_same() {
    for file in [
        "javascript/template/wit/deps/condition/condition.wit",
        "python/template/wit/deps/condition/condition.wit",
        "javascript/template/wit/risk.wit",
        "python/template/wit/risk.wit",
        "go/template/risk.wit",
    ] {
        let original = file.rsplit('/').next().unwrap();
        let read = |path: &str| std::fs::read_to_string(sdk().join(path)).unwrap();
        assert_eq!(read(file), read(&format!("wit/{original}")), "{file}");
    }
}
