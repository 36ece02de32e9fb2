//! Mistakes with kept events, and with messages that definitions send.

use super::{Edit, Fault, FoundBy};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "ListenerServedTwice",
        says: "After a start, an event is handed out again to what took it already and waits for the next one.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/handing_out.rs",
            before: "if is_repeated && self.took_event(sequence, wait)? {",
            after: "if is_repeated && !PLANTED && self.took_event(sequence, wait)? {",
        }],
    },
    Fault {
        name: "RecallsForgottenAtStart",
        says: "After a start, nothing that is kept is offered to those who asked before.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "(Ok(wait), Some(recall)) => planner.kept.serve(wait, recall.wanted),",
            after: "(Ok(_), Some(_)) if PLANTED => {}
            (Ok(wait), Some(recall)) => planner.kept.serve(wait, recall.wanted),",
        }],
    },
    Fault {
        name: "RecallNotResumed",
        says: "Only the first of the waits of a process is offered what is kept.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/kept.rs",
            before: "if let Some(process) = news.offered {",
            after: "if let Some(process) = news.offered.filter(|_| !PLANTED) {",
        }],
    },
    Fault {
        name: "RecallRowStays",
        says: "The row of a wait that is over stays.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/effects.rs",
            before: "transaction.delete(Table::Recalls, keys::recall(wait));",
            after: "if !PLANTED { transaction.delete(Table::Recalls, keys::recall(wait)); }",
        }],
    },
    Fault {
        name: "KeptGoesEarly",
        says: "A kept event goes before its time.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/kept.rs",
            before: "let (from, to) = keys::kept_gone(now);",
            after: "let (from, to) = keys::kept_gone(if PLANTED { now.after(Millis(1_000_000_000_000)) } else { now });",
        }],
    },
    Fault {
        name: "RefusedMessageIsSentTwice",
        says: "A message is written under a number of its own for each time that it is sent.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/sending.rs",
            before: "transaction.publish(row, sent(id, asking.turn, message));",
            after: "if PLANTED {
            let row = OutboxKey { number: row.number + 1_000_000, ..row };
            transaction.publish(row, sent(id.clone(), asking.turn, message));
        }
        transaction.publish(row, sent(id, asking.turn, message));",
        }],
    },
];
