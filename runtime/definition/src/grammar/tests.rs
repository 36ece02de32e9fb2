//! The table is right, what is made from it is what the repository holds, and the schemas judge
//! definitions as the checker does.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod files;
mod generated;
mod validator;

use super::*;

#[test]
fn names_say_what_an_element_is() {
    assert_eq!(root().tag, Tag::Process);
    for (place, row) in ROWS.iter().enumerate() {
        let mut others = ROWS.iter().skip(place + 1);
        assert!(others.all(|other| other.tag != row.tag), "{row:?}");
        for names in [row.child_names(), row.attribute_names()] {
            let mut sorted = names.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), names.len(), "{row:?}");
        }
    }
    let mut keys: Vec<String> = ROWS.iter().map(Row::key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), ROWS.len(), "{keys:?}");
}

#[test]
fn every_element_has_a_place_and_a_sentence() {
    for row in &ROWS[1..] {
        let is_somewhere = ROWS
            .iter()
            .any(|parent| parent.children().iter().any(|child| child.tag == row.tag));
        assert!(is_somewhere, "{row:?}");
    }
    for row in ROWS {
        assert!(row.purpose.ends_with('.'), "{row:?}");
        for attribute in row.attributes() {
            assert!(!attribute.meaning.ends_with('.'), "{attribute:?}");
        }
    }
}
