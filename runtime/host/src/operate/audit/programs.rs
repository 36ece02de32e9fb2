//! Programs: each is what its key says, and every module that one refers to exists.

use super::{Auditor, Repair, modules::Modules};
use bureaucrat_model::{Guest, Hex, Program, ProgramHash};
use bureaucrat_store::{StoreError, Table};
use std::collections::{BTreeMap, BTreeSet};

/// The readable programs, without their guests.
pub(super) type Programs = BTreeMap<ProgramHash, Program>;

impl Auditor<'_> {
    pub(super) fn programs(&mut self, modules: &Modules) -> Result<Programs, StoreError> {
        let mut programs = Programs::new();
        self.each(Table::Programs, |auditor, key, value| {
            let Ok(hash) = <[u8; 32]>::try_from(key.as_slice()) else {
                auditor.broken(Table::Programs, &key, "its key is not a hash");
                return Ok(());
            };
            if Program::hash(&value).0 != hash {
                auditor.broken(Table::Programs, &key, "its hash differs");
                return Ok(());
            }
            match Program::decode(&value) {
                Ok(mut program) => {
                    program.inline_guest = Vec::new();
                    programs.insert(ProgramHash(hash), program);
                }
                Err(error) => auditor.broken(Table::Programs, &key, &error.to_string()),
            }
            Ok(())
        })?;
        for (hash, program) in &programs {
            let named = program
                .conditions
                .iter()
                .filter_map(|condition| match condition.guest {
                    Guest::Module(module) => Some(module),
                    Guest::Inline => None,
                });
            for module in named.collect::<BTreeSet<_>>() {
                if modules.lack(module) {
                    let what = format!("module {module} is missing, but program {hash} needs it");
                    self.findings
                        .inconsistent(Table::Modules, &module.0, None, what);
                }
            }
        }
        Ok(programs)
    }

    pub(super) fn broken(&mut self, table: Table, key: &[u8], why: &str) {
        let what = format!("cannot read {}: {why}", Hex(key));
        self.findings.damaged(table, key, None, what, Repair::None);
    }
}
