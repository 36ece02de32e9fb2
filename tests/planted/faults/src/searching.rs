//! Faults in bulk jobs, and in the index by which processes are found.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "BulkForgetsOutcomes",
        says: "After a restart a bulk job gives its order again to processes that have an outcome.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/bulk.rs",
            before: "running.found = outcomes",
            after: "let outcomes = if PLANTED { Vec::new() } else { outcomes }; running.found = outcomes",
        }],
    },
    Fault {
        name: "BulkForgottenAtStart",
        says: "A bulk job that was under way does not continue after a restart.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/bulk.rs",
            before: "self.running.insert(job, running); } Err(error)",
            after: "if !PLANTED { self.running.insert(job, running); } } Err(error)",
        }],
    },
    Fault {
        name: "BulkLeavesOutTheLast",
        says: "The search of a bulk job continues behind the process after the last one that it looked at.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/operate/search.rs",
            before: "Some(after) => after.next()",
            after: "Some(after) if PLANTED => after.next().map(|next| keys::Place { process: bureaucrat_model::ProcessId::from_bytes([u8::MAX; 16]), ..next }),
            Some(after) => after.next()",
        }],
    },
    Fault {
        name: "IndexKeepsWhatEnded",
        says: "A process is still found by what it waited for.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/store/src/indexes.rs",
            before: "if *count == 0 {",
            after: "if *count == 0 && !PLANTED {",
        }],
    },
    Fault {
        name: "IndexCountsOnce",
        says: "Of two parts that wait for the same participant, the first to continue takes the process out of the index.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/store/src/indexes.rs",
            before: "self.touch(attribute, touched); *self.counts.entry(attribute.clone()).or_default() += 1;",
            after: "self.touch(attribute, touched);
            if PLANTED { self.counts.insert(attribute.clone(), 1); } else { *self.counts.entry(attribute.clone()).or_default() += 1; }",
        }],
    },
    Fault {
        name: "IndexForgetsAtRead",
        says: "What a process is found by is not known any more once it was read from the store.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/store/src/instances.rs",
            before: "waits.extend_from_slice(&row.attributes);",
            after: "if !PLANTED { waits.extend_from_slice(&row.attributes); }",
        }],
    },
    Fault {
        name: "RemovedIsStillFound",
        says: "The index keeps what a removed process had.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/store/src/instances/deleting.rs",
            before: "for attribute in attributes {",
            after: "for attribute in attributes.into_iter().filter(|_| !PLANTED) {",
        }],
    },
];
