//! Faults about commits that the driver writes by itself.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[Fault {
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
}];
