//! The guests of `guest-sdk` with a language runtime inside, whose toolchains are large: each is
//! built from source and passes the tables of cases, natively as well, and its README's commands
//! work in a copy elsewhere. Only with `BUREAUCRAT_SLOW_GUESTS`: scripts/test --all.
#![allow(clippy::unwrap_used, reason = "tests")]

use bureaucrat_sandbox::Class;
use bureaucrat_tests::guests::{follow_readme, native_tests, try_bindings, try_language};

fn runtime(language: &str) {
    if std::env::var_os("BUREAUCRAT_SLOW_GUESTS").is_none() {
        println!("NOT RUN: {language}, whose toolchain is large; scripts/test --all runs it");
        return;
    }
    let tried = try_language(language).unwrap_or_else(|error| panic!("{language}: {error:#}"));
    println!("{language}: {tried}");
    assert_eq!(tried.class, Class::Runtime);
    let cases = try_bindings(language).unwrap_or_else(|error| panic!("{language}: {error:#}"));
    assert!(cases > 200);
    native_tests(language).unwrap_or_else(|error| panic!("{language}: {error:#}"));
    follow_readme(language).unwrap_or_else(|error| panic!("{language}: {error:#}"));
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
