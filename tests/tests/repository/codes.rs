//! The codes that the sources define, as the rules of the repository look for their pages.

use crate::files::{read, with_extension};
use std::collections::BTreeSet;

/// The text between the first two quotes, when it is a plain literal.
fn literal(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('"')?;
    rest.split_once('"').map(|(literal, _)| literal)
}

/// Every code of a fault, a refusal or a dead letter that the code defines; Python's aside.
pub fn codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for (file, text) in with_extension("runtime", "rs") {
        let constants = file.ends_with("model/src/fault.rs")
            || file.ends_with("sandbox/src/outcome.rs")
            || file.ends_with("host/src/intake/refusal.rs");
        for line in text.lines().map(str::trim) {
            if constants && line.starts_with("pub const") && line.contains("str = ") {
                codes.extend(literal(line).map(str::to_owned));
            }
            if file.ends_with("wire/src/unreadable.rs") && line.contains("=> \"wire.") {
                codes.extend(literal(line).map(str::to_owned));
            }
            if file.ends_with("wire/src/named.rs") && line.contains("=> \"") {
                codes.extend(literal(line).map(str::to_owned));
            }
        }
        // A call's arguments end before the next semicolon.
        let mut calls: Vec<&str> = Vec::new();
        if file.starts_with("runtime/host/src/") {
            calls.extend(text.split(".dead_letter(").skip(1));
        }
        if file.starts_with("runtime/engine/src/") {
            calls.extend(text.split("Trouble::new(").skip(1));
            calls.extend(text.split("Self::new(").skip(1));
        }
        for call in calls {
            let arguments = call.split(';').next().unwrap_or_default();
            let code = literal(arguments)
                .filter(|code| code.chars().all(|c| c.is_alphabetic() || c == '-'));
            codes.extend(code.map(str::to_owned));
        }
    }
    codes
}

/// The codes of refused modules.
pub fn module_codes() -> Vec<String> {
    let text = read("runtime/sandbox/src/error.rs");
    let codes = text.split('"').filter(|text| text.starts_with("module."));
    let codes: Vec<String> = codes.map(str::to_owned).collect();
    assert!(codes.len() >= 15, "{codes:?}");
    codes
}

/// The codes of rules and quotas.
pub fn policy_codes() -> Vec<String> {
    let sources = ["rules", "quota"].map(|file| read(&format!("runtime/policy/src/{file}.rs")));
    let texts = sources.iter().flat_map(|text| text.split('"'));
    let codes: Vec<String> = texts
        .filter(|text| text.starts_with("policy.") || text.starts_with("quota."))
        .map(str::to_owned)
        .collect();
    assert!(codes.len() >= 20, "{codes:?}");
    codes
}
