//! The reserved fields, whose names begin with `inst:`: what exists, and what was probably meant.
//!
//! They are read like all fields, at their JSON pointers. Whether one has a value where an
//! expression is evaluated is up to the host; which names exist is fixed, so other names are
//! refused when an expression is checked.

use crate::nearest::nearest;

pub(crate) const PREFIX: &str = "inst:";

/// The fields, and the members of those that are records of fixed members.
const FIELDS: &[(&str, &[&str])] = &[
    ("inst:answer", &[]),
    ("inst:attempt", &[]),
    ("inst:current", &[]),
    ("inst:fault", &["code", "message", "activity", "data"]),
    ("inst:now", &[]),
    (
        "inst:process",
        &["id", "name", "key", "version", "launched", "user"],
    ),
];

/// A name that does not exist.
pub(crate) struct Unknown {
    pub(crate) reason: String,
    pub(crate) meant: Option<&'static str>,
}

/// Whether a top-level name is reserved.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Refuses a reserved name that no field has.
pub(crate) fn field(name: &str) -> Result<(), Unknown> {
    if !is_reserved(name) || FIELDS.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    let all = || FIELDS.iter().map(|(known, _)| *known);
    let start = format!("there is no reserved field `{name}`");
    Err(unknown(start, nearest(name, all()), all()))
}

/// Refuses a member that a reserved field never has.
pub(crate) fn member(field: &str, name: &str) -> Result<(), Unknown> {
    let members = FIELDS.iter().find(|(known, _)| *known == field);
    let members = members.map_or(&[][..], |(_, members)| members);
    if members.is_empty() || members.contains(&name) {
        return Ok(());
    }
    Err(unknown(
        format!("`{field}` has no `{name}`"),
        nearest(name, members.iter().copied()),
        members.iter().copied(),
    ))
}

fn unknown(
    start: String,
    meant: Option<&'static str>,
    known: impl Iterator<Item = &'static str>,
) -> Unknown {
    let reason = match meant {
        Some(meant) => format!("{start}; did you mean `{meant}`?"),
        None => {
            let known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
            format!("{start}; there are {}", known.join(", "))
        }
    };
    Unknown { reason, meant }
}
