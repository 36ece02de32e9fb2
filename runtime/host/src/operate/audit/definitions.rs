//! Deployed definitions: versions are numbered without gaps, and each has its text and its program.

use super::{Auditor, Repair, programs::Programs};
use crate::catalog::DefinitionRecord;
use bureaucrat_model::{SourceHash, Version};
use bureaucrat_store::{StoreError, Table, keys, keys::DefinitionKey, records};
use std::collections::BTreeMap;

/// A readable version, and whether its text was found.
struct Stored {
    place: DefinitionKey,
    record: DefinitionRecord,
    has_text: bool,
}

impl Auditor<'_> {
    pub(super) fn definitions(&mut self, programs: &Programs) -> Result<(), StoreError> {
        let mut versions: BTreeMap<Vec<u8>, Stored> = BTreeMap::new();
        // Versions that are there and can't be read.
        let mut unreadable = Vec::new();
        let gaps = self.each(Table::Definitions, |auditor, key, value| {
            let Ok(place) = keys::version_of(&key) else {
                let what = "its key does not have the form of its table";
                auditor.stranger(Table::Definitions, &key, what);
                return Ok(());
            };
            match records::decode::<DefinitionRecord>(Table::Definitions, &key, &value) {
                Ok(record) => {
                    let has_text = false;
                    let stored = Stored {
                        place,
                        record,
                        has_text,
                    };
                    versions.insert(key, stored);
                }
                Err(error) => {
                    let (what, findings) = (error.to_string(), &mut auditor.findings);
                    findings.damaged(Table::Definitions, &key, None, what, Repair::None);
                    unreadable.push(key);
                }
            }
            Ok(())
        })?;
        let is_whole = gaps.is_empty();
        let gaps = self.each(Table::Sources, |auditor, key, text| {
            match versions.get_mut(&key) {
                Some(stored) => {
                    stored.has_text = true;
                    if SourceHash::of(&text) != stored.record.source {
                        let what =
                            "the hash of the text differs from that of its version".to_owned();
                        let findings = &mut auditor.findings;
                        findings.damaged(Table::Sources, &key, None, what, Repair::None);
                    }
                }
                None if is_whole && !unreadable.contains(&key) => {
                    let what = "there is no version with this text".to_owned();
                    auditor.findings.orphan(Table::Sources, &key, None, what);
                }
                None => {}
            }
            Ok(())
        })?;
        for (key, stored) in &versions {
            self.version_fits(key, stored, programs);
            if !stored.has_text && gaps.is_empty() {
                let what = format!("the text of {} is missing", named(&stored.place));
                self.findings.inconsistent(Table::Sources, key, None, what);
            }
            let place = &stored.place;
            let before = Version::new(place.version.number() - 1);
            let before = before.map(|before| keys::version(place.shard, &place.name, before));
            let is_there = |key: &Vec<u8>| versions.contains_key(key) || unreadable.contains(key);
            if is_whole && before.is_some_and(|before| !is_there(&before)) {
                let what = format!("the version before {} is missing", named(place));
                let table = Table::Definitions;
                self.findings.inconsistent(table, key, None, what);
            }
        }
        Ok(())
    }

    fn version_fits(&mut self, key: &[u8], stored: &Stored, programs: &Programs) {
        let program = stored.record.program;
        if programs.contains_key(&program) {
            return;
        }
        let what = format!(
            "program {program} is missing or unreadable, but {} needs it",
            named(&stored.place)
        );
        self.findings
            .inconsistent(Table::Definitions, key, None, what);
    }
}

fn named(place: &DefinitionKey) -> String {
    format!("`{}@{}`", place.name, place.version)
}
