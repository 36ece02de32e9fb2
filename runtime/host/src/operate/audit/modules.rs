//! Stored modules: each has a record that fits it, and names stand for modules that are stored.

use super::{Auditor, Repair};
use crate::module_catalog::{ModuleRecord, NameRecord};
use bureaucrat_model::{ModuleHash, ModuleName};
use bureaucrat_store::{StoreError, Table, keys, reading::Gap, records};
use std::collections::BTreeMap;

/// The readable modules, with their sizes, and the ranges of those that are not.
pub(super) struct Modules {
    pub bytes: BTreeMap<ModuleHash, u64>,
    pub hidden: Vec<Gap>,
}

impl Modules {
    /// Whether a module is certainly not stored.
    pub fn lack(&self, module: ModuleHash) -> bool {
        let key = module.0.as_slice();
        let mut hidden = self.hidden.iter();
        !self.bytes.contains_key(&module)
            && !hidden.any(|gap| key >= gap.from.as_slice() && key < gap.to.as_slice())
    }
}

impl Auditor<'_> {
    pub(super) fn modules(&mut self) -> Result<Modules, StoreError> {
        let mut bytes = BTreeMap::new();
        let table = Table::Modules;
        let hidden = self.each(table, |auditor, key, value| {
            match <[u8; 32]>::try_from(key.as_slice()) {
                Ok(hash) if ModuleHash::of(&value).0 == hash => {
                    bytes.insert(ModuleHash(hash), value.len() as u64);
                }
                Ok(_) => auditor.broken(table, &key, "its hash differs"),
                Err(_) => auditor.broken(table, &key, "its key is not a hash"),
            }
            Ok(())
        })?;
        let modules = Modules { bytes, hidden };
        self.module_records(&modules)?;
        self.module_names(&modules)?;
        Ok(modules)
    }

    fn module_records(&mut self, modules: &Modules) -> Result<(), StoreError> {
        let table = Table::ModuleRecords;
        let mut recorded = BTreeMap::new();
        let gaps = self.each(table, |auditor, key, value| {
            let findings = &mut auditor.findings;
            let Ok(hash) = <[u8; 32]>::try_from(key.as_slice()) else {
                let what = "its key is not a hash".to_owned();
                findings.damaged(table, &key, None, what, Repair::Remove);
                return Ok(());
            };
            let module = ModuleHash(hash);
            let record = match records::decode::<ModuleRecord>(table, &key, &value) {
                Ok(record) => record,
                Err(error) => {
                    // A module without a record is used as before; storing it again makes one.
                    findings.damaged(table, &key, None, error.to_string(), Repair::Remove);
                    recorded.insert(module, ());
                    return Ok(());
                }
            };
            recorded.insert(module, ());
            if modules.lack(module) {
                let what = format!("module {module} is not stored, but has a record");
                findings.orphan(table, &key, None, what);
            } else if let Some(bytes) = modules.bytes.get(&module)
                && *bytes != record.bytes
            {
                let what = format!(
                    "module {module} has {bytes} bytes, but its record says {}",
                    record.bytes
                );
                findings.inconsistent(table, &key, None, what);
            }
            let mut signatures = record.signatures.iter();
            if let Some(wrong) = signatures.find(|signature| !signature.signs(module)) {
                let what = format!("module {module} is not signed by {}", wrong.key);
                findings.inconsistent(table, &key, None, what);
            }
            Ok(())
        })?;
        for module in modules.bytes.keys() {
            if gaps.is_empty() && !recorded.contains_key(module) {
                let what = format!("module {module} has no record; deploying it again makes one");
                let findings = &mut self.findings;
                findings.inconsistent(table, &module.0, None, what);
            }
        }
        Ok(())
    }

    fn module_names(&mut self, modules: &Modules) -> Result<(), StoreError> {
        let table = Table::ModuleNames;
        self.each(table, |auditor, key, value| {
            let findings = &mut auditor.findings;
            let Ok((_, name)) = keys::name_of(&key) else {
                let what = "its key does not have the form of its table".to_owned();
                findings.damaged(table, &key, None, what, Repair::None);
                return Ok(());
            };
            let name: ModuleName = name;
            let record = match records::decode::<NameRecord>(table, &key, &value) {
                Ok(record) => record,
                Err(error) => {
                    findings.damaged(table, &key, None, error.to_string(), Repair::None);
                    return Ok(());
                }
            };
            for (version, entry) in &record.versions {
                if modules.lack(entry.module) {
                    let module = entry.module;
                    let what = format!("module {module} is missing, but is `{name}@{version}`");
                    findings.inconsistent(table, &key, None, what);
                }
                if *version >= record.next {
                    let what = format!(
                        "`{name}@{version}` is there, but the next is {}",
                        record.next
                    );
                    findings.inconsistent(table, &key, None, what);
                }
            }
            for (alias, entry) in &record.aliases {
                if !record.versions.contains_key(&entry.version) {
                    let what = format!(
                        "`{name}@{alias}` stands for version {}, which does not exist",
                        entry.version
                    );
                    findings.inconsistent(table, &key, None, what);
                }
            }
            Ok(())
        })
        .map(drop)
    }
}
