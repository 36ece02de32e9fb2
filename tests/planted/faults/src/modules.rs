//! Faults in deployed modules.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "ModuleNumberAgain",
        says: "The next version of a module's name gets the number of the last.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/modules/mod.rs",
            before: "record.next = version.next().unwrap_or(version);",
            after: "if !PLANTED { record.next = version.next().unwrap_or(version); }",
        }],
    },
    Fault {
        name: "ModuleNamedEarly",
        says: "A name stands for a module before that is durable.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/modules/mod.rs",
            before: "transaction.after.modules.push((name.clone(), Some(record)));",
            after: "if PLANTED { self.shared.definitions.names().durable(vec![(name.clone(), Some(record.clone()))]); }
        transaction.after.modules.push((name.clone(), Some(record)));",
        }],
    },
    Fault {
        name: "ModuleUnnamed",
        says: "A module is deployed without its name.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/modules/mod.rs",
            before: "transaction.put(Table::ModuleNames, key, records::encode(&record)?);",
            after: "if !PLANTED { transaction.put(Table::ModuleNames, key, records::encode(&record)?); }",
        }],
    },
    Fault {
        name: "ModuleUnrecorded",
        says: "A stored module has no record.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/modules/mod.rs",
            before: "transaction.put(Table::ModuleRecords, key, records::encode(&record)?);",
            after: "if !PLANTED { transaction.put(Table::ModuleRecords, key, records::encode(&record)?); }",
        }],
    },
];
