//! The audit log: each order in a history has its entry in the same commit, and each entry about a process has
//! its order there. The numbers have no gaps, and the oldest go first.

use super::{bulk, facts::Known, histories::happened};
use bureaucrat_host::audit_log::{About, AuditRecord};
use bureaucrat_model::{Initiator, ProcessId, Timestamp};
use bureaucrat_store::{Table, Unit, Write, keys, records};
use std::collections::{BTreeMap, BTreeSet};

/// The audit log, as far as it is durable.
#[derive(Debug, Default)]
pub struct AuditFacts {
    entries: BTreeMap<u64, Timestamp>,
}

impl Known {
    /// Orders in histories, and entries about processes.
    pub(super) fn are_in_audit_log(&mut self, unit: &Unit) {
        let (mut told, mut entered) = (BTreeSet::new(), BTreeSet::new());
        for write in &unit.writes {
            match write {
                Write::Put {
                    table: Table::History,
                    key,
                    value,
                } => {
                    let process = key.first_chunk().copied().map(ProcessId::from_bytes);
                    let by_operator = happened(key, value).iter().any(|entry| {
                        matches!(entry.event.initiator(), Some(Initiator::Operator(_)))
                    });
                    told.extend(
                        process.filter(|process| by_operator && !bulk::has_outcome(unit, *process)),
                    );
                }
                Write::Put {
                    table: Table::AuditLog,
                    key,
                    value,
                } => match records::decode::<AuditRecord>(Table::AuditLog, key, value) {
                    Ok(record) => match record.entry.about {
                        About::Process { process, .. } => drop(entered.insert(process)),
                        About::Job { .. }
                        | About::Definition { .. }
                        | About::Module { .. }
                        | About::Letter { .. } => {}
                    },
                    Err(error) => self.violate(error.to_string()),
                },
                Write::Put { .. } | Write::Delete { .. } => {}
            }
        }
        if told != entered {
            self.violate(format!(
                "histories have orders about {told:?}, and the audit log has orders about {entered:?}"
            ));
        }
    }

    pub(super) fn audit_entry_written(&mut self, key: &[u8], value: Option<&Vec<u8>>) {
        let Ok(number) = keys::audit_entry_of(key) else {
            return self.violate(format!("an entry of the audit log has the key {key:02x?}"));
        };
        let entries = &mut self.audit_log.entries;
        let Some(value) = value else {
            let first = entries.first_key_value().map(|(first, _)| *first);
            entries.remove(&number);
            // Engines that share the log number it side by side.
            if first != Some(number) && !self.shared.is_shared {
                self.violate(format!(
                    "entry {number} of the audit log is gone, and {first:?} is not"
                ));
            }
            return;
        };
        let Ok(record) = records::decode::<AuditRecord>(Table::AuditLog, key, value) else {
            return self.violate(format!("entry {number} of the audit log cannot be read"));
        };
        let last = entries.last_key_value().map(|(last, at)| (*last, *at));
        let is_new = entries.insert(number, record.at).is_none();
        *self.counts.entry("orders in the audit log").or_default() += 1;
        let follows = match self.shared.is_shared {
            true => is_new,
            false => last.is_none_or(|(last, at)| number == last + 1 && at <= record.at),
        };
        if !follows || record.number != number {
            self.violate(format!("after {last:?} the audit log got {record:?}"));
        }
    }
}
