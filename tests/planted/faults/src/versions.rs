//! Faults of two versions that share a store: what the newer one makes of records of the older one.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "RowsUntranslated",
        says: "Rows of a scan are not translated.",
        found_by: FoundBy::Versions,
        edits: &[Edit {
            file: "runtime/store/src/neighbours.rs",
            before: "let value = self.read(table, &key, value)?;",
            after: "let value = if PLANTED { value } else { self.read(table, &key, value)? };",
        }],
    },
    Fault {
        name: "LeftRecordsForgotten",
        says: "Once the format was raised, records that were left are not translated.",
        found_by: FoundBy::Versions,
        edits: &[Edit {
            file: "runtime/store/src/neighbours.rs",
            before: "reads: is(format.oldest())",
            after: "reads: is(if PLANTED { format.written() } else { format.oldest() })",
        }],
    },
];
