//! Faults in what histories prove.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "HistoryUnchained",
        says: "A row of a history does not hold the hash of the row before it.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/store/src/histories.rs",
            before: "before: head.newest,",
            after: "before: if PLANTED { HistoryHash::NONE } else { head.newest },",
        }],
    },
    Fault {
        name: "NoticeBeforeItsHistory",
        says: "The notice of an end has the hash of a history that does not know of the end.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/effects.rs",
            before: "transaction.write_history(process, &*self.shared.store, entries_max)?;",
            after: "if !PLANTED {
                transaction.write_history(process, &*self.shared.store, entries_max)?;
            }",
        }],
    },
    Fault {
        name: "LeftOutUnsaid",
        says: "A long history loses its oldest rows, and its head does not say so.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/store/src/histories.rs",
            before: "if to == begin {",
            after: "if to == begin || PLANTED {",
        }],
    },
    Fault {
        name: "FirstRowLeftOut",
        says: "A long history loses its first row, with the launch.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/store/src/histories.rs",
            before: "let from = head.left_out.map_or(1, |left_out| left_out.to);",
            after: "let from = head.left_out.map_or(if PLANTED { 0 } else { 1 }, |left_out| left_out.to);",
        }],
    },
];
