//! The guests of `guest-sdk` whose toolchains are quickly installed: each is built from source and passes one table of cases.
#![allow(clippy::unwrap_used, reason = "tests")]

use bureaucrat_sandbox::Class;
use bureaucrat_tests::guests::{Tried, try_language};

fn small(language: &str) -> Tried {
    let tried = try_language(language).unwrap_or_else(|error| panic!("{language}: {error:#}"));
    println!("{language}: {tried}");
    assert_eq!(tried.class, Class::Small);
    assert!(tried.cases > 20);
    tried
}

#[test]
fn wat() {
    small("wat");
}

#[test]
fn c() {
    assert!(small("c").bytes < 10_000);
}

#[test]
fn cpp() {
    assert!(small("cpp").bytes < 10_000);
}

#[test]
fn zig() {
    assert!(small("zig").bytes < 10_000);
}

#[test]
fn assemblyscript() {
    assert!(small("assemblyscript").bytes < 10_000);
}

#[test]
fn rust() {
    small("rust");
}

#[test]
fn rust_no_std() {
    assert!(small("rust-no-std").bytes < 20_000);
}
