//! What no Rust file holds.

use super::files::{none, rust_files};

/// What several places would do in their own way, and the one place that does it.
#[test]
fn locks_and_hexadecimal_digits_have_one_place() {
    // Assembled, so that this file does not find itself.
    let places: [_; 2] = [
        // One crate knows none of ours.
        (
            ("Poison", "Error"),
            &["runtime/model/src/locks.rs", "runtime/connect/src/locks.rs"][..],
        ),
        (
            ("|byte| format!(\"{byte:02", "x}\")"),
            &["runtime/model/src/hex.rs"],
        ),
    ];
    let mut problems = Vec::new();
    for (file, text) in rust_files() {
        for ((start, end), places) in places {
            if !places.contains(&file.as_str()) && text.contains(&format!("{start}{end}")) {
                problems.push(format!(
                    "{file} holds {start}{end}, which {places:?} are for"
                ));
            }
        }
    }
    none(&problems);
}

#[test]
fn nothing_is_left_to_do() {
    // Assembled, so that this file does not find itself.
    let unfinished = [
        ("todo", "!"),
        ("unimplemented", "!"),
        ("dbg", "!("),
        ("#[ig", "nore"),
    ];
    let mut problems = Vec::new();
    for (file, text) in rust_files() {
        for (start, end) in unfinished {
            if text.contains(&format!("{start}{end}")) {
                problems.push(format!("{file} holds {start}{end}"));
            }
        }
    }
    none(&problems);
}
