//! Faults in the audit log.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "AuditForgetsOrders",
        says: "An order that is carried out has no entry in the audit log.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/orders.rs",
            before: "if outcome == OrderOutcome::Done {",
            after: "if outcome == OrderOutcome::Done && !PLANTED {",
        }],
    },
    Fault {
        name: "AuditEntryOfItsOwn",
        says: "The entry of an order is in a commit of its own.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/audit_log.rs",
            before: "transaction.put(Table::AuditLog, keys::audit_entry(number), record);",
            after: "if PLANTED { let mut other = Transaction::new(transaction.shard); other.put(Table::AuditLog, keys::audit_entry(number), record); return self.finish(other); }
            transaction.put(Table::AuditLog, keys::audit_entry(number), record);",
        }],
    },
    Fault {
        name: "AuditNumbersTwice",
        says: "After a restart the newest entry of the audit log is overwritten.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/audit_log.rs",
            before: "next: newest.saturating_add(1),",
            after: "next: if PLANTED { newest } else { newest.saturating_add(1) },",
        }],
    },
    Fault {
        name: "AuditKeepsTheOldest",
        says: "After a restart the oldest entry of the audit log is passed over when old ones are removed.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/audit_log.rs",
            before: "oldest: high,",
            after: "oldest: if PLANTED { newest.min(high + 1) } else { high },",
        }],
    },
];
