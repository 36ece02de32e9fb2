//! The guests of `guest-sdk` with a language runtime inside, whose toolchains are large: each is built from source and passes
//! one table of cases. Behind the feature `slow-guests`: scripts/test --all.
#![cfg(feature = "slow-guests")]
#![allow(clippy::unwrap_used, reason = "tests")]

use bureaucrat_sandbox::Class;
use bureaucrat_tests::guests::try_language;

fn runtime(language: &str) {
    let tried = try_language(language).unwrap_or_else(|error| panic!("{language}: {error:#}"));
    println!("{language}: {tried}");
    assert_eq!(tried.class, Class::Runtime);
}

#[test]
fn go() {
    runtime("go");
}

#[test]
fn javascript() {
    runtime("javascript");
}

#[test]
fn python() {
    runtime("python");
}
