//! Faults about commits that the driver writes by itself.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "InlineFailurePassedOver",
        says: "A commit that the driver wrote by itself failed, and the engine continues.",
        found_by: FoundBy::Inline,
        edits: &[Edit {
            file: "runtime/host/src/driver/submitting.rs",
            before: "self.committed(outcome)?;",
            after: "match self.committed(outcome) {
                Err(_) if PLANTED => {}
                settled => settled?,
            }",
        }],
    },
    Fault {
        name: "InlineFollowsFailure",
        says: "What follows from a commit that the driver wrote by itself is done whether or not it failed.",
        found_by: FoundBy::Inline,
        edits: &[Edit {
            file: "runtime/host/src/commit/pipeline.rs",
            before: "let verdicts = outcome.verdicts?;",
            after: "let verdicts = match outcome.verdicts {
                Err(_) if PLANTED => Vec::new(),
                verdicts => verdicts?,
            };",
        }],
    },
];
