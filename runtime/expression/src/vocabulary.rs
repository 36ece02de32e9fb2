//! The names of the functions and methods that an expression may call: for tests, which compare
//! documentation and generated expressions with them, and for messages.

use std::collections::BTreeSet;

use crate::check;

/// The functions, including those whose result can only be iterated (`range`, `zip`).
pub fn functions() -> BTreeSet<&'static str> {
    let all = check::FUNCTIONS.iter().chain(check::STREAMS);
    all.copied().collect()
}

/// The methods, including those of dicts whose result can only be iterated (`items`).
pub fn methods() -> BTreeSet<&'static str> {
    let views = check::VIEWS.iter().map(|(name, _)| *name);
    let methods = check::methods::METHODS.iter().map(|method| method.name);
    methods.chain(views).chain(["format"]).collect()
}

pub(crate) fn is_function(name: &str) -> bool {
    check::FUNCTIONS.contains(&name) || check::STREAMS.contains(&name)
}

pub(crate) fn is_method(name: &str) -> bool {
    let views = check::VIEWS.iter().any(|(view, _)| *view == name);
    let methods = &check::methods::METHODS;
    views || name == "format" || methods.iter().any(|method| method.name == name)
}
