//! Remembered messages and removed processes: each record has its expiry, and each expiry its
//! record.

use super::{Auditor, Presence, Repair, instances::Processes};
use crate::intake::SeenRecord;
use bureaucrat_model::{Hex, ProcessId};
use bureaucrat_store::{StoreError, Table, Write, keys, keys::SeenKey, records};
use std::collections::BTreeMap;

/// A record, and whether an expiry refers to it.
struct Memory {
    process: Option<ProcessId>,
    expires: bool,
}

impl Auditor<'_> {
    pub(super) fn seen(&mut self, processes: &Processes) -> Result<(), StoreError> {
        let mut memories: BTreeMap<Vec<u8>, Memory> = BTreeMap::new();
        let gaps = self.each(Table::Seen, |auditor, key, value| {
            match keys::seen_of(&key) {
                Ok(SeenKey::Message) => {
                    let read = records::decode::<SeenRecord>(Table::Seen, &key, &value);
                    let process = read.map_or_else(
                        |error| {
                            let what = error.to_string();
                            auditor
                                .findings
                                .damaged(Table::Seen, &key, None, what, Repair::None);
                            None
                        },
                        |record| record.process,
                    );
                    let expires = false;
                    memories.insert(key, Memory { process, expires });
                }
                Ok(SeenKey::Tombstone(process)) => {
                    auditor.tombstone(processes, &key, process);
                    let (process, expires) = (None, false);
                    memories.insert(key, Memory { process, expires });
                }
                // A shard's keys are ordered: expiries come after all records.
                Ok(SeenKey::Expiry) => auditor.expiry(&mut memories, &key),
                Err(_) => auditor.stranger(
                    Table::Seen,
                    &key,
                    "its key does not have the form of its table",
                ),
            }
            Ok(())
        })?;
        if !gaps.is_empty() {
            return Ok(());
        }
        for (key, memory) in &memories {
            if !memory.expires {
                let kept = if matches!(keys::seen_of(key), Ok(SeenKey::Tombstone(_))) {
                    self.config.tombstone_retention
                } else {
                    self.config.seen_retention
                };
                let write = Write::Put {
                    table: Table::Seen,
                    key: keys::expiry(self.now.after(kept), key),
                    value: Vec::new(),
                };
                let what = format!("nothing schedules the removal of {}", Hex(key));
                self.findings.missing(write, None, what);
            }
            if let Some(process) = memory.process
                && processes.presence(process) == Presence::Absent
                && !memories.contains_key(&keys::tombstone(process))
            {
                let what =
                    format!("the launch of process {process} took effect, but the process is gone");
                self.findings
                    .inconsistent(Table::Seen, key, Some(process), what);
            }
        }
        Ok(())
    }

    fn tombstone(&mut self, processes: &Processes, key: &[u8], process: ProcessId) {
        if processes.presence(process) == Presence::Here {
            self.findings.orphan(
                Table::Seen,
                key,
                Some(process),
                "the process is recorded as removed, but exists".into(),
            );
        }
    }

    fn expiry(&mut self, memories: &mut BTreeMap<Vec<u8>, Memory>, key: &[u8]) {
        let memory = keys::expired_of(key)
            .ok()
            .and_then(|named| memories.get_mut(&named));
        match memory {
            Some(memory) => memory.expires = true,
            None => self.findings.orphan(
                Table::Seen,
                key,
                None,
                "what it schedules for removal does not exist".into(),
            ),
        }
    }
}
