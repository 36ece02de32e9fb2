//! The names of the functions and methods that an expression may call: for tests, which compare
//! documentation and generated expressions with them, and for messages.

use std::collections::BTreeSet;

use crate::check;

/// The classes whose methods make dates.
const CLASSES: &[&str] = &["date", "datetime", "time"];

/// The attributes, which only dates have.
pub fn attributes() -> BTreeSet<&'static str> {
    let attributes = check::dates::ATTRIBUTES.iter();
    attributes.map(|attribute| attribute.name).collect()
}

/// The functions, including those whose result can only be iterated (`range`, `zip`).
pub fn functions() -> BTreeSet<&'static str> {
    let all = check::FUNCTIONS.iter().chain(check::STREAMS);
    let makers = check::dates::makers("");
    all.copied().chain(makers).collect()
}

/// The methods, including those of dicts whose result can only be iterated (`items`).
pub fn methods() -> BTreeSet<&'static str> {
    let views = check::VIEWS.iter().map(|(name, _)| *name);
    let methods = check::methods::METHODS.iter().map(|method| method.name);
    let dated = check::dates::METHODS.iter().map(|method| method.name);
    let made = CLASSES.iter().flat_map(|class| check::dates::makers(class));
    methods
        .chain(views)
        .chain(["format"])
        .chain(dated)
        .chain(made)
        .collect()
}

pub(crate) fn is_function(name: &str) -> bool {
    let made = || check::dates::makers("").any(|maker| maker == name);
    check::FUNCTIONS.contains(&name) || check::STREAMS.contains(&name) || made()
}

pub(crate) fn is_attribute(name: &str) -> bool {
    let mut attributes = check::dates::ATTRIBUTES.iter();
    attributes.any(|attribute| attribute.name == name)
}

/// Whether dates have a method of this name, and texts have none.
pub(crate) fn is_dated_method(name: &str) -> bool {
    let mut methods = check::dates::METHODS.iter();
    methods.any(|method| method.name == name) && name != "replace"
}

pub(crate) fn is_method(name: &str) -> bool {
    let views = check::VIEWS.iter().any(|(view, _)| *view == name);
    let methods = &check::methods::METHODS;
    let dated = || {
        check::dates::METHODS
            .iter()
            .any(|method| method.name == name)
    };
    let of_text = || methods.iter().any(|method| method.name == name);
    let made = || {
        CLASSES
            .iter()
            .any(|class| check::dates::makers(class).any(|maker| maker == name))
    };
    views || name == "format" || of_text() || dated() || made()
}
