//! Faults in deployed definitions and launches by name.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "NumberGivenAgain",
        says: "A version that is not durable yet does not count when the next one is numbered.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/deploying/mod.rs",
            before: "self.catalog.plan(&name, version, &record);",
            after: "if !PLANTED { self.catalog.plan(&name, version, &record); }",
        }],
    },
    Fault {
        name: "FirstVersionForNewest",
        says: "A name without a version launches the first one.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/catalog/resolving.rs",
            before: "let launched = launched.find(|(_, known)| is_launched(known));",
            after: "let launched = if PLANTED {
                launched.filter(|(_, known)| is_launched(known)).last()
            } else {
                launched.find(|(_, known)| is_launched(known))
            };",
        }],
    },
    Fault {
        name: "VersionKeepsNoProgram",
        says: "A version does not count as a use of its program after a restart.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/programs.rs",
            before: "for program in &deployed.programs {",
            after: "for program in deployed.programs.iter().filter(|_| !PLANTED) {",
        }],
    },
    Fault {
        name: "FieldsOfTheLaunchLost",
        says: "A launch by name starts with the context of its definition alone.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/lib.rs",
            before: "fields.update(&launch.fields);",
            after: "if !PLANTED { fields.update(&launch.fields); }",
        }],
    },
    Fault {
        name: "DeployedBeforeDurable",
        says: "A deployment is acknowledged when it is compiled, not when it is durable.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/deploying/mod.rs",
            before: "transaction.after.acknowledge.push(delivery.handle);",
            after: "if PLANTED {
                self.shared.broker.acknowledge(delivery.handle);
            } else {
                transaction.after.acknowledge.push(delivery.handle);
            }",
        }],
    },
    Fault {
        name: "CatalogForgottenAtStart",
        says: "An engine that starts knows no definition that was deployed earlier.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "driver.parts().0.catalog = self.catalog;",
            after: "if !PLANTED { driver.parts().0.catalog = self.catalog; }",
        }],
    },
    Fault {
        name: "KeyClaimedWhenDurable",
        says: "A launch does not see the keys of launches that are not durable yet.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/business.rs",
            before: "if let Some(pending) = self.business.pending.get(hash) {",
            after: "if let Some(pending) = self.business.pending.get(hash).filter(|_| !PLANTED) {",
        }],
    },
    Fault {
        name: "KeyKeptAtTheEnd",
        says: "A process that ends keeps its business key.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/business.rs",
            before: "transaction.delete(Table::BusinessKeys, hash.to_vec());",
            after: "if !PLANTED { transaction.delete(Table::BusinessKeys, hash.to_vec()); }",
        }],
    },
];
