//! What an evaluation reads, for a person who asks why a condition does not hold.
//!
//! It is noted only where somebody asks; it changes neither the outcome nor the fuel. It is bounded
//! in number and in bytes.

use indexmap::IndexMap;

/// The most fields that are noted.
const READS_MAX: usize = 64;
/// A value is cut to so many bytes.
pub const READ_BYTES_MAX: usize = 256;

/// A field that a guest read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRead {
    /// A JSON Pointer; empty for all fields.
    pub field: String,
    /// Its JSON text, cut; none where there is no such field.
    pub value: Option<String>,
}

/// The fields that a guest read, in the order of their first reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    noted: IndexMap<String, Option<String>>,
    more: usize,
}

impl Reads {
    pub(crate) fn note(&mut self, pointer: &str, value: Option<&str>) {
        if self.noted.contains_key(pointer) {
            return;
        }
        if self.noted.len() == READS_MAX {
            self.more = self.more.saturating_add(1);
            return;
        }
        let value = value.map(shortened);
        self.noted.insert(pointer.to_owned(), value);
    }

    /// How many were not noted because there were too many.
    pub const fn more(&self) -> usize {
        self.more
    }

    /// Those that were read for themselves: a record or a list is left out if the guest only looked
    /// for something inside it.
    pub fn fields(&self) -> Vec<FieldRead> {
        let is_way = |pointer: &str| {
            let mut others = self.noted.keys();
            others.any(|other| {
                let inside = other.strip_prefix(pointer);
                inside.is_some_and(|rest| rest.starts_with('/'))
            })
        };
        let own = self.noted.iter().filter(|(pointer, _)| !is_way(pointer));
        own.map(|(field, value)| FieldRead {
            field: field.clone(),
            value: value.clone(),
        })
        .collect()
    }
}

/// A text of at most [`READ_BYTES_MAX`] bytes; one that is cut ends with an ellipsis.
pub fn shortened(text: &str) -> String {
    if text.len() <= READ_BYTES_MAX {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(READ_BYTES_MAX)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_on_the_way_is_left_out() {
        let mut reads = Reads::default();
        reads.note("/event", Some("{\"amount\":12}"));
        reads.note("/event/amount", Some("12"));
        reads.note("/event/amount", Some("12"));
        reads.note("/events", None);
        let read = |field: &str, value: Option<&str>| FieldRead {
            field: field.into(),
            value: value.map(str::to_owned),
        };
        assert_eq!(
            reads.fields(),
            [read("/event/amount", Some("12")), read("/events", None)]
        );
    }

    #[test]
    fn they_are_bounded() {
        let mut reads = Reads::default();
        let long = "ä".repeat(READ_BYTES_MAX);
        for number in 0..READS_MAX + 3 {
            reads.note(&format!("/{number}"), Some(&long));
        }
        assert_eq!((reads.fields().len(), reads.more()), (READS_MAX, 3));
        let value = reads.fields().remove(0).value.unwrap_or_default();
        assert_eq!(value.chars().count(), READ_BYTES_MAX / 2 + 1);
        assert!(value.ends_with('…'));
    }
}
