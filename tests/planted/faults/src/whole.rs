//! Faults in what holds for a process as a whole, and in calls by name.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "DeadlineOutlivesProcess",
        says: "The timer of the deadline stays when its process ends.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ending.rs",
            before: "self.stop_deadline();",
            after: "if !PLANTED { self.stop_deadline(); }",
        }],
    },
    Fault {
        name: "StuckNotCounted",
        says: "The head does not say that a fiber waits for an operator.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/machine.rs",
            before: "self.instance.stuck = stuck;",
            after: "if !PLANTED { self.instance.stuck = stuck; }",
        }],
    },
    Fault {
        name: "VersionForgotten",
        says: "The wait of a call by name does not keep the version that was chosen.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ops/call.rs",
            before: "*definition = Called::Found(chosen);",
            after: "if !PLANTED { *definition = Called::Found(chosen); }",
        }],
    },
];
